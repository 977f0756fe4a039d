/* workers: who is connected, what each can do, how much more it may be given.
 *
 * A worker states its room per task type as an absolute number: how many tasks of that type this dispatcher may have in
 * its hands at once.  What is free is that number less what we know to be there, so that a statement that crosses
 * a TASK on the way is never wrong by it.  One thread; the clock comes in as a parameter.
 */
#ifndef SHEAF_DISPATCHER_WORKERS_H
#define SHEAF_DISPATCHER_WORKERS_H

#include <stdbool.h>
#include <stdint.h>
#include "dispatcher/pipeline.h"
#include "lib/bus.h"

#define WORKER_SILENT_MS 4000 /* four heartbeats without a word: dead (PROTOCOL.md) */

struct worker_type {
    uint16_t room;     /* as stated for us */
    uint16_t in_hand;  /* deliveries that we know to be there */
    uint16_t total;    /* its room over all dispatchers: what the stream's window is made from */
    uint32_t room_seq;
    char via[32]; /* whom it calls for it, as it says itself */
};

struct worker {
    struct bus_peer peer;
    char instance[64], service[24], host[64], version[16];
    struct worker_type types[PIPELINE_TYPES];
    int64_t seen_ms;
    int short_beats;       /* heartbeats in a row that count less than we have in flight there */
    bool drained;          /* was told DRAIN, and has said no HELLO since */
    uint32_t hello_round;  /* which round of HELLOs listed what it holds */
    struct worker *next;
};

struct workers {
    struct worker *first;
};

struct worker *workers_find(const struct workers *all, const struct bus_peer *peer);
struct worker *workers_add(struct workers *all, const struct bus_peer *peer, int64_t now_ms); /* NULL: no memory */
void workers_remove(struct workers *all, struct worker *w); /* and frees it */
void workers_done(struct workers *all);

/* A statement of room; one that is not later than the last (by its number) is ignored. */
void worker_state_room(struct worker *w, int row, uint32_t seq, uint16_t room);
/* The same from a HELLO, which counts always. */
void worker_state_hello(struct worker *w, int row, uint32_t seq, uint16_t room, uint16_t total);
int worker_free(const struct worker *w, int row);

int workers_free(const struct workers *all, int row);  /* free room of a type over all workers */
int workers_total(const struct workers *all, int row); /* their room over all dispatchers */
/* The one with the most free room of that type; NULL when nobody has any. */
struct worker *workers_least_loaded(const struct workers *all, int row);

#endif
