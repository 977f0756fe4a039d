#include "dispatcher/hold.h"

#include <stdlib.h>
#include <string.h>

#define FIRST_BUCKETS 256

static size_t bucket_of(const struct hold *h, const struct wire_header *t)
{
    /* Entries of one stream differ in ms and seq; mixing both with the type spreads them well enough. */
    uint64_t x = t->entry.ms * 0x9e3779b97f4a7c15u + t->entry.seq * 0xff51afd7ed558ccdu + (uint8_t)t->type[0] * 31u +
                 (uint8_t)t->type[1] + t->shard;
    return (size_t)(x >> 32) & (h->n_buckets - 1);
}

int hold_init(struct hold *h)
{
    *h = (struct hold){.n_buckets = FIRST_BUCKETS};
    h->buckets = calloc(h->n_buckets, sizeof *h->buckets);
    return h->buckets ? 0 : -1;
}

void hold_done(struct hold *h)
{
    while (h->first) hold_remove(h, h->first);
    free(h->buckets);
    *h = (struct hold){0};
}

static void grow(struct hold *h)
{
    struct hold wider = {.n_buckets = h->n_buckets * 2};
    wider.buckets = calloc(wider.n_buckets, sizeof *wider.buckets);
    if (!wider.buckets) return; /* longer chains, nothing worse */
    for (struct delivery *d = h->first; d; d = d->next) {
        size_t b = bucket_of(&wider, &d->task);
        d->next_in_bucket = wider.buckets[b];
        wider.buckets[b] = d;
    }
    free(h->buckets);
    h->buckets = wider.buckets;
    h->n_buckets = wider.n_buckets;
}

struct delivery *hold_find(const struct hold *h, const struct wire_header *header)
{
    struct delivery *d = h->buckets[bucket_of(h, header)];
    while (d && !wire_same_task(&d->task, header)) d = d->next_in_bucket;
    return d;
}

struct delivery *hold_add(struct hold *h, const struct wire_header *header)
{
    if (hold_find(h, header)) return NULL;
    struct delivery *d = calloc(1, sizeof *d);
    if (!d) return NULL;
    if (h->n >= h->n_buckets) grow(h);
    d->task = *header;
    size_t b = bucket_of(h, header);
    d->next_in_bucket = h->buckets[b];
    h->buckets[b] = d;
    d->next = h->first;
    if (h->first) h->first->prev = d;
    h->first = d;
    h->n++;
    return d;
}

void hold_remove(struct hold *h, struct delivery *d)
{
    struct delivery **at = &h->buckets[bucket_of(h, &d->task)];
    while (*at != d) at = &(*at)->next_in_bucket;
    *at = d->next_in_bucket;
    if (d->prev) d->prev->next = d->next;
    else h->first = d->next;
    if (d->next) d->next->prev = d->prev;
    h->n--;
    free(d->about);
    free(d);
}
