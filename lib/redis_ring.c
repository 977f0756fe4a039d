/* Commands that wait for their answers, in the order in which they were sent. */
#include "lib/redis_connection.h"

#include <stdlib.h>

int redis_ring_push(struct redis_ring *g, struct redis_pending p)
{
    if (g->count == g->cap) {
        size_t cap = g->cap ? g->cap * 2 : 64;
        struct redis_pending *slot = malloc(cap * sizeof *slot);
        if (!slot) return -1;
        for (size_t i = 0; i < g->count; i++) slot[i] = g->slot[(g->first + i) & (g->cap - 1)];
        free(g->slot);
        *g = (struct redis_ring){.slot = slot, .cap = cap, .count = g->count};
    }
    g->slot[(g->first + g->count++) & (g->cap - 1)] = p;
    return 0;
}

struct redis_pending redis_ring_pop(struct redis_ring *g)
{
    struct redis_pending p = g->slot[g->first];

    g->first = (g->first + 1) & (g->cap - 1);
    g->count--;
    return p;
}

uint64_t redis_oldest_position(const struct redis *r)
{
    return r->ring.count > 0 ? r->ring.slot[r->ring.first].from : redis_out_position(&r->out);
}
