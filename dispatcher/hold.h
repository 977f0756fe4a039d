/* hold: the deliveries that this dispatcher has in hand, by task.
 *
 * A delivery is WORKING at its worker until the result arrives, ENDING while its ending is on the way to Redis, and
 * gone when Redis has answered.  Nothing here outlives the process: Redis knows the same as pending entries.
 * One thread.  Pure but for memory.
 */
#ifndef SHEAF_DISPATCHER_HOLD_H
#define SHEAF_DISPATCHER_HOLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "proto/wire.h"

struct worker;

enum delivery_state { DELIVERY_WORKING, DELIVERY_ENDING };

struct delivery {
    struct wire_header task; /* type, shard, entry, token, job, index: its identity */
    int row;                 /* in the pipeline */
    enum delivery_state state;
    bool result_heard;       /* its RESULT is on the way to Redis: said again, it is only a repetition */
    struct worker *worker;   /* NULL: unknown or gone */
    int64_t sent_ms, deadline_ms;
    char *about;             /* what all tasks of its job are told, owned; NULL: not known here */
    uint32_t listed;         /* the worker's round of HELLOs that last listed it */
    struct delivery *next_in_bucket;
    struct delivery *prev, *next; /* all of them */
};

struct hold {
    struct delivery **buckets;
    size_t n_buckets, n;
    struct delivery *first;
};

int hold_init(struct hold *h); /* -1: no memory */
void hold_done(struct hold *h);
/* A new delivery of the task that `header` names; NULL: no memory, or the task is already held. */
struct delivery *hold_add(struct hold *h, const struct wire_header *header);
struct delivery *hold_find(const struct hold *h, const struct wire_header *header); /* whatever its token */
void hold_remove(struct hold *h, struct delivery *d);                               /* and frees it */

#endif
