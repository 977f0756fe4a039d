#include "dispatcher/workers.h"

#include <stdlib.h>
#include <string.h>

struct worker *workers_find(const struct workers *all, const struct bus_peer *peer)
{
    struct worker *w = all->first;
    while (w && (w->peer.len != peer->len || memcmp(w->peer.id, peer->id, peer->len))) w = w->next;
    return w;
}

struct worker *workers_add(struct workers *all, const struct bus_peer *peer, int64_t now_ms)
{
    struct worker *w = calloc(1, sizeof *w);
    if (!w) return NULL;
    w->peer = *peer;
    w->seen_ms = now_ms;
    w->next = all->first;
    all->first = w;
    return w;
}

void workers_remove(struct workers *all, struct worker *w)
{
    struct worker **at = &all->first;
    while (*at != w) at = &(*at)->next;
    *at = w->next;
    free(w);
}

void workers_done(struct workers *all)
{
    while (all->first) workers_remove(all, all->first);
}

void worker_state_room(struct worker *w, int row, uint32_t seq, uint16_t room)
{
    struct worker_type *t = &w->types[row];
    if ((int32_t)(seq - t->room_seq) <= 0) return;
    t->room_seq = seq;
    t->room = room;
}

void worker_state_hello(struct worker *w, int row, uint32_t seq, uint16_t room, uint16_t total)
{
    struct worker_type *t = &w->types[row];
    t->room_seq = seq;
    t->room = room;
    t->total = total;
}

int worker_free(const struct worker *w, int row)
{
    const struct worker_type *t = &w->types[row];
    return t->room > t->in_hand ? t->room - t->in_hand : 0;
}

int workers_free(const struct workers *all, int row)
{
    int n = 0;
    for (const struct worker *w = all->first; w; w = w->next) n += worker_free(w, row);
    return n;
}

int workers_total(const struct workers *all, int row)
{
    int n = 0;
    for (const struct worker *w = all->first; w; w = w->next) n += w->types[row].total;
    return n;
}

struct worker *workers_least_loaded(const struct workers *all, int row)
{
    struct worker *best = NULL;
    for (struct worker *w = all->first; w; w = w->next)
        if (worker_free(w, row) > (best ? worker_free(best, row) : 0)) best = w;
    return best;
}
