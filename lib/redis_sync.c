#include "lib/redis_inner.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdlib.h>
#include "lib/auto.h"
#include "lib/clock.h"

#define DO_ARGS_MAX 64

/* Lets the connection do what it has to, until something happens, `deadline_ms` at the latest. */
static void turn(redis_t *r, int64_t deadline_ms)
{
    int64_t until = redis_next_ms(r);
    int64_t wait_ms;
    struct pollfd p = {.fd = redis_fd(r), .events = redis_events(r)};

    if (until > deadline_ms) until = deadline_ms;
    wait_ms = until - clock_ms();
    if (wait_ms < 0) wait_ms = 0;
    /* poll(2) skips an fd of -1; an interruption is one turn with nothing to read. */
    if (poll(&p, 1, wait_ms > INT32_MAX ? INT32_MAX : (int)wait_ms) == -1) p.revents = 0;
    redis_process(r, p.revents);
}

/* A server that is away is waited for; one that refuses us (password, certificate) is not, until the next
 * attempt is due: it may have been put right. */
int redis_connect(redis_t *r, int64_t deadline_ms, struct err *err)
{
    /* While the connection was idle nobody looked whether the server had closed it. */
    if (redis_connected(r) && redis_waiting(r) == 0) redis_process(r, POLLIN);
    while (!redis_connected(r)) {
        const struct err *why = redis_why(r);
        int64_t now_ms = clock_ms();
        bool backing_off = redis_fd(r) == -1 && now_ms < redis_next_ms(r);
        if (why && why->kind == ERR_CONFIG && backing_off) return err_set(err, ERR_CONFIG, "%s", why->text);
        if (now_ms >= deadline_ms)
            return err_set(err, ERR_UNAVAILABLE, "%s", why ? why->text : "Redis cannot be reached in time");
        turn(r, deadline_ms);
    }
    return clock_ms() < deadline_ms ? 0 : err_set(err, ERR_TIMEOUT, "no time left to ask Redis");
}

int redis_wait(redis_t *r, size_t at_most, int64_t deadline_ms, struct err *err)
{
    uint64_t generation = redis_generation(r);

    redis_flush(r);
    while (redis_connected(r) && redis_generation(r) == generation && redis_waiting(r) > at_most) {
        if (clock_ms() >= deadline_ms) return err_set(err, ERR_TIMEOUT, "Redis did not answer in time");
        turn(r, deadline_ms);
    }
    if (redis_connected(r) && redis_generation(r) == generation) return 0;
    return err_set(err, ERR_UNAVAILABLE, "the connection to Redis broke: %s", redis_error(r));
}

void redis_wait_handler(void *wait, const redis_reply_t *reply)
{
    struct redis_wait *w = wait;

    if (reply)
        w->replies[w->got++] = redis_keep_reply(w->r);
    else
        w->broken = true;
}

int redis_wait_replies(struct redis_wait *w, int64_t deadline_ms, struct err *err)
{
    struct err why = {0};

    if (!w->broken) redis_flush(w->r);
    while (!w->broken && w->got < w->n) {
        if (clock_ms() >= deadline_ms) {
            /* The reply may still come, and then nobody would know whose it is. */
            err_set(&why, ERR_TIMEOUT, "Redis did not answer in time");
            redis_cut(w->r, &why);
            break;
        }
        turn(w->r, deadline_ms);
    }
    if (w->got == w->n) return 0;
    for (int i = 0; i < w->got; i++) {
        redis_reply_free(w->replies[i]);
        w->replies[i] = NULL;
    }
    if (why.kind != ERR_NONE) return err_set(err, why.kind, "%s", why.text);
    return err_set(err, ERR_UNAVAILABLE, "the connection to Redis broke: %s", redis_error(w->r));
}

int redis_call(redis_t *r, int64_t deadline_ms, int argc, const char *const *argv, const size_t *argvlen,
               redis_reply_t **reply, struct err *err)
{
    const struct redis_command command = {argc, argv, argvlen};
    redis_reply_t *got = NULL;

    if (redis_pipeline(r, deadline_ms, &command, 1, &got, err) == -1) return -1;
    if (redis_is_error(got, NULL)) {
        redis_reply_err(got, err);
        redis_reply_free(got);
        return -1;
    }
    *reply = got;
    return 0;
}

int redis_do(redis_t *r, int64_t deadline_ms, redis_reply_t **reply, struct err *err, ...)
{
    const char *argv[DO_ARGS_MAX];
    const char *arg;
    int argc = 0;
    va_list args;

    va_start(args, err);
    while ((arg = va_arg(args, const char *)) && argc < DO_ARGS_MAX) argv[argc++] = arg;
    va_end(args);
    if (arg) return err_set(err, ERR_BUG, "redis_do takes %d arguments", DO_ARGS_MAX);
    return redis_call(r, deadline_ms, argc, argv, NULL, reply, err);
}

int redis_pipeline(redis_t *r, int64_t deadline_ms, const struct redis_command *commands, int n,
                   redis_reply_t **replies, struct err *err)
{
    AUTO_FREE redis_reply_t **got = calloc(n > 0 ? (size_t)n : 1, sizeof(redis_reply_t *));
    struct redis_wait w = {.r = r, .replies = got, .n = n};

    if (!got) return err_set(err, ERR_NOMEM, "%d replies of Redis", n);
    if (redis_connect(r, deadline_ms, err) == -1) return -1;
    for (int i = 0; i < n && !w.broken; i++)
        redis_send(r, commands[i].argc, commands[i].argv, commands[i].argvlen, redis_wait_handler, &w);
    if (redis_wait_replies(&w, deadline_ms, err) == -1) return -1;
    for (int i = 0; i < n; i++) replies[i] = got[i];
    return 0;
}
