#include "dispatcher/engine_inner.h"

#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"

engine_t *engine_new(const struct settings *settings, redis_t *redis, const char *me, const struct engine_events *events)
{
    engine_t *e = calloc(1, sizeof *e);
    if (!e) return NULL;
    e->settings = settings;
    e->redis = redis;
    e->me = me;
    e->events = *events;
    e->promote_at_ms = clock_ms();
    return e;
}

void ending_done(struct ending *x)
{
    free(x->result);
    free(x->about);
}

void offer_done(struct offer *o)
{
    free(o->tasks);
    free(o->yes);
    free(o);
}

void engine_destroy(engine_t **e)
{
    if (!*e) return;
    for (int i = 0; i < (*e)->n_endings; i++) ending_done(&(*e)->endings[i]);
    for (int i = 0; i < (*e)->n_offers; i++) offer_done((*e)->offers[i]);
    free((*e)->endings);
    free((*e)->given);
    free((*e)->offers);
    free(*e);
    *e = NULL;
}

/* Room for one more in a growing array; what cannot be kept for want of memory comes back by its lease. */
static bool grow(void **list, int n, int *cap, size_t size)
{
    if (n < *cap) return true;
    int wider = *cap ? *cap * 2 : 64;
    void *moved = realloc(*list, (size_t)wider * size);
    if (!moved) return false;
    *list = moved;
    *cap = wider;
    return true;
}

void engine_end(engine_t *e, struct ending *ending)
{
    if (grow((void **)&e->endings, e->n_endings, &e->cap_endings, sizeof *e->endings))
        e->endings[e->n_endings++] = *ending;
    else
        ending_done(ending);
    *ending = (struct ending){0};
}

void engine_give_back(engine_t *e, const struct wire_header *task)
{
    if (grow((void **)&e->given, e->n_given, &e->cap_given, sizeof *e->given)) e->given[e->n_given++] = *task;
}

void engine_adopt(engine_t *e, const struct bus_peer *peer, uint32_t hello, const struct wire_header *tasks, int n)
{
    struct offer *o = calloc(1, sizeof *o);
    if (!o) return; /* here as below: the worker offers again */
    *o = (struct offer){.peer = *peer, .hello = hello, .n = n};
    o->tasks = malloc((size_t)n * sizeof *o->tasks);
    o->yes = calloc((size_t)n, sizeof *o->yes);
    if (!o->tasks || !o->yes || !grow((void **)&e->offers, e->n_offers, &e->cap_offers, sizeof(struct offer *))) {
        offer_done(o);
        return;
    }
    memcpy(o->tasks, tasks, (size_t)n * sizeof *o->tasks);
    e->offers[e->n_offers++] = o;
}

void engine_want_take(engine_t *e)
{
    e->want_take = true;
}

bool engine_idle(const engine_t *e)
{
    return !e->n_endings && !e->n_given && !e->n_offers && !e->unanswered;
}

int64_t engine_promote_at_ms(const engine_t *e)
{
    return e->promote_at_ms;
}

void engine_turn(engine_t *e, const int room[PIPELINE_TYPES], const int window[PIPELINE_TYPES])
{
    if (e->unanswered || !redis_connected(e->redis) || clock_ms() < e->not_before_ms) return;
    int shards = (int)e->settings->shards, n = e->n_offers;
    struct sharing sharing;
    bool any_room = false;
    for (int row = 0; row < PIPELINE_TYPES; row++) any_room = any_room || room[row] > 0;
    bool take = any_room && (e->want_take || e->n_endings || e->n_given || n);
    if (take) {
        sharing_begin(&sharing, e, room);
        e->want_take = false;
    }
    e->n_offers = 0;
    for (int i = 0; i < n; i++) engine_send_offer(e, e->offers[i]);
    for (int i = 0; i < shards; i++) {
        unsigned shard = (e->first_shard + (unsigned)i) % (unsigned)shards;
        int share[PIPELINE_TYPES];
        bool any = take && sharing_next(&sharing, e, shard, share);
        if (e->n_endings) engine_send_deferred(e, shard);
        if (e->n_given) engine_send_given(e, shard);
        engine_send_results(e, shard, any ? share : NULL, window);
    }
    if (take) {
        e->first_shard = (e->first_shard + 1) % (unsigned)shards;
        e->want_take = e->want_take || sharing_unserved(&sharing);
    }
    redis_flush(e->redis);
}
