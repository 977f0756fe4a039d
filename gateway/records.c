#include "gateway/records.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "lib/clock.h"

#define KEPT_MAX   8 /* clients kept with their connections; more are made and ended as needed */
#define STREAM_MS  120000 /* until an answer begins; */
#define IDLE_MS    60000  /* how long its pieces may be apart: whoever takes it may be slow */
#define ASK_MS     5000
#define STATUS_MS  2000 /* a status waits for so long for its records, then is told without them; */
#define AWAY_MS    4000 /* after that one of them asks so often, and the others do not wait */
#define PROMPT_MS  200  /* who says no so soon keeps no thread */
#define ANSWER_MAX (16 * 1024 * 1024)

struct records {
    char *base; /* "http://127.0.0.1:8090", without a slash at its end */
    pthread_mutex_t lock; /* of all below */
    int64_t away_until_ms; /* 0: it answers */
    int n;
    httpc_t *kept[KEPT_MAX];
};

struct records *records_new(const struct settings *s, struct err *err)
{
    char text[64];
    struct records *r = calloc(1, sizeof *r);
    snprintf(text, sizeof text, "http://127.0.0.1:%d",
             settings_gateway_port(s) + SETTINGS_RECORDS_PORT_OFFSET);
    if (r) r->base = strdup(s->records_url ? s->records_url : text);
    if (!r || !r->base) {
        free(r);
        err_set(err, ERR_NOMEM, "out of memory");
        return NULL;
    }
    size_t len = strlen(r->base);
    while (len && r->base[len - 1] == '/') r->base[--len] = '\0';
    pthread_mutex_init(&r->lock, NULL);
    return r;
}

void records_destroy(struct records **records)
{
    struct records *r = *records;
    if (!r) return;
    for (int i = 0; i < r->n; i++) httpc_destroy(&r->kept[i]);
    pthread_mutex_destroy(&r->lock);
    free(r->base);
    free(r);
    *records = NULL;
}

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
    };
    return 0;
}

int records_stream(struct records *r, const struct caller *caller, const struct records_call *call,
                   const struct httpc_sink *sink, struct err *err)
{
    struct asked asked;
    if (prepare(r, caller, call, STREAM_MS, &asked, err) == -1) return -1;
    asked.request.idle_ms = IDLE_MS;
    httpc_t *client = take(r, err);
    if (!client) return -1;
    int rc = httpc_stream(client, &asked.request, sink, err);
    put(r, client);
    return rc;
}

static json_t *ask_within(struct records *r, const struct caller *caller, const char *target, int64_t wait_ms, int *status)
{
    struct asked asked;
    struct httpc_answer answer = {0};
    json_t *json = NULL;
    const struct records_call call = {.method = "GET", .target = target};
    *status = 0;
    if (prepare(r, caller, &call, wait_ms, &asked, NULL) == -1) return NULL;
    asked.request.max_answer_bytes = ANSWER_MAX;
    httpc_t *client = take(r, NULL);
    if (!client) return NULL;
    if (httpc_call(client, &asked.request, &answer, NULL) == 0) {
        *status = answer.status;
        if (answer.status == 200) json = json_loadb(answer.body.data, answer.body.len, 0, NULL);
        httpc_answer_done(&answer);
    }
    put(r, client);
    return json;
}

json_t *records_ask(struct records *r, const struct caller *caller, const char *target, int *status)
{
    return ask_within(r, caller, target, ASK_MS, status);
}

/* Statuses are asked for again and again: while persist-svc hangs they must not keep all threads, so one of them tries how it is. */
static bool may_ask(struct records *r)
{
    pthread_mutex_lock(&r->lock);
    const int64_t now_ms = clock_ms();
    const bool away = r->away_until_ms > now_ms;
    if (!away && r->away_until_ms) r->away_until_ms = now_ms + STATUS_MS + AWAY_MS; /* this one does */
    pthread_mutex_unlock(&r->lock);
    return !away;
}

static void note_answer(struct records *r, int status, int64_t took_ms)
{
    const bool hangs = (status == 0 || status >= 500) && took_ms >= PROMPT_MS;
    pthread_mutex_lock(&r->lock);
    r->away_until_ms = hangs ? clock_ms() + AWAY_MS : 0;
    pthread_mutex_unlock(&r->lock);
}

json_t *records_of_job(struct records *r, const struct caller *caller, const char *job)
{
    char target[96];
    int status;
    if (!may_ask(r)) return NULL;
    snprintf(target, sizeof target, "/internal/records?job=%.40s", job);
    const int64_t began_ms = clock_ms();
    json_t *answer = ask_within(r, caller, target, STATUS_MS, &status);
    note_answer(r, status, clock_ms() - began_ms);
    json_t *records = json_incref(json_object_get(answer, "records"));
    json_decref(answer);
    if (json_is_array(records)) return records;
    json_decref(records);
    return NULL;
}
