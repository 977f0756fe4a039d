/* stage_hold: what a worker has in hand: tasks that are worked on, and results that nobody has acknowledged
 * yet.
 *
 *    add ──► WORKING ── finish ──► RESULT ── drop (RESULT_ACK, CANCEL, …) ──► gone
 *               │ drop
 *               ▼
 *            DROPPED ── finish ──► gone
 *
 * A task in hand belongs to one link.  It is `confirmed` when that link's dispatcher counts it as in flight:
 * dealt by it, or adopted by it.  Moved to another link it is unconfirmed until the answer to the HELLO that
 * offered it. The loop's thread only; pure but for memory.
 */
#ifndef SHEAF_STAGE_HOLD_H
#define SHEAF_STAGE_HOLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "lib/stage_pool.h"
#include "proto/wire.h"

#define STAGE_LINKS_MAX 32

enum held_state { HELD_WORKING, HELD_DROPPED, HELD_RESULT };

struct held {
    struct wire_header task; /* its identity and trace, as TASK brought them */
    enum held_state state;
    int type, link; /* positions: in the service's types, in the stage's links */
    bool confirmed;
    uint32_t offer_seq, offer_at; /* the HELLO that last listed it, and where; 0: none */
    struct stage_inner *work;     /* while it is worked on: drop sets its `cancelled`; may be NULL */
    uint64_t progress_said;
    /* The result, once there is one. */
    uint8_t outcome;
    char *body; /* owned */
    size_t body_len;
    int64_t said_ms; /* when it was last said; 0: not yet */
    struct held *next_in_bucket, *prev, *next;
};

struct stage_hold {
    struct held **buckets;
    size_t n_buckets, n;
    struct held *first, *last; /* all of them, oldest first */
    unsigned results;          /* in state RESULT */
    struct stage_hold_count {
        unsigned working;                  /* places taken: WORKING or DROPPED */
        unsigned in_work[STAGE_LINKS_MAX]; /* WORKING and confirmed, by link */
        unsigned in_hand[STAGE_LINKS_MAX]; /* WORKING or RESULT, confirmed, by link */
    } types[STAGE_TYPES_MAX];
    unsigned at_link[STAGE_LINKS_MAX]; /* WORKING or RESULT, confirmed or not */
};

int stage_hold_init(struct stage_hold *hold, struct err *err);
void stage_hold_done(struct stage_hold *hold);

/* A task that was just dealt: WORKING and confirmed. NULL: no memory. */
struct held *stage_hold_add(struct stage_hold *hold, const struct wire_header *task, int type, int link);
/* The delivery that the header names, token included; dealt again after it was dropped: the one that is worked on. */
struct held *stage_hold_find(const struct stage_hold *hold, const struct wire_header *task);
/* An earlier delivery of the same task whose answer is still wanted: the header's token supersedes it. */
struct held *stage_hold_find_older(const struct stage_hold *hold, const struct wire_header *task);

/* The work ended.  `body` is taken (set to NULL) when the result is kept.  False: the answer was not wanted,
 * and what was held is gone. */
bool stage_hold_finish(struct stage_hold *hold, struct held *h, uint8_t outcome, char **body,
                       size_t body_len);
/* Nobody wants the answer (any more): a result is forgotten, work is told to stop. */
void stage_hold_drop(struct stage_hold *hold, struct held *h);

void stage_hold_move(struct stage_hold *hold, struct held *h, int link); /* unconfirmed there */
void stage_hold_confirm(struct stage_hold *hold, struct held *h);
/* The answer to the HELLO `seq` of that link: what it listed is confirmed where `adopted` (by position, n of
 * them) says so, and dropped where it does not. */
void stage_hold_answer(struct stage_hold *hold, int link, uint32_t seq, const bool *adopted, size_t n);

#endif
