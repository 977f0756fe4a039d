/* The connection as a state machine.
 *
 *     OFF ──(retry_ms)──► CONNECTING ──(net open)──► GREETING ──(all answered)──► READY
 *      ▲                       │                         │                          │
 *      └───────────────────────┴──── break_off(): handlers get NULL, backoff ───────┘
 *
 * Handlers run in two places only: in redis_process(), and in redis_send() that cannot send.  Whatever
 * goes wrong elsewhere is noted in `broken` and dealt with by the next redis_process().  What arrives is redis_answers.c's.
 */
#include "lib/redis_connection.h"

#include <openssl/ssl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "lib/clock.h"
#include "lib/digest.h"

#define CONNECT_MS_DEFAULT 3000
#define REPLY_MS_DEFAULT   5000
#define BACKOFF_MIN_MS     50
#define BACKOFF_MAX_MS     2000
#define UNANSWERED_MAX     (256u << 20) /* bytes; beyond it redis_send() refuses */

/* --- breaking --- */

void redis_note_break(struct redis *r, const struct err *why)
{
    if (r->broken) return; /* the first reason is the one that explains the others */
    r->broken = true;
    r->why = *why;
    r->has_why = true;
}

/* ± 20 %, so that clients that lost a server together do not come back together. */
static int64_t with_jitter(int64_t ms)
{
    uint16_t random = 0;

    random_bytes(&random, sizeof random);
    return ms * 4 / 5 + ms * 2 / 5 * random / UINT16_MAX;
}

static void break_off(struct redis *r)
{
    struct redis_ring old = r->ring;
    bool was_ready = r->state == READY;

    r->broken = false;
    r->state = OFF;
    r->ring = (struct redis_ring){0};
    redis_net_close(&r->net);
    redis_out_clear(&r->out);
    redis_reader_destroy(&r->reader);
    r->n_loads = 0;
    r->backoff_ms = r->backoff_ms == 0                   ? BACKOFF_MIN_MS
                    : r->backoff_ms * 2 > BACKOFF_MAX_MS ? BACKOFF_MAX_MS
                                                         : r->backoff_ms * 2;
    r->retry_ms = clock_ms() + with_jitter(r->backoff_ms);
    while (old.count > 0) {
        struct redis_pending p = redis_ring_pop(&old);
        if (p.handler) p.handler(p.user, NULL);
    }
    free(old.slot);
    for (size_t i = 0; was_ready && i < r->n_subs; i++) r->subs[i].handler(r->subs[i].user, NULL);
}

/* --- sending --- */

int redis_queue(redis_t *r, const struct redis_script *script, int heads, const struct redis_arg *head,
                int argc, const char *const *argv, const size_t *argvlen, redis_handler *handler, void *user)
{
    struct redis_pending p = {.handler = handler, .user = user, .script = script, .as_function = script && redis_as_function(r, script),
                        .from = redis_out_position(&r->out)};
    bool usable = !r->broken && (r->state == READY || r->state == GREETING);

    if (!usable || p.from - redis_oldest_position(r) > UNANSWERED_MAX || redis_ring_push(&r->ring, p) == -1) {
        if (handler) handler(user, NULL);
        return -1;
    }
    if (redis_out_command(&r->out, heads, head, argc, argv, argvlen) == -1) {
        r->ring.count--;
        if (handler) handler(user, NULL);
        return -1;
    }
    if (r->ring.count == 1) r->heard_ms = clock_ms(); /* the watchdog runs from here */
    return 0;
}

int redis_send(redis_t *r, int argc, const char *const *argv, const size_t *argvlen, redis_handler *handler,
               void *user)
{
    if (r->state != READY || r->n_subs > 0) {
        if (handler) handler(user, NULL);
        return -1;
    }
    return redis_queue(r, NULL, 0, NULL, argc, argv, argvlen, handler, user);
}

int redis_queue_texts(redis_t *r, int argc, const char *const *argv, redis_handler *handler)
{
    return redis_queue(r, NULL, 0, NULL, argc, argv, NULL, handler, r);
}

void redis_flush(redis_t *r)
{
    const char *data = NULL;
    struct err err = {0};
    size_t len;

    if (r->broken || (r->state != GREETING && r->state != READY)) return;
    while ((len = redis_out_unsent(&r->out, &data)) > 0) {
        ssize_t taken = redis_net_write(&r->net, data, len, &err);
        if (taken == -1) redis_note_break(r, &err);
        if (taken <= 0) return;
        redis_out_sent(&r->out, (size_t)taken);
    }
    if (redis_net_flush(&r->net, &err) == -1) redis_note_break(r, &err);
}

/* --- greeting --- */

/* Any error ends the attempt, except that CLIENT SETNAME may be closed to us (managed servers). */
static void on_greeting(void *user, const redis_reply_t *reply)
{
    struct redis *r = user;
    struct err err = {0};

    if (!redis_is_error(reply, NULL)) return;
    redis_reply_err(reply, &err);
    if (err.kind == ERR_BUG)
        err.kind = ERR_CONFIG; /* AUTH without a password set there, SELECT out of range */
    redis_note_break(r, &err);
}

static void on_setname(void *user, const redis_reply_t *reply)
{
    if (redis_is_error(reply, "NOAUTH")) on_greeting(user, reply);
}

/* The last one of the greeting: the server takes commands (and is not LOADING). */
static void on_greeted(void *user, const redis_reply_t *reply)
{
    struct redis *r = user;

    on_greeting(user, reply);
    if (!reply || r->broken) return;
    r->state = READY;
    r->generation++;
    r->backoff_ms = 0;
    r->has_why = false;
}

bool redis_as_function(const redis_t *r, const struct redis_script *s)
{
    return s->as_library && !r->no_functions;
}

static void subscribe(struct redis *r, const char *channel, redis_handler *handler)
{
    redis_queue_texts(r, 2, (const char *const[]){"SUBSCRIBE", channel}, handler);
}

static void greet(struct redis *r)
{
    const struct redis_url *url = &r->url;
    char db[16];

    r->state = GREETING;
    r->no_functions = false; /* it may be another server */
    if (url->password && url->user)
        redis_queue_texts(r, 3, (const char *const[]){"AUTH", url->user, url->password}, on_greeting);
    else if (url->password)
        redis_queue_texts(r, 2, (const char *const[]){"AUTH", url->password}, on_greeting);
    snprintf(db, sizeof db, "%d", url->db);
    if (url->db != 0) redis_queue_texts(r, 2, (const char *const[]){"SELECT", db}, on_greeting);
    if (r->name) redis_queue_texts(r, 3, (const char *const[]){"CLIENT", "SETNAME", r->name}, on_setname);
    /* A subscriber is ready only when the server confirmed: what is read after that misses no message. */
    for (size_t i = 0; i < r->n_subs; i++) subscribe(r, r->subs[i].channel, on_greeting);
    redis_queue_texts(r, 1, (const char *const[]){"PING"}, on_greeted);
}

static void start_connecting(struct redis *r, int64_t now_ms)
{
    struct err err = {0};

    r->state = CONNECTING;
    r->attempt_deadline_ms = now_ms + r->connect_ms;
    r->budget = REDIS_REPLY_MAX;
    r->reader = redis_reader_new(&r->budget);
    if (!r->reader) err_set(&err, ERR_NOMEM, "Redis connection");
    if (!r->reader || redis_net_start(&r->net, r->attempt_deadline_ms, &err) == -1) redis_note_break(r, &err);
}

static void go_on_connecting(struct redis *r, int64_t now_ms)
{
    struct err err = {0};

    if (redis_net_step(&r->net, now_ms, &err) == -1) {
        redis_note_break(r, &err);
    } else if (r->net.state == NET_OPEN) {
        r->heard_ms = now_ms;
        greet(r);
    }
}

/* --- time --- */

/* When something must happen though nothing arrives. */
static int64_t watch_ms(const struct redis *r)
{
    if (r->state == GREETING) return r->attempt_deadline_ms;
    if (r->ring.count > 0) return r->heard_ms + r->reply_ms;
    return r->n_subs > 0 ? r->heard_ms + r->reply_ms / 2 : INT64_MAX;
}

static void on_watch(struct redis *r)
{
    struct err err = {0};

    if (r->ring.count > 0) {
        err_set(&err, ERR_TIMEOUT, "Redis is silent though %zu commands wait", r->ring.count);
        redis_note_break(r, &err);
    } else {
        /* A subscriber hears nothing for hours and would not notice that its server is gone. */
        redis_queue_texts(r, 1, (const char *const[]){"PING"}, NULL);
    }
}

int64_t redis_next_ms(const redis_t *r)
{
    if (r->broken || redis_net_buffered(&r->net)) return 0;
    if (r->state == OFF) return r->retry_ms;
    if (r->state == CONNECTING) return redis_net_next_ms(&r->net);
    return watch_ms(r);
}

void redis_process(redis_t *r, short revents)
{
    int64_t now_ms = clock_ms();

    if (!r->broken && r->state == OFF && now_ms >= r->retry_ms) start_connecting(r, now_ms);
    if (!r->broken && r->state == CONNECTING) go_on_connecting(r, now_ms);
    if (r->state == GREETING || r->state == READY) {
        bool due = now_ms >= watch_ms(r);
        /* When this process itself was stopped for a while, the answers are there: read before judging. */
        if (due || (revents & (POLLIN | POLLHUP | POLLERR)) || redis_net_buffered(&r->net)) redis_receive(r);
        if (due && !r->broken && now_ms >= watch_ms(r)) on_watch(r);
        redis_flush(r);
    }
    if (r->broken) break_off(r);
}

/* --- the rest of the interface --- */

int redis_fd(const redis_t *r)
{
    return r->state == OFF ? -1 : redis_net_fd(&r->net);
}

short redis_events(const redis_t *r)
{
    const char *data = NULL;

    return redis_net_events(&r->net, r->state >= GREETING && redis_out_unsent(&r->out, &data) > 0);
}

bool redis_connected(const redis_t *r)
{
    return r->state == READY && !r->broken;
}

uint64_t redis_generation(const redis_t *r)
{
    return r->generation;
}

const char *redis_error(const redis_t *r)
{
    return r->has_why ? r->why.text : "";
}

const struct err *redis_why(const redis_t *r)
{
    return r->has_why ? &r->why : NULL;
}

size_t redis_waiting(const redis_t *r)
{
    return r->state == READY ? r->ring.count : 0;
}

struct ssl_ctx_st *redis_context(const redis_t *r)
{
    return r->context;
}

redis_reply_t *redis_keep_reply(redis_t *r)
{
    redis_reply_t *reply = r->current;

    r->current = NULL;
    return reply;
}

void redis_cut(redis_t *r, const struct err *why)
{
    if (r->state == OFF) return;
    redis_note_break(r, why);
    break_off(r);
}

void redis_subscribe(redis_t *r, const char *channel, redis_handler *handler, void *user)
{
    struct redis_subscription *subs = realloc(r->subs, (r->n_subs + 1) * sizeof *subs);
    char *copy = strdup(channel);

    if (subs) r->subs = subs;
    if (!subs || !copy) {
        free(copy);
        handler(user, NULL);
        return;
    }
    r->subs[r->n_subs++] = (struct redis_subscription){copy, handler, user};
    if (r->state == GREETING || r->state == READY) subscribe(r, copy, NULL);
}

redis_t *redis_new_with(const struct redis_options *options, struct ssl_ctx_st *shared, struct err *err)
{
    redis_t *r = calloc(1, sizeof *r);

    if (!r) {
        err_set(err, ERR_NOMEM, "Redis connection");
        return NULL;
    }
    r->connect_ms = options->connect_ms > 0 ? options->connect_ms : CONNECT_MS_DEFAULT;
    r->reply_ms = options->reply_ms > 0 ? options->reply_ms : REPLY_MS_DEFAULT;
    redis_net_init(&r->net, &r->url, NULL);
    if (redis_url_parse(options->url, &r->url, err) == -1) goto fail;
    if (options->name && !(r->name = strdup(options->name))) {
        err_set(err, ERR_NOMEM, "Redis connection");
        goto fail;
    }
    if (r->url.tls) {
        if (shared) SSL_CTX_up_ref(shared);
        r->context = shared ? shared : redis_tls_context(options->ca_file, err);
        if (!r->context) goto fail;
        r->net.context = r->context;
    }
    start_connecting(r, clock_ms());
    return r;
fail:
    redis_destroy(&r);
    return NULL;
}

redis_t *redis_new(const struct redis_options *options, struct err *err)
{
    return redis_new_with(options, NULL, err);
}

void redis_destroy(redis_t **rp)
{
    redis_t *r = *rp;

    if (!r) return;
    break_off(r);
    *rp = NULL;
    for (size_t i = 0; i < r->n_subs; i++) free(r->subs[i].channel);
    free(r->subs);
    free(r->name);
    SSL_CTX_free(r->context);
    redis_url_done(&r->url);
    free(r);
}
