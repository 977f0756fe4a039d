#include "lib/stage_hold.h"

#include <stdlib.h>
#include <string.h>

#define FIRST_BUCKETS 64

static size_t bucket_of(const struct stage_hold *hold, const struct wire_header *t)
{
    /* Without the token, so that all deliveries of a task meet in one bucket. */
    uint64_t x = t->entry.ms * 0x9e3779b97f4a7c15u + t->entry.seq * 0xff51afd7ed558ccdu +
                 (uint8_t)t->type[0] * 31u + (uint8_t)t->type[1] + t->shard;
    return (size_t)(x >> 32) & (hold->n_buckets - 1);
}

int stage_hold_init(struct stage_hold *hold, struct err *err)
{
    *hold = (struct stage_hold){.n_buckets = FIRST_BUCKETS};
    hold->buckets = calloc(hold->n_buckets, sizeof(*hold->buckets));
    return hold->buckets ? 0 : err_set(err, ERR_NOMEM, "the table of held tasks");
}

/* Every change of what is counted goes between two calls of this: off with the old, on with the new. */
static void count(struct stage_hold *hold, const struct held *h, int by)
{
    struct stage_hold_count *c = &hold->types[h->type];
    unsigned n = (unsigned)by; /* unsigned arithmetic wraps back */
    if (h->state != HELD_RESULT) c->working += n;
    if (h->state == HELD_RESULT) hold->results += n;
    if (h->state == HELD_DROPPED) return;
    hold->at_link[h->link] += n;
    if (!h->confirmed) return;
    c->in_hand[h->link] += n;
    if (h->state == HELD_WORKING) c->in_work[h->link] += n;
}

static void grow(struct stage_hold *hold)
{
    struct stage_hold wider = {.n_buckets = hold->n_buckets * 2};
    wider.buckets = calloc(wider.n_buckets, sizeof(*wider.buckets));
    if (!wider.buckets) return; /* longer chains, nothing worse */
    for (struct held *h = hold->first; h; h = h->next) {
        size_t b = bucket_of(&wider, &h->task);
        h->next_in_bucket = wider.buckets[b];
        wider.buckets[b] = h;
    }
    free(hold->buckets);
    hold->buckets = wider.buckets;
    hold->n_buckets = wider.n_buckets;
}

struct held *stage_hold_add(struct stage_hold *hold, const struct wire_header *task, int type, int link)
{
    struct held *h = calloc(1, sizeof(*h));
    if (!h) return NULL;
    if (hold->n >= hold->n_buckets) grow(hold);
    h->task = *task;
    h->state = HELD_WORKING;
    h->type = type;
    h->link = link;
    h->confirmed = true;

    size_t b = bucket_of(hold, task);
    h->next_in_bucket = hold->buckets[b];
    hold->buckets[b] = h;
    h->prev = hold->last;
    if (hold->last)
        hold->last->next = h;
    else
        hold->first = h;
    hold->last = h;
    hold->n++;
    count(hold, h, 1);
    return h;
}

static void forget(struct stage_hold *hold, struct held *h)
{
    count(hold, h, -1);
    struct held **at = &hold->buckets[bucket_of(hold, &h->task)];
    while (*at != h) at = &(*at)->next_in_bucket;
    *at = h->next_in_bucket;
    if (h->prev)
        h->prev->next = h->next;
    else
        hold->first = h->next;
    if (h->next)
        h->next->prev = h->prev;
    else
        hold->last = h->prev;
    hold->n--;
    free(h->body);
    free(h);
}

void stage_hold_done(struct stage_hold *hold)
{
    while (hold->first) forget(hold, hold->first);
    free(hold->buckets);
    *hold = (struct stage_hold){0};
}

struct held *stage_hold_find(const struct stage_hold *hold, const struct wire_header *task)
{
    struct held *h = hold->buckets[bucket_of(hold, task)];
    while (h && !(wire_same_task(&h->task, task) && token_compare(&h->task.token, &task->token) == 0))
        h = h->next_in_bucket;
    return h;
}

struct held *stage_hold_find_older(const struct stage_hold *hold, const struct wire_header *task)
{
    struct held *h = hold->buckets[bucket_of(hold, task)];
    while (h && !(h->state != HELD_DROPPED && wire_same_task(&h->task, task) &&
                  token_compare(&h->task.token, &task->token) < 0))
        h = h->next_in_bucket;
    return h;
}

bool stage_hold_finish(struct stage_hold *hold, struct held *h, uint8_t outcome, char **body, size_t body_len)
{
    if (h->state == HELD_DROPPED) {
        forget(hold, h);
        return false;
    }
    count(hold, h, -1);
    h->state = HELD_RESULT;
    h->work = NULL;
    h->outcome = outcome;
    h->body = *body;
    h->body_len = body_len;
    *body = NULL;
    count(hold, h, 1);
    return true;
}

void stage_hold_drop(struct stage_hold *hold, struct held *h)
{
    if (h->state == HELD_RESULT) {
        forget(hold, h);
        return;
    }
    if (h->work) atomic_store(&h->work->cancelled, true);
    count(hold, h, -1);
    h->state = HELD_DROPPED;
    count(hold, h, 1);
}

void stage_hold_move(struct stage_hold *hold, struct held *h, int link)
{
    count(hold, h, -1);
    h->link = link;
    h->confirmed = false;
    h->offer_seq = 0;
    h->said_ms = 0;
    count(hold, h, 1);
}

void stage_hold_confirm(struct stage_hold *hold, struct held *h)
{
    count(hold, h, -1);
    h->confirmed = true;
    count(hold, h, 1);
}

void stage_hold_answer(struct stage_hold *hold, int link, uint32_t seq, const bool *adopted, size_t n)
{
    for (struct held *h = hold->first, *next; h; h = next) {
        next = h->next;
        if (h->state == HELD_DROPPED || h->link != link || h->offer_seq != seq) continue;
        h->offer_seq = 0;
        if (h->offer_at < n && adopted[h->offer_at])
            stage_hold_confirm(hold, h);
        else
            stage_hold_drop(hold, h);
    }
}
