#include "gateway/vouch.h"

#include <jansson.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "lib/auto.h"
#include "lib/clock.h"
#include "lib/digest.h"
#include "lib/provider.h"

#define TITLE   "Supabase's sign-in"
#define KEPT    512
#define GOOD_MS 60000
#define BAD_MS  30000
#define ASK_MS  5000

enum known { NOTHING, BEING_ASKED, GOOD, BAD };

struct entry {
    enum known known;
    char digest[DIGEST_HEX], user[VOUCH_USER_MAX];
    int64_t until_ms; /* clock_ms() */
};

struct vouch {
    provider_t *provider;
    char *url, *apikey;
    pthread_mutex_t lock; /* guards the entries */
    pthread_cond_t answered;
    struct entry entry[KEPT];
};

vouch_t *vouch_new(const struct settings *s, const char *issuer, struct err *err)
{
    const char *key = s->supabase_anon_key ? s->supabase_anon_key : s->supabase_service_key;
    const struct provider_options options = {.name = "supabase-auth", .title = TITLE, .types = "", .calls = (int)s->provider_calls};
    struct buf url = BUF_INIT, apikey = BUF_INIT;
    vouch_t *v = calloc(1, sizeof *v);
    if (!v) {
        err_set(err, ERR_NOMEM, "out of memory");
        return NULL;
    }
    pthread_mutex_init(&v->lock, NULL);
    clock_cond_init(&v->answered);
    buf_printf(&url, "%s/user", issuer);
    buf_printf(&apikey, "apikey: %s", key);
    v->url = buf_take(&url, NULL);
    v->apikey = buf_take(&apikey, NULL);
    if (!v->url || !v->apikey)
        err_set(err, ERR_NOMEM, "out of memory");
    else
        v->provider = provider_new(s, &options, err);
    if (!v->provider) vouch_destroy(&v);
    return v;
}

void vouch_destroy(vouch_t **vp)
{
    vouch_t *v = *vp;
    if (!v) return;
    provider_destroy(&v->provider);
    pthread_mutex_destroy(&v->lock);
    pthread_cond_destroy(&v->answered);
    free(v->url);
    free(v->apikey);
    free(v);
    *vp = NULL;
}

/* --- the call --- */

/* The word for a refusal stands in one of three places, by the server's version (supabase/auth, errors.go). */
static bool has_code(const json_t *body, const char *headers)
{
    char text[64];
    return json_is_string(json_object_get(body, "error_code")) || json_is_string(json_object_get(body, "code")) ||
           json_is_string(json_object_get(body, "error")) || httpc_header(headers, "x-sb-error-code", text, sizeof text) == 0;
}

/* What stands before the sign-in asks for a key of the project, and says so in words only. */
static bool is_about_our_key(const json_t *body, const char *headers)
{
    const char *message = json_string_value(json_object_get(body, "message"));
    return message && strstr(message, "API key") && !has_code(body, headers);
}

static int read_user(const json_t *body, struct vouched *out, struct err *err)
{
    const char *id = json_string_value(json_object_get(body, "id"));
    if (!id || !*id || strlen(id) >= sizeof out->user) return err_set(err, ERR_UNAVAILABLE, TITLE " gave an answer that makes no sense.");
    strcpy(out->user, id);
    return 0;
}

int vouch_judge(const struct httpc_answer *answer, void *user, struct err *err)
{
    struct vouched *out = user;
    const char *headers = answer->headers.data ? answer->headers.data : "";
    json_t *body = json_loadb(answer->body.data ? answer->body.data : "", answer->body.len, 0, NULL);
    const bool refused = answer->status == 401 || answer->status == 403;
    int rc = 0;
    *out->user = '\0';
    if (answer->status == 200)
        rc = read_user(body, out, err);
    else if (refused && is_about_our_key(body, headers))
        rc = err_code(err, ERR_CONFIG, "provider_refused",
                      TITLE " does not accept our key: check SUPABASE_ANON_KEY, or without one SUPABASE_SERVICE_ROLE_KEY");
    else if (!refused)
        rc = provider_judge_status(TITLE, answer, err);
    if (rc == -1 && err) err->sys = answer->status;
    json_decref(body);
    return rc;
}

/* Nobody's session is an answer like any other. */
static int call(vouch_t *v, const char *token, struct vouched *out, struct err *err)
{
    AUTO(buf_done) struct buf bearer = BUF_INIT;
    struct httpc_answer answer = {0};
    buf_printf(&bearer, "Authorization: Bearer %s", token);
    if (bearer.bad) return err_set(err, ERR_NOMEM, "out of memory");
    const struct provider_request request = {.http = {.method = "GET",
                                                      .url = v->url,
                                                      .headers = (const char *const[]){v->apikey, bearer.data, NULL},
                                                      .deadline_ms = clock_ms() + ASK_MS,
                                                      .max_answer_bytes = 65536},
                                             .judge = vouch_judge,
                                             .user = out};
    int rc = provider_call(v->provider, &request, &answer, err);
    httpc_answer_done(&answer);
    return rc;
}

int vouch_look(vouch_t *v, struct err *err)
{
    struct vouched nobody;
    return call(v, "nobody", &nobody, err);
}

/* --- what is known --- */

static struct entry *find(vouch_t *v, const char *digest)
{
    for (int i = 0; i < KEPT; i++)
        if (v->entry[i].known != NOTHING && strcmp(v->entry[i].digest, digest) == 0) return &v->entry[i];
    return NULL;
}

/* Room for one more: first what says nothing any more, then a no, so that whoever tries many tokens pushes out nobody's
 * session. NULL: all are being asked about. */
static struct entry *make_room(vouch_t *v)
{
    struct entry *best = NULL;
    int64_t best_worth = INT64_MAX;
    const int64_t now_ms = clock_ms();
    for (int i = 0; i < KEPT; i++) {
        struct entry *e = &v->entry[i];
        if (e->known == BEING_ASKED) continue;
        const int64_t left_ms = e->known == NOTHING || e->until_ms <= now_ms ? 0 : e->until_ms - now_ms;
        const int64_t worth = left_ms + (left_ms && e->known == GOOD ? GOOD_MS : 0);
        if (worth < best_worth) {
            best_worth = worth;
            best = e;
        }
    }
    return best;
}

static void learn(vouch_t *v, struct entry *e, int rc, const struct vouched *said)
{
    pthread_mutex_lock(&v->lock);
    e->known = rc == -1 ? NOTHING : *said->user ? GOOD : BAD;
    e->until_ms = clock_ms() + (e->known == GOOD ? GOOD_MS : BAD_MS);
    strcpy(e->user, said->user);
    pthread_cond_broadcast(&v->answered);
    pthread_mutex_unlock(&v->lock);
}

int vouch_ask(vouch_t *v, const char *token, const char *user, struct err *err)
{
    char digest[DIGEST_HEX];
    struct vouched said = {0};
    struct entry *e;
    digest_hex(token, strlen(token), digest);
    pthread_mutex_lock(&v->lock);
    while ((e = find(v, digest)) && e->known == BEING_ASKED) pthread_cond_wait(&v->answered, &v->lock); /* ASK_MS at most */
    const bool known = e && e->until_ms > clock_ms();
    if (known) {
        strcpy(said.user, e->user);
    } else {
        if (!e) e = make_room(v);
        if (e) e->known = BEING_ASKED;
        if (e) strcpy(e->digest, digest);
    }
    pthread_mutex_unlock(&v->lock);
    if (!known) {
        int rc = call(v, token, &said, err);
        if (e) learn(v, e, rc, &said);
        if (rc == -1) return -1;
    }
    return *said.user && strcmp(said.user, user) == 0;
}
