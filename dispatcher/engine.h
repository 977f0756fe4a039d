/* engine: what a dispatcher asks of Redis, gathered over a turn of the loop and sent in one pipeline.
 *
 * Endings, hand-backs and adoptions are put in as they come; engine_turn() sends them and, behind them, a take for
 * the room that there is, as soon as the turn before has been answered.  So under load one write carries
 * hundreds of results, and idle a single one goes at once.  When the connection breaks, what had no answer is sent again
 * after the reconnect: the scripts are safe to repeat.
 *
 * One thread.  Callbacks run inside redis_process().
 */
#ifndef SHEAF_DISPATCHER_ENGINE_H
#define SHEAF_DISPATCHER_ENGINE_H

#include <stdbool.h>
#include <stdint.h>
#include "dispatcher/pipeline.h"
#include "lib/bus.h"
#include "lib/redis.h"
#include "lib/settings.h"
#include "proto/wire.h"

enum ending_mode { ENDING_DONE, ENDING_RETRY, ENDING_THROTTLED, ENDING_LOST, ENDING_REFUSED };

/* How a delivery ended, on its way to Redis. Owned by the engine once given. */
struct ending {
    struct wire_header task;
    int row;
    enum ending_mode mode;
    struct bus_peer peer;  /* who waits for the RESULT_ACK; len 0: nobody */
    char worker[64];       /* whose work it was, for the job's page */
    char *result;          /* ENDING_DONE; owned */
    char opens[OPENS_TEXT]; /* ENDING_DONE; "": nothing */
    char *about;           /* what all tasks of its job are told, owned; NULL: not known here, and Redis says it again */
    int64_t after_ms;      /* ENDING_RETRY, ENDING_THROTTLED */
    char code[24], text[200];
};

/* A task as taken; the texts are valid during the callback. `words` has its words from `at` on, as take.lua answers them. */
struct taken {
    struct wire_header task;
    int row;
    const redis_reply_t *words;
    size_t at;
    const char *about; /* JSON object of what all tasks of its job are told */
};

enum engine_answer { ANSWER_YES = 1, ANSWER_NO = 2, ANSWER_SUPERSEDED = 3 };

struct engine_events {
    void (*taken)(void *user, const struct taken *taken);
    /* accepted: it counted (or counted before); else it was superseded. buried: the job may have failed by it. */
    void (*ended)(void *user, const struct ending *ending, bool accepted, bool buried);
    /* The lease of what was held: ANSWER_YES, ANSWER_NO (somebody else's now), ANSWER_SUPERSEDED (not wanted). */
    void (*renewed)(void *user, const struct wire_header *task, enum engine_answer answer);
    /* One answer per task of engine_adopt(), in its order; `hello` as given. Not called when Redis was away: the
     * worker offers again. */
    void (*adopted)(void *user, const struct bus_peer *peer, uint32_t hello, const struct wire_header *tasks,
                    const bool *yes, int n);
    void *user;
};

typedef struct engine engine_t;

engine_t *engine_new(const struct settings *settings, redis_t *redis, const char *me, const struct engine_events *events);
void engine_destroy(engine_t **e);

void engine_end(engine_t *e, struct ending *ending); /* takes the content; the struct may be on the stack */
void engine_give_back(engine_t *e, const struct wire_header *task);
/* What a worker offers in its HELLO number `hello`; copied. */
void engine_adopt(engine_t *e, const struct bus_peer *peer, uint32_t hello, const struct wire_header *tasks, int n);
void engine_want_take(engine_t *e);     /* there is new room */
void engine_look_everywhere(engine_t *e); /* there may be something anywhere: a reconnect, the second */
/* There is something: "<shard> <type> …", as scripts announce it. */
void engine_woken(engine_t *e, const char *message);

/* Sends what is gathered, unless the turn before is still unanswered. `room` per row. `window` per row. */
void engine_turn(engine_t *e, const int room[PIPELINE_TYPES], const int window[PIPELINE_TYPES]);
bool engine_idle(const engine_t *e); /* nothing gathered, nothing unanswered */

/* Timed calls, for all shards. */
void engine_renew(engine_t *e, const struct wire_header *tasks, int n);
void engine_reclaim(engine_t *e, bool only_gone); /* of dispatchers that are not there any more */
void engine_reclaim_mine(engine_t *e, const struct wire_header *known, int n); /* after a reconnect */
void engine_promote(engine_t *e);
int64_t engine_promote_at_ms(const engine_t *e); /* moment of clock_ms() */

#endif
