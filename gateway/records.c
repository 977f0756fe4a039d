#include "gateway/records.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "gateway/turnstile.h"
#include "lib/clock.h"

#define KEPT_MAX   8 /* clients kept with their connections; more are made and ended as needed */
#define STREAM_MS  120000 /* until an answer begins; */
#define IDLE_MS    60000  /* how long its pieces may be apart: whoever takes it may be slow */
#define ASK_MS     5000
#define STATUS_MS  2000 /* a status waits for so long for its records, then is told without them */
#define LOOK_MS    1000 /* how often it is looked whether persist-svc answers, where that is in doubt */
#define NOBODY     "00000000-0000-0000-0000-000000000000"
#define ANSWER_MAX (16 * 1024 * 1024)

struct records {
    char *base; /* "http://127.0.0.1:8090", without a slash at its end */
    struct turnstile *turnstile;
    _Atomic int64_t end_ms;
    pthread_t looks;
    pthread_mutex_t lock; /* of all below */
    pthread_cond_t end;
    bool ended;
    int n;
    httpc_t *kept[KEPT_MAX];
};

static httpc_t *take(struct records *r, struct err *err)
{
    httpc_t *client = NULL;
    pthread_mutex_lock(&r->lock);
    if (r->n) client = r->kept[--r->n];
    pthread_mutex_unlock(&r->lock);
    return client ? client : httpc_new(err);
}

static void put(struct records *r, httpc_t *client)
{
    pthread_mutex_lock(&r->lock);
    if (r->n < KEPT_MAX) {
        r->kept[r->n++] = client;
        client = NULL;
    }
    pthread_mutex_unlock(&r->lock);
    httpc_destroy(&client);
}

void records_end_by(struct records *r, int64_t end_ms)
{
    atomic_store(&r->end_ms, end_ms);
}

static bool go_on(void *user)
{
    struct records *r = user;
    return clock_ms() < atomic_load(&r->end_ms);
}

/* The request as persist-svc gets it.  Texts live in the struct. */
struct asked {
    char url[8192], owner[64], user[192];
    const char *headers[RECORDS_HEADERS_MAX + 3];
    struct httpc_request request;
};

static int prepare(struct records *r, const struct caller *caller, const struct records_call *call,
                   int64_t wait_ms, struct asked *a, struct err *err)
{
    int n = 0;
    if ((size_t)snprintf(a->url, sizeof a->url, "%s%s", r->base, call->target) >= sizeof a->url)
        return err_set(err, ERR_INPUT, "The address is too long.");
    snprintf(a->owner, sizeof a->owner, "X-Sheaf-Owner: %s", caller->owner);
    snprintf(a->user, sizeof a->user, "X-Sheaf-User: %s", caller->user);
    a->headers[n++] = a->owner;
    a->headers[n++] = a->user;
    for (int i = 0; call->headers && call->headers[i] && i < RECORDS_HEADERS_MAX; i++)
        a->headers[n++] = call->headers[i];
    a->headers[n] = NULL;
    a->request = (struct httpc_request){
        .method = call->method,
        .url = a->url,
        .headers = a->headers,
        .body = call->body ? call->body->data : NULL,
        .body_len = call->body ? call->body->len : 0,
        .deadline_ms = clock_ms() + wait_ms,
        .go_on = go_on,
        .go_on_user = r,
    };
    return 0;
}

/* What a call came to that got no answer. */
static int failure(const struct err *err)
{
    return err->kind == ERR_TIMEOUT || err->kind == ERR_UNAVAILABLE ? TURNSTILE_SILENCE : TURNSTILE_OUR_FAULT;
}

/* The answer on its way to whom it is for. */
struct passed {
    struct turnstile *turnstile;
    const struct httpc_sink *to;
    int64_t asked_ms;
    bool began;
};

static int pass_head(void *user, int status, const char *headers)
{
    struct passed *p = user;
    p->began = true;
    turnstile_heard(p->turnstile, p->asked_ms, status);
    return p->to->head(p->to->user, status, headers);
}

static int pass_data(void *user, const void *data, size_t len)
{
    const struct passed *p = user;
    return p->to->data(p->to->user, data, len);
}

static int stream(struct records *r, const struct caller *caller, const struct records_call *call,
                  const struct httpc_sink *sink, struct err *err)
{
    struct asked asked;
    struct passed passed = {.turnstile = r->turnstile, .to = sink};
    const struct httpc_sink between = {pass_head, pass_data, &passed};
    if (prepare(r, caller, call, STREAM_MS, &asked, err) == -1) return -1;
    asked.request.idle_ms = IDLE_MS;
    httpc_t *client = take(r, err);
    if (!client) return -1;
    passed.asked_ms = turnstile_ask(r->turnstile);
    int rc = httpc_stream(client, &asked.request, &between, err);
    if (!passed.began) turnstile_heard(r->turnstile, passed.asked_ms, failure(err));
    put(r, client);
    return rc;
}

int records_stream(struct records *r, const struct caller *caller, const struct records_call *call,
                   const struct httpc_sink *sink, struct err *err)
{
    if (turnstile_enter(r->turnstile, call->document, err) == -1) return -1;
    int rc = stream(r, caller, call, sink, err);
    turnstile_leave(r->turnstile, call->document);
    return rc;
}

static json_t *ask(struct records *r, const struct caller *caller, const char *target, int64_t wait_ms, int *status)
{
    struct asked asked;
    struct httpc_answer answer = {0};
    json_t *json = NULL;
    const struct records_call call = {.method = "GET", .target = target};
    struct err err = {0};
    *status = 0;
    if (prepare(r, caller, &call, wait_ms, &asked, NULL) == -1) return NULL;
    asked.request.max_answer_bytes = ANSWER_MAX;
    httpc_t *client = take(r, NULL);
    if (!client) return NULL;
    const int64_t asked_ms = turnstile_ask(r->turnstile);
    if (httpc_call(client, &asked.request, &answer, &err) == 0) {
        *status = answer.status;
        if (answer.status == 200) json = json_loadb(answer.body.data, answer.body.len, 0, NULL);
        httpc_answer_done(&answer);
    }
    turnstile_heard(r->turnstile, asked_ms, *status ? *status : failure(&err));
    put(r, client);
    return json;
}

static json_t *ask_in_turn(struct records *r, const struct caller *caller, const char *target, int64_t wait_ms, int *status)
{
    *status = 0;
    if (turnstile_enter(r->turnstile, false, NULL) == -1) return NULL;
    json_t *json = ask(r, caller, target, wait_ms, status);
    turnstile_leave(r->turnstile, false);
    return json;
}

json_t *records_ask(struct records *r, const struct caller *caller, const char *target, int *status)
{
    return ask_in_turn(r, caller, target, ASK_MS, status);
}

json_t *records_of_job(struct records *r, const struct caller *caller, const char *job)
{
    char target[96];
    int status;
    snprintf(target, sizeof target, "/internal/records?job=%.40s", job);
    json_t *answer = ask_in_turn(r, caller, target, STATUS_MS, &status);
    json_t *records = json_incref(json_object_get(answer, "records"));
    json_decref(answer);
    if (json_is_array(records)) return records;
    json_decref(records);
    return NULL;
}

/* --- does it answer --- */

/* As a status asks, so that also a database that hangs is seen, but for nobody's records. */
static void look(struct records *r)
{
    static const struct caller nobody = {.owner = NOBODY, .user = NOBODY};
    int status;
    json_decref(ask(r, &nobody, "/internal/records?job=" NOBODY, STATUS_MS, &status));
}

/* So that no request has to be the one that finds out: each would have to wait for it, and event streams have but one thread. */
static void *look_again_and_again(void *user)
{
    struct records *r = user;
    pthread_mutex_lock(&r->lock);
    while (!r->ended) {
        const int64_t next_ms = clock_ms() + LOOK_MS;
        pthread_mutex_unlock(&r->lock);
        if (turnstile_in_doubt(r->turnstile)) look(r);
        pthread_mutex_lock(&r->lock);
        while (!r->ended && clock_cond_wait(&r->end, &r->lock, next_ms) == 0) continue;
    }
    pthread_mutex_unlock(&r->lock);
    return NULL;
}

/* --- life --- */

static char *address(const struct settings *s)
{
    char own[64];
    snprintf(own, sizeof own, "http://127.0.0.1:%d", settings_gateway_port(s) + SETTINGS_RECORDS_PORT_OFFSET);
    char *base = strdup(s->records_url ? s->records_url : own);
    size_t len = base ? strlen(base) : 0;
    while (len && base[len - 1] == '/') base[--len] = '\0';
    return base;
}

static void release(struct records *r)
{
    for (int i = 0; i < r->n; i++) httpc_destroy(&r->kept[i]);
    turnstile_destroy(&r->turnstile);
    pthread_mutex_destroy(&r->lock);
    pthread_cond_destroy(&r->end);
    free(r->base);
    free(r);
}

struct records *records_new(const struct settings *s, int threads, struct err *err)
{
    struct records *r = calloc(1, sizeof *r);
    if (!r) {
        err_set(err, ERR_NOMEM, "out of memory");
        return NULL;
    }
    pthread_mutex_init(&r->lock, NULL);
    clock_cond_init(&r->end);
    records_end_by(r, INT64_MAX);
    r->base = address(s);
    r->turnstile = turnstile_new(threads);
    if (r->base && r->turnstile && pthread_create(&r->looks, NULL, look_again_and_again, r) == 0) return r;
    err_set(err, ERR_NOMEM, "out of memory");
    release(r);
    return NULL;
}

void records_destroy(struct records **records)
{
    struct records *r = *records;
    if (!r) return;
    pthread_mutex_lock(&r->lock);
    r->ended = true;
    pthread_cond_signal(&r->end);
    pthread_mutex_unlock(&r->lock);
    pthread_join(r->looks, NULL);
    release(r);
    *records = NULL;
}
