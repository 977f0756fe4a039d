/* A service account's access token: one for the process, fetched by one thread at a time. */
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include "lib/auto.h"
#include "lib/clock.h"
#include "ocr-svc/providers/google.h"

#define EARLY_MS 225000 /* 3 min 45 s before its end, as google-auth does */
#define FETCH_MS 15000

struct google_token {
    provider_t *provider;
    const struct google_key *key;
    pthread_mutex_t lock; /* guards all below */
    pthread_cond_t changed;
    char *text; /* NULL: none */
    int64_t ends_ms;
    bool fetching;
};

google_token_t *google_token_new(provider_t *provider, const struct google_key *key)
{
    google_token_t *t = calloc(1, sizeof *t);
    if (!t) return NULL;
    t->provider = provider;
    t->key = key;
    pthread_mutex_init(&t->lock, NULL);
    clock_cond_init(&t->changed);
    return t;
}

void google_token_destroy(google_token_t **t)
{
    if (!*t) return;
    pthread_mutex_destroy(&(*t)->lock);
    pthread_cond_destroy(&(*t)->changed);
    free((*t)->text);
    free(*t);
    *t = NULL;
}

static int fetch(google_token_t *t, int64_t deadline_ms, struct google_grant *grant, struct err *err)
{
    AUTO(buf_done) struct buf body = BUF_INIT;
    struct httpc_answer answer = {0};
    int64_t most_ms = clock_ms() + FETCH_MS;
    if (google_grant_build(t->key, clock_wall_ms() / 1000, &body, err) == -1) return -1;
    struct provider_request request = {
        .http = {.method = "POST",
                 .url = t->key->token_uri,
                 .headers = (const char *const[]){"Content-Type: application/x-www-form-urlencoded", NULL},
                 .body = body.data,
                 .body_len = body.len,
                 .deadline_ms = deadline_ms < most_ms ? deadline_ms : most_ms,
                 .max_answer_bytes = 65536},
        .judge = google_grant_judge,
        .user = grant};
    int rc = provider_call(t->provider, &request, &answer, err);
    httpc_answer_done(&answer);
    return rc;
}

/* The lock is held, and is let go while Google is asked. */
static int renew(google_token_t *t, int64_t deadline_ms, struct err *err)
{
    struct google_grant grant = {0};
    t->fetching = true;
    pthread_mutex_unlock(&t->lock);
    int rc = fetch(t, deadline_ms, &grant, err);
    pthread_mutex_lock(&t->lock);
    t->fetching = false;
    if (rc == 0) {
        free(t->text);
        t->text = grant.token;
        t->ends_ms = clock_ms() + grant.lives_s * 1000;
    }
    pthread_cond_broadcast(&t->changed);
    return rc;
}

/* Something that can be sent is there, or an error says why not.  The lock is held. */
static int provide(google_token_t *t, int64_t deadline_ms, struct err *err)
{
    for (;;) {
        int64_t left_ms = t->text ? t->ends_ms - clock_ms() : 0;
        if (left_ms > EARLY_MS || (left_ms > 0 && t->fetching)) return 0;
        if (!t->fetching) {
            /* The old one will do for this time when it is not over yet. */
            return renew(t, deadline_ms, err) == 0 || (t->text && t->ends_ms > clock_ms()) ? 0 : -1;
        }
        if (clock_cond_wait(&t->changed, &t->lock, deadline_ms) == -1)
            return err_set(err, ERR_TIMEOUT, GOOGLE_TITLE ": no token in time.");
    }
}

int google_token_header(google_token_t *t, int64_t deadline_ms, struct buf *header, struct err *err)
{
    pthread_mutex_lock(&t->lock);
    int rc = provide(t, deadline_ms, err);
    if (rc == 0) buf_printf(header, "Authorization: Bearer %s", t->text);
    pthread_mutex_unlock(&t->lock);
    return rc == 0 && header->bad ? err_set(err, ERR_NOMEM, "a token") : rc;
}

void google_token_refused(google_token_t *t, const char *header)
{
    const char *text = header + strlen("Authorization: Bearer ");
    pthread_mutex_lock(&t->lock);
    if (t->text && strcmp(t->text, text) == 0) t->ends_ms = 0;
    pthread_mutex_unlock(&t->lock);
}
