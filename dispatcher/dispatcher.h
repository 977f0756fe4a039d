/* dispatcher: the parts of one dispatcher and how they meet.
 *
 *     bus (workers) ──► hear.c ──► engine (Redis) ──► dispatch.c ──► bus
 *                          │                            │
 *                          └──────► hold, workers ◄─────┘         tick.c: what is due by the clock        sweeper: blobs, on its own thread
 *
 * It holds no queue: what waits is in Redis, what it knows is only what is in flight at its workers, and
 * Redis knows that too.  One thread, but for the sweeper.
 */
#ifndef SHEAF_DISPATCHER_DISPATCHER_H
#define SHEAF_DISPATCHER_DISPATCHER_H

#include "dispatcher/engine.h"
#include "dispatcher/hold.h"
#include "dispatcher/watch.h"
#include "dispatcher/workers.h"
#include "lib/svc.h"

/* When what is due by the clock was last done, or is due next; moments of clock_ms(). */
struct timers {
    int64_t turned_ms, second_ms, renew_ms, reclaim_ms, presence_ms;
};

struct dispatcher {
    struct svc *svc;
    const struct settings *settings;
    bus_socket_t *socket;
    redis_t *redis, *wake; /* commands; the subscription to sheaf:wake */
    engine_t *engine;
    struct hold hold;
    struct workers workers;
    struct watch watch;
    struct timers timers;
    struct buf body;         /* of the TASK being made */
    uint64_t generation;     /* of the Redis connection that we last greeted */
    int64_t redis_gone_ms;   /* since when Redis is away; 0: it is there */
    bool workers_drained;    /* DRAIN was said because Redis was away */
    int64_t drain_until_ms;  /* 0: not draining */
};

/* hear.c: messages from workers. */
void hear_all(struct dispatcher *d);                       /* everything that waits, up to a bound */
void hear_no_more(struct dispatcher *d, struct worker *w); /* forgets a worker: it holds nothing any more */

/* dispatch.c: what workers are told, answers from Redis. */
extern const struct engine_events dispatch_events; /* .user is to be set to the dispatcher */
int dispatch_send(struct dispatcher *d, const struct bus_peer *peer, struct wire_header *h, const char *body); /* as bus_send(); the version is filled in */
void dispatch_say_to(struct dispatcher *d, const struct bus_peer *peer, enum wire_command command);
void dispatch_say(struct dispatcher *d, struct worker *w, enum wire_command command);
void dispatch_say_all(struct dispatcher *d, enum wire_command command);
void dispatch_heartbeat(struct dispatcher *d); /* to all; with the levels of the log that are set */
void dispatch_cancel(struct dispatcher *d, struct delivery *delivery); /* CANCEL, and forget it */
/* A delivery that nobody works on any more ends without a result. */
void dispatch_end_without_result(struct dispatcher *d, struct delivery *delivery, enum ending_mode mode, const char *code,
                                 const char *text);
void dispatch_give_back(struct dispatcher *d, struct delivery *delivery); /* and forget it */
void dispatch_left_hand(struct delivery *delivery); /* its worker works on one less */

/* tick.c */
int64_t dispatcher_tick(struct dispatcher *d); /* does what is due; ms until the next of it */
void dispatcher_turn(struct dispatcher *d);    /* one pipeline to Redis, if there is something to say */

#endif
