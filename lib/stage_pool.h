/* stage_pool: the work threads of a stage, a queue of tasks for each type and one queue of what came out.
 *
 * The loop gives tasks and takes results; the work function runs on the pool's threads and sees neither
 * sockets nor the loop.  The queues are bounded by the room that the loop gives.  A body is parsed, and an
 * answer put into text, on the work thread.
 */
#ifndef SHEAF_STAGE_POOL_H
#define SHEAF_STAGE_POOL_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "lib/blob.h"
#include "lib/err.h"
#include "lib/stage.h"
#include "proto/wire.h"

#define STAGE_RESULT_MAX 8192

struct held;

/* One task on its way through a work thread.  The loop makes and frees it; between give and take it is the
 * pool's, but for the atomics. */
struct stage_inner {
    struct stage_inner *next;
    struct held *held; /* the loop's */
    struct wire_header task;
    int type;
    int64_t deadline_ms;
    size_t body_len;
    atomic_bool cancelled, begun;
    _Atomic uint64_t progress; /* done << 32 | total */
    /* What came out. */
    uint8_t outcome; /* enum wire_outcome; 0: nothing is to be said */
    char *answer;    /* owned: the RESULT's body */
    size_t answer_len;
    struct err err; /* why it is not done */
    int64_t took_ms;
    char body[]; /* body_len bytes and a NUL */
};

struct stage_inner *stage_inner_new(const struct wire_header *task, int type, const char *body,
                                    size_t body_len);
void stage_inner_free(struct stage_inner *work);
/* The body of a RESULT that is not done. NULL: no memory. The caller's. */
char *stage_answer_of_err(const struct err *err, size_t *len);

typedef struct stage_pool stage_pool_t;

/* Starts the threads and waits until each has opened, calling `beat` every 200 ms meanwhile.  `event_fd` is
 * written when the first result of a batch is ready. */
stage_pool_t *stage_pool_start(const struct stage_service *service, void *shared,
                               const struct settings *settings, blob_store_t *blobs, int event_fd,
                               void (*beat)(void *), void *beat_arg, struct err *err);
void stage_pool_give(stage_pool_t *pool, struct stage_inner *work);
struct stage_inner *stage_pool_take(stage_pool_t *pool); /* all that came out, oldest first; NULL: nothing */
/* Ends the threads and frees the pool; what waits in it is freed.  False when a thread is still at work after
 * wait_ms: then nothing is freed, and the process can only exit. */
bool stage_pool_stop(stage_pool_t **pool, int64_t wait_ms);

#endif
