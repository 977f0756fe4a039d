/* What is asked by the clock, for all shards: leases renewed and reclaimed, what waits promoted. */
#include "dispatcher/engine_inner.h"

#include <string.h>

#include "lib/clock.h"
#include "lib/fault.h"
#include "lib/log.h"
#include "lib/scripts.h"

#define PROMOTE_MOST 500

static void on_renewed(void *user, const redis_reply_t *reply)
{
    struct call *c = user;
    engine_t *e = c->engine;
    FAULT(after_renew);
    if (call_usable(e, reply, "renew"))
        for (int i = 0; i < c->n; i++)
            e->events.renewed(e->events.user, &c->tasks[i], (enum engine_answer)redis_int(redis_at(reply, (size_t)i)));
    call_done(c);
}

void engine_renew(engine_t *e, const struct wire_header *tasks, int n)
{
    for (unsigned shard = 0; n > 0 && shard < (unsigned)e->settings->shards; shard++) {
        struct call *c = call_new(e, 0, (size_t)n);
        if (!c) return;
        struct args a = ARGS_INIT;
        args_text(&a, e->me);
        for (int i = 0; i < n; i++) {
            if (tasks[i].shard != shard) continue;
            c->tasks[c->n] = tasks[i];
            put_delivery(&a, &c->tasks[c->n++]);
        }
        args_send(&a, e->redis, &script_renew, shard, on_renewed, c);
    }
}

static void on_reclaimed(void *user, const redis_reply_t *reply)
{
    engine_t *e = user;
    if (!call_usable(e, reply, "reclaim") || redis_int(reply) == 0) return;
    FAULT(after_reclaim);
    log_warn("reclaimed", F_INT("tasks", redis_int(reply)));
    engine_look_everywhere(e);
}

void engine_reclaim(engine_t *e, bool only_gone)
{
    for (unsigned shard = 0; shard < (unsigned)e->settings->shards; shard++) {
        struct args a = ARGS_INIT;
        args_text(&a, e->me);
        args_int(&a, e->settings->lease_ms);
        args_text(&a, only_gone ? "gone" : "idle");
        for (int row = 0; row < PIPELINE_TYPES; row++) args_text(&a, pipeline[row].type);
        args_send(&a, e->redis, &script_reclaim, shard, on_reclaimed, e);
    }
}

void engine_reclaim_mine(engine_t *e, const struct wire_header *known, int n)
{
    for (unsigned shard = 0; shard < (unsigned)e->settings->shards; shard++) {
        struct args a = ARGS_INIT;
        struct buf entries[PIPELINE_TYPES] = {{0}};
        args_text(&a, e->me);
        args_int(&a, e->settings->lease_ms);
        args_text(&a, "mine");
        for (int row = 0; row < PIPELINE_TYPES; row++) {
            buf_puts(&entries[row], "");
            for (int i = 0; i < n; i++) {
                char text[ENTRY_TEXT];
                if (known[i].shard == shard && !strcmp(known[i].type, pipeline[row].type))
                    buf_printf(&entries[row], "%s ", entry_format(&known[i].entry, text));
            }
            args_text(&a, pipeline[row].type);
            args_text(&a, entries[row].bad ? "" : entries[row].data);
        }
        args_send(&a, e->redis, &script_reclaim, shard, on_reclaimed, e);
        for (int row = 0; row < PIPELINE_TYPES; row++) buf_done(&entries[row]);
    }
}

static void on_promoted(void *user, const redis_reply_t *reply)
{
    engine_t *e = user;
    if (!call_usable(e, reply, "promote")) return;
    FAULT(after_promote);
    int64_t next_ms = redis_int(reply);
    if (next_ms >= 0 && clock_ms() + next_ms < e->promote_at_ms) e->promote_at_ms = clock_ms() + next_ms;
}

void engine_promote(engine_t *e)
{
    FAULT(before_promote);
    e->promote_at_ms = clock_ms() + 1000; /* at the latest: others put tasks there as well */
    for (unsigned shard = 0; shard < (unsigned)e->settings->shards; shard++) {
        struct args a = ARGS_INIT;
        args_int(&a, PROMOTE_MOST);
        args_send(&a, e->redis, &script_promote, shard, on_promoted, e);
    }
}
