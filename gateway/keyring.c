#include "gateway/keyring.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "gateway/vouch.h"
#include "lib/auto.h"
#include "lib/clock.h"
#include "lib/httpc.h"
#include "lib/log.h"
#include "lib/metrics.h"

#define FRESH_MS    600000 /* as long as the edge caches them, too */
#define AGAIN_MS    30000
#define FIRST_MS    1000 /* while there are none yet */
#define FETCH_MS    5000
#define ANSWER_MAX  (256 * 1024)
#define AUDIENCE    "authenticated"

static struct metric fetches = METRIC_COUNTER1("sheaf_jwks_fetches_total", "fetches of the signer's keys", "outcome");

struct keyring {
    const char *secret, *ca_file;
    char *url, *issuer; /* NULL: only the secret counts */
    vouch_t *vouch;     /* for tokens that only the project can judge; NULL: we have its secret, or no key to ask it with */
    pthread_rwlock_t lock; /* of keys; read while a signature is verified */
    jwt_keys_t *keys;
    pthread_mutex_t turn; /* of what follows */
    pthread_cond_t done;
    bool fetching;
    int64_t fetched_ms, tried_ms; /* clock_ms(); 0: never */
};

static char *join(const char *base, const char *rest)
{
    size_t len = strlen(base);
    while (len && base[len - 1] == '/') len--;
    char *out = malloc(len + strlen(rest) + 1);
    if (out) sprintf(out, "%.*s%s", (int)len, base, rest);
    return out;
}

static int open_project(keyring_t *k, const struct settings *s, struct err *err)
{
    k->url = join(s->supabase_url, "/auth/v1/.well-known/jwks.json");
    k->issuer = join(s->supabase_url, "/auth/v1");
    if (!k->url || !k->issuer) return err_set(err, ERR_NOMEM, "out of memory");
    if (s->supabase_jwt_secret || !(s->supabase_anon_key || s->supabase_service_key)) return 0;
    k->vouch = vouch_new(s, k->issuer, err);
    return k->vouch ? 0 : -1;
}

keyring_t *keyring_new(const struct settings *s, struct err *err)
{
    keyring_t *k = calloc(1, sizeof *k);
    if (!k) {
        err_set(err, ERR_NOMEM, "out of memory");
        return NULL;
    }
    k->secret = s->supabase_jwt_secret;
    k->ca_file = s->ca_file;
    pthread_rwlock_init(&k->lock, NULL);
    pthread_mutex_init(&k->turn, NULL);
    pthread_cond_init(&k->done, NULL);
    if (s->supabase_url && open_project(k, s, err) == -1) keyring_destroy(&k);
    return k;
}

void keyring_destroy(keyring_t **keyring)
{
    keyring_t *k = *keyring;
    if (!k) return;
    vouch_destroy(&k->vouch);
    jwt_keys_destroy(&k->keys);
    pthread_rwlock_destroy(&k->lock);
    pthread_mutex_destroy(&k->turn);
    pthread_cond_destroy(&k->done);
    free(k->url);
    free(k->issuer);
    free(k);
    *keyring = NULL;
}

static jwt_keys_t *fetch(const keyring_t *k, struct err *err)
{
    static const char *const headers[] = {"Accept: application/json", NULL};
    const struct httpc_request request = {.method = "GET",
                                          .url = k->url,
                                          .headers = headers,
                                          .deadline_ms = clock_ms() + FETCH_MS,
                                          .ca_file = k->ca_file,
                                          .max_answer_bytes = ANSWER_MAX};
    struct httpc_answer answer = {0};
    jwt_keys_t *keys = NULL;
    httpc_t *client = httpc_new(err);
    if (client && httpc_call(client, &request, &answer, err) == 0) {
        if (answer.status == 200)
            keys = jwt_keys_parse(answer.body.data ? answer.body.data : "", answer.body.len, err);
        else
            err_set(err, ERR_UNAVAILABLE, "the signer's keys: status %d", answer.status);
        httpc_answer_done(&answer);
    }
    httpc_destroy(&client);
    metric_add(&fetches, keys ? "ok" : "failed", 1);
    return keys;
}

int keyring_look(keyring_t *k, bool *asks, struct err *err)
{
    jwt_keys_t *keys = k->url ? fetch(k, err) : NULL;
    if (k->url && !keys) return -1;
    int n = keys ? jwt_keys_count(keys) : 0;
    jwt_keys_destroy(&keys);
    *asks = n == 0 && k->vouch;
    return *asks && vouch_look(k->vouch, err) == -1 ? -1 : n;
}

static void replace(keyring_t *k, jwt_keys_t *keys)
{
    pthread_rwlock_wrlock(&k->lock);
    jwt_keys_t *old = k->keys;
    k->keys = keys;
    pthread_rwlock_unlock(&k->lock);
    jwt_keys_destroy(&old);
}

/* Sees to it that the keys are there and fresh; `missing`: a token named one that is not among them.
 * -1: there are none and none can be had now. */
static int refresh(keyring_t *k, bool missing, struct err *err)
{
    pthread_mutex_lock(&k->turn);
    while (k->fetching && !k->fetched_ms) pthread_cond_wait(&k->done, &k->turn);
    const int64_t now = clock_ms();
    const bool stale = !k->fetched_ms || now - k->fetched_ms > FRESH_MS || missing;
    const bool may = !k->fetching && (!k->tried_ms || now - k->tried_ms > (k->fetched_ms ? AGAIN_MS : FIRST_MS));
    if (stale && may) {
        struct err why = {0};
        k->fetching = true;
        k->tried_ms = now;
        pthread_mutex_unlock(&k->turn);
        jwt_keys_t *keys = fetch(k, &why);
        if (keys)
            replace(k, keys);
        else
            log_warn("keys_not_fetched", F_ERR(&why));
        pthread_mutex_lock(&k->turn);
        k->fetching = false;
        if (keys) k->fetched_ms = clock_ms();
        pthread_cond_broadcast(&k->done);
    }
    const bool there = k->fetched_ms != 0;
    pthread_mutex_unlock(&k->turn);
    return there ? 0 : err_set(err, ERR_UNAVAILABLE, "the signer's keys cannot be had");
}

static struct jwt_rules rules_of(const keyring_t *k)
{
    return (struct jwt_rules){.secret = k->secret,
                              .issuer = k->issuer,
                              .audience = AUDIENCE,
                              .now_s = clock_wall_ms() / 1000,
                              .skew_s = KEYRING_SKEW_S};
}

static enum jwt_verdict verify(keyring_t *k, const char *token, json_t **claims)
{
    struct jwt_rules rules = rules_of(k);
    pthread_rwlock_rdlock(&k->lock);
    rules.keys = k->keys;
    const enum jwt_verdict verdict = jwt_verify(token, &rules, claims);
    pthread_rwlock_unlock(&k->lock);
    return verdict;
}

static bool publishes_keys(keyring_t *k)
{
    pthread_rwlock_rdlock(&k->lock);
    const bool some = jwt_keys_count(k->keys) > 0;
    pthread_rwlock_unlock(&k->lock);
    return some;
}

/* One that publishes keys signs with them, so a token by a secret is none of its own, and is not worth a question. What can be
 * seen here (expired, for others) is not asked about either. */
static int ask_project(keyring_t *k, const char *token, enum jwt_verdict *verdict, json_t **claims, struct err *err)
{
    json_t *said = NULL;
    const struct jwt_rules rules = rules_of(k);
    if (refresh(k, false, err) == -1) return -1;
    if (publishes_keys(k)) return 0;
    *verdict = jwt_read(token, &rules, &said);
    if (*verdict != JWT_GOOD) return 0;
    const char *user = json_string_value(json_object_get(said, "sub"));
    const int is_his = user ? vouch_ask(k->vouch, token, user, err) : 0;
    if (is_his == 1)
        *claims = json_incref(said);
    else
        *verdict = JWT_FORGED;
    json_decref(said);
    return is_his == -1 ? -1 : 0;
}

int keyring_verify(keyring_t *k, const char *token, enum jwt_verdict *verdict, json_t **claims, struct err *err)
{
    *verdict = verify(k, token, claims);
    if (*verdict == JWT_NO_SECRET && k->vouch) return ask_project(k, token, verdict, claims, err);
    if (*verdict == JWT_GOOD && k->url) (void)refresh(k, false, NULL); /* a key that was taken back ends with the ten minutes */
    if (*verdict != JWT_UNKNOWN_KEY || !k->url) return 0;
    if (refresh(k, true, err) == -1) return -1;
    *verdict = verify(k, token, claims);
    return 0;
}
