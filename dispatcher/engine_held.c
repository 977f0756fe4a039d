/* Deliveries that are given back, and those that a worker offers because it holds them already. */
#include "dispatcher/engine_inner.h"

#include "lib/fault.h"
#include "lib/scripts.h"

static void on_given_back(void *user, const redis_reply_t *reply)
{
    struct call *c = user;
    c->engine->unanswered--;
    FAULT(after_give_back);
    (void)call_usable(c->engine, reply, "give_back"); /* not sent again: without us its lease ends */
    call_done(c);
}

void engine_send_given(engine_t *e, unsigned shard)
{
    struct args a = ARGS_INIT;
    struct call *c = call_new(e, 0, (size_t)e->n_given + 1);
    if (!c) return;
    args_text(&a, e->me);
    int left = 0;
    for (int i = 0; i < e->n_given; i++) {
        if (e->given[i].shard != shard) {
            e->given[left++] = e->given[i];
            continue;
        }
        c->tasks[c->n] = e->given[i];
        put_delivery(&a, &c->tasks[c->n++]);
    }
    e->n_given = left;
    e->unanswered++;
    FAULT(before_give_back);
    args_send(&a, e->redis, &script_give_back, shard, on_given_back, c);
}

/* Answers come in the order of the shard's tasks within the offer. */
static void on_adopted(void *user, const redis_reply_t *reply)
{
    struct call *c = user;
    engine_t *e = c->engine;
    struct offer *o = c->offer;
    e->unanswered--;
    size_t at = 0;
    FAULT(after_adopt);
    if (!call_usable(e, reply, "adopt")) o->broken = true;
    for (int i = 0; !o->broken && i < o->n; i++)
        if (o->tasks[i].shard == c->shard) o->yes[i] = redis_int(redis_at(reply, at++)) == ANSWER_YES;
    if (--o->waiting == 0) {
        if (!o->broken) e->events.adopted(e->events.user, &o->peer, o->hello, o->tasks, o->yes, o->n);
        offer_done(o);
    }
    call_done(c);
}

void engine_send_offer(engine_t *e, struct offer *o)
{
    bool seen[SHARDS_MOST] = {false};
    o->waiting = 1; /* held until all calls are out: an answer may come while we send */
    for (int first = 0; first < o->n; first++) {
        unsigned shard = o->tasks[first].shard;
        struct call *c = seen[shard] ? NULL : call_new(e, 0, 0);
        if (!c) continue;
        seen[shard] = true;
        c->offer = o;
        c->shard = shard;
        struct args a = ARGS_INIT;
        args_text(&a, e->me);
        for (int i = first; i < o->n; i++)
            if (o->tasks[i].shard == shard) put_delivery(&a, &o->tasks[i]);
        e->unanswered++;
        o->waiting++;
        FAULT(before_adopt);
        args_send(&a, e->redis, &script_adopt, shard, on_adopted, c);
        FAULT_AFTER(sent_adopt, redis_flush(e->redis));
    }
    if (--o->waiting == 0) offer_done(o);
}
