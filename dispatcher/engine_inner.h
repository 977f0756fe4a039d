/* engine_inner: what the files of the engine share. engine.c gathers and turns; engine_hungry.c knows where there may be something to take;
 * engine_call.c is one call; engine_results.c, engine_deferred.c, engine_held.c and engine_timed.c are the calls there are. */
#ifndef SHEAF_DISPATCHER_ENGINE_INNER_H
#define SHEAF_DISPATCHER_ENGINE_INNER_H

#include "dispatcher/args.h"
#include "dispatcher/engine.h"

#define CALL_ITEMS_MAX 256 /* items of one script call: bounds how long Redis is busy with it (about 5 ms) */

#define SHARDS_MOST 256 /* a shard is two hex digits */

/* A worker's offer: one call per shard that occurs in it, one answer when all have come. */
struct offer {
    struct bus_peer peer;
    uint32_t hello;
    struct wire_header *tasks;
    bool *yes;
    int n, waiting;
    bool broken;
};

struct engine {
    const struct settings *settings;
    redis_t *redis;
    const char *me;
    struct engine_events events;
    struct ending *endings; /* gathered */
    int n_endings, cap_endings;
    struct wire_header *given;
    int n_given, cap_given;
    struct offer **offers;
    int n_offers, cap_offers;
    bool want_take;
    bool hungry[SHARDS_MOST][PIPELINE_TYPES];
    int unanswered;         /* calls of the present turn */
    int64_t not_before_ms;  /* the next turn, after an error */
    int64_t promote_at_ms;
    unsigned first_shard;   /* rotates, so that no shard is always served last */
};

/* One script call on its way: it owns its items until Redis has answered. */
struct call {
    engine_t *engine;
    struct ending *endings;
    struct wire_header *tasks;
    struct offer *offer;
    unsigned shard;
    int n;
    int asked[PIPELINE_TYPES]; /* tasks */
};

void ending_done(struct ending *x);
void offer_done(struct offer *o);

/* Room for so many. NULL: no memory; what would have been asked comes back by its lease. */
struct call *call_new(engine_t *e, size_t n_endings, size_t n_tasks);
void call_done(struct call *c);

/* How many gathered endings of one shard are (or are not) results: as many as one call may carry. */
int call_count_endings(const engine_t *e, unsigned shard, bool results);
/* Moves the first n of them into the call. */
void call_gather(engine_t *e, struct call *c, int n, bool results);
/* What became of the call's endings. `answers` NULL: nobody knows whether it ran. Then once more: the script knows. */
void call_take_answers(struct call *c, const redis_reply_t *answers);
/* True when there is an answer to work with. An error is logged, since nobody else sees it. */
bool call_usable(engine_t *e, const redis_reply_t *reply, const char *script);

extern const char *const ending_names[]; /* of each mode, as the scripts and metrics have it */
/* "type entry delivery job run": how renew, give_back and adopt name a delivery. */
void put_delivery(struct args *a, const struct wire_header *task);

/* `hungry`: the last take of that type in that shard came up short, so whoever adds the next task wakes us (take.lua), and until then, or until the
 * second is over, it is not asked by itself: of many shards most have nothing, and must neither cost a call each nor be kept a share of the room. */
struct sharing {
    int left[PIPELINE_TYPES];    /* room that no shard was given yet */
    int askers[PIPELINE_TYPES];  /* shards that are still to be given a part of it */
    bool results[SHARDS_MOST];   /* shards whose results go by the same call, and may open what it takes: asked for all types */
};
void sharing_begin(struct sharing *s, const engine_t *e, const int room[PIPELINE_TYPES]);
/* The even part of what is left for this shard; each shard once.  False: nothing is to be taken there. */
bool sharing_next(struct sharing *s, const engine_t *e, unsigned shard, int room[PIPELINE_TYPES]);
/* Some shard that may have something got no part, for want of room: it is its turn when others turn out to have nothing. */
bool sharing_unserved(const struct sharing *s);
/* The call asks for c->asked; and it has, or has not, an answer: `got` tasks by type. */
void hungry_asking(const struct call *c);
void hungry_answered(const struct call *c, const int got[PIPELINE_TYPES]);
void hungry_unanswered(const struct call *c);

/* The results of one shard, and with the last of them the room: what a job's ended stage opens can be handed out by
 * the call that ends it. `room` NULL: nothing is to be taken. */
void engine_send_results(engine_t *e, unsigned shard, const int *room, const int *window);
void engine_send_deferred(engine_t *e, unsigned shard);
void engine_send_given(engine_t *e, unsigned shard);
void engine_send_offer(engine_t *e, struct offer *o); /* takes it */

#endif
