/* Deliveries that ended without a result. */
#include "dispatcher/engine_inner.h"

#include "lib/fault.h"
#include "lib/scripts.h"

static void on_deferred(void *user, const redis_reply_t *reply)
{
    struct call *c = user;
    c->engine->unanswered--;
    FAULT(after_defer);
    call_take_answers(c, call_usable(c->engine, reply, "defer") ? reply : NULL);
    call_done(c);
}

static void put_identity(struct args *a, const struct ending *x)
{
    args_text(a, x->task.type);
    args_entry(a, &x->task.entry);
    args_u64(a, x->task.token.run);
    args_int(a, x->task.token.attempt);
    args_int(a, x->task.token.delivery);
    args_job(a, x->task.job);
    args_int(a, x->task.index);
}

static void put_deferred(engine_t *e, struct args *a, const struct ending *x)
{
    put_identity(a, x);
    args_text(a, ending_names[x->mode]);
    args_int(a, x->after_ms);
    args_int(a, e->settings->max_attempts);
    args_text(a, x->code);
    args_text(a, x->text);
}

void engine_send_deferred(engine_t *e, unsigned shard)
{
    for (int n; redis_connected(e->redis) && (n = call_count_endings(e, shard, false));) {
        struct args a = ARGS_INIT;
        struct call *c = call_new(e, (size_t)n, 0);
        if (!c) return;
        c->shard = shard;
        call_gather(e, c, n, false);
        args_text(&a, e->me);
        for (int i = 0; i < n; i++) put_deferred(e, &a, &c->endings[i]);
        const int unanswered = e->unanswered++;
        FAULT(before_defer);
        args_send(&a, e->redis, &script_defer, shard, on_deferred, c);
        FAULT_AFTER(sent_defer, redis_flush(e->redis));
        if (e->unanswered == unanswered) return; /* refused on the spot: gathered again, for a later turn */
    }
}
