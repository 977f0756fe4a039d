/* What the dispatcher does by the clock. */
#include <stdlib.h>

#include "dispatcher/dispatcher.h"
#include "dispatcher/libraries.h"
#include "dispatcher/presence.h"
#include "lib/clock.h"
#include "lib/fault.h"
#include "lib/log.h"
#include "lib/metrics.h"

#define FROZEN_MS   2000  /* a loop that did not turn for so long was frozen: it hears first and judges later */
#define OVERRUN_MS  10000 /* past a task's deadline; its worker gives up after 5 s (PROTOCOL.md) */
#define REDIS_GONE_MS 2000 /* then the workers take their room elsewhere */
#define WINDOW_LEAST  64

static struct metric free_room = METRIC_GAUGE1("sheaf_room", "tasks of that type that the workers of this dispatcher would take now", "type");

/* A worker that is silent for too long is dead.  That costs its tasks a loss only while we ourselves and Redis were well:
 * a host that stood still for ten seconds is not the documents' fault. */
static void bury_the_silent(struct dispatcher *d, int64_t now_ms)
{
    for (struct worker *w = d->workers.first, *next; w; w = next) {
        next = w->next;
        if (now_ms - w->seen_ms < WORKER_SILENT_MS) continue;
        log_warn("worker_lost", F_STR("worker", w->instance), F_STR("service", w->service), F_STR("host", w->host));
        FAULT(worker_lost);
        for (struct delivery *x = d->hold.first, *after; x; x = after) {
            after = x->next;
            if (x->worker != w || x->state != DELIVERY_WORKING) continue;
            char text[120];
            snprintf(text, sizeof text, "It ended its worker 3 times (%s %u).", x->task.type, x->task.index + 1);
            if (redis_connected(d->redis)) dispatch_end_without_result(d, x, ENDING_LOST, "poison", text);
            else dispatch_give_back(d, x);
        }
        hear_no_more(d, w);
    }
}

static void end_overdue(struct dispatcher *d, int64_t now_ms)
{
    for (struct delivery *x = d->hold.first; x; x = x->next) {
        if (x->state != DELIVERY_WORKING || now_ms < x->deadline_ms + OVERRUN_MS) continue;
        if (x->worker) log_warn("task_overdue", F_STR("worker", x->worker->instance), F_STR("stage", x->task.type));
        dispatch_end_without_result(d, x, ENDING_RETRY, "timeout", "It took longer than it may.");
    }
}

/* WHO can be lost with its connection, and nothing else tells a worker that we can take tasks again. */
static void ask_the_drained(struct dispatcher *d)
{
    for (struct worker *w = d->workers.first; w; w = w->next)
        if (w->drained) dispatch_say(d, w, WIRE_WHO);
}

/* Of every type, whether anybody offers it or not: 0 for one that nobody does is what an operator looks for. */
static void count_room(const struct workers *workers)
{
    for (int row = 0; row < PIPELINE_TYPES; row++) metric_set(&free_room, pipeline[row].type, workers_free(workers, row));
}

static void every_second(struct dispatcher *d, int64_t now_ms)
{
    bool frozen = now_ms - d->timers.turned_ms > FROZEN_MS && d->timers.turned_ms;
    if (frozen)
        for (struct worker *w = d->workers.first; w; w = w->next) w->seen_ms = now_ms;
    bury_the_silent(d, now_ms);
    end_overdue(d, now_ms);
    count_room(&d->workers);
    dispatch_heartbeat(d);
    if (!d->workers_drained && !d->drain_until_ms) ask_the_drained(d);
    engine_look_everywhere(d->engine);
    if (redis_connected(d->redis)) watch_ask(&d->watch);
    if (!redis_connected(d->redis) && !d->redis_gone_ms) d->redis_gone_ms = now_ms;
    if (d->redis_gone_ms && !d->workers_drained && now_ms - d->redis_gone_ms > REDIS_GONE_MS) {
        log_warn("redis_gone", F_STR("text", redis_error(d->redis)));
        d->workers_drained = true;
        dispatch_say_all(d, WIRE_DRAIN);
    }
}

/* All deliveries in hand, for renew and reclaim. The caller frees; *n of them; NULL: none, or no memory. */
static struct wire_header *list_held(const struct dispatcher *d, int *n)
{
    struct wire_header *list = d->hold.n ? malloc(d->hold.n * sizeof *list) : NULL;
    *n = 0;
    for (const struct delivery *x = d->hold.first; list && x; x = x->next) list[(*n)++] = x->task;
    return list;
}

/* A new connection: what was taken and never heard of is handed back, and everybody gets to know that we are there. */
static void greet_redis(struct dispatcher *d)
{
    int n;
    struct wire_header *held = list_held(d, &n);
    if (!d->generation) libraries_forget_old(d->redis); /* the first connection */
    d->generation = redis_generation(d->redis);
    d->redis_gone_ms = 0;
    watch_connected(&d->watch);
    presence_write(d->redis, svc_instance(d->svc), bus_endpoint(d->socket), &d->workers);
    engine_reclaim_mine(d->engine, held, n);
    engine_renew(d->engine, held, n);
    engine_look_everywhere(d->engine);
    if (d->workers_drained) dispatch_say_all(d, WIRE_WHO); /* they may give us room again */
    d->workers_drained = false;
    free(held);
    FAULT_AFTER(redis_greeted, redis_flush(d->redis));
    log_info("redis_up", F_INT("generation", (int64_t)d->generation));
}

static void renew_held(struct dispatcher *d, int64_t now_ms)
{
    int n;
    struct wire_header *held = list_held(d, &n);
    engine_renew(d->engine, held, n);
    free(held);
    d->timers.renew_ms = now_ms + d->settings->lease_ms / 3;
}

static bool due(int64_t *at_ms, int64_t now_ms, int64_t every_ms)
{
    if (now_ms < *at_ms) return false;
    *at_ms = now_ms + every_ms;
    return true;
}

static void ask_redis(struct dispatcher *d, int64_t now_ms)
{
    int64_t lease_ms = d->settings->lease_ms;
    if (redis_generation(d->redis) != d->generation) greet_redis(d);
    /* Idle times include an outage of Redis itself, or of the way to it: after it, and when we begin, everybody gets one lease to renew, and a third
     * of one to say that they live; reconnects are tried every quarter. They include the time that this machine slept, too, which our clock does
     * not: what we hold is renewed right before we look for what nobody renews. */
    int64_t since_away_ms = now_ms - d->watch.back_ms;
    bool reclaims = since_away_ms > lease_ms / 3 && due(&d->timers.reclaim_ms, now_ms, lease_ms / 4);
    if (reclaims || now_ms >= d->timers.renew_ms) renew_held(d, now_ms);
    if (reclaims) engine_reclaim(d->engine, since_away_ms <= lease_ms);
    if (due(&d->timers.presence_ms, now_ms, PRESENCE_EVERY_MS))
        presence_write(d->redis, svc_instance(d->svc), bus_endpoint(d->socket), &d->workers);
    if (now_ms >= engine_promote_at_ms(d->engine)) engine_promote(d->engine);
}

int64_t dispatcher_tick(struct dispatcher *d)
{
    int64_t now_ms = clock_ms(), next_ms;
    if (due(&d->timers.second_ms, now_ms, 1000)) every_second(d, now_ms);
    d->timers.turned_ms = now_ms;
    if (redis_connected(d->redis)) ask_redis(d, now_ms);
    next_ms = d->timers.second_ms;
    if (redis_connected(d->redis) && engine_promote_at_ms(d->engine) < next_ms) next_ms = engine_promote_at_ms(d->engine);
    if (redis_next_ms(d->redis) < next_ms) next_ms = redis_next_ms(d->redis);
    if (redis_next_ms(d->wake) < next_ms) next_ms = redis_next_ms(d->wake);
    return next_ms > now_ms ? next_ms - now_ms : 0;
}

void dispatcher_turn(struct dispatcher *d)
{
    int room[PIPELINE_TYPES], window[PIPELINE_TYPES];
    bool idle = d->hold.n == 0;
    int inspect = pipeline_find("inspect"), page = pipeline_find("page");
    bool taking = !d->drain_until_ms && d->watch.asked && d->watch.refused.kind == ERR_NONE;
    for (int row = 0; row < PIPELINE_TYPES; row++) {
        /* At full memory what grows waits and what shrinks goes on.  With nothing in hand even that is done, one at a
         * time: a Redis full of documents that were not read yet would else stay full for ever. */
        bool held_back = d->watch.full && (row == inspect || row == page);
        room[row] = taking ? workers_free(&d->workers, row) : 0;
        if (held_back && room[row] > idle) room[row] = idle;
        window[row] = 4 * workers_total(&d->workers, row);
        if (window[row] < WINDOW_LEAST) window[row] = WINDOW_LEAST;
    }
    engine_turn(d->engine, room, window);
}
