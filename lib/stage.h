/* stage: the worker's side of the protocol, the same in ocr-svc, llm-svc, persist-svc and notify-svc.
 *
 * stage_run() is the whole loop of such a service: it connects to every dispatcher, says HELLO, gives
 * credit, receives tasks, hands them to work threads, keeps each result until it is acknowledged,
 * heartbeats from the loop (never from a work thread), moves room and offers what it holds to another
 * dispatcher when one falls silent, and drains on SIGTERM: no more room, finish what is in hand
 * within SHEAF_DRAIN, hand the rest back, BYE.
 *
 * A service states its task types in a table; `work` is called on a work thread of that type.
 */
#ifndef SHEAF_STAGE_H
#define SHEAF_STAGE_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include "lib/blob.h"
#include "lib/err.h"
#include "lib/svc.h"
#include "proto/wire.h"

/* What a work function is given; all of it is borrowed until it returns. */
struct stage_task {
    char type[WIRE_TYPE];
    char job[ID_TEXT];
    unsigned index;              /* page, entry, ...: from 0 */
    struct token token;
    char token_text[TOKEN_TEXT];
    int64_t deadline_ms;         /* a moment of clock_ms() */
    const json_t *body;          /* proto/STAGES.md: name, owner, digest, size, in */
    blob_store_t *blobs;
    const struct settings *settings;
    struct stage_inner *inner;
};

/* True when the answer is not wanted any more: cancelled, superseded, or past its deadline. Cheap; any thread. */
bool stage_cancelled(const struct stage_task *task);
/* Tells the dispatcher "done of total" (best effort, at most once a second goes out). */
void stage_progress(const struct stage_task *task, unsigned done, unsigned total);

/* Outputs: written under the task's own token (blob_output_name), and made to last before the result is said: were that
 * left to the commit, a crash behind it could lose what a result names.  An output whose result did not count has a
 * name that nobody reads, and goes with its job. */
int stage_output(const struct stage_task *task, const void *data, size_t len, struct err *err);
/* Reads a predecessor's output: `stage` and `index` with the token text that the body's "in" names. */
int stage_input(const struct stage_task *task, const char *stage, unsigned index, const char *token,
                size_t max, struct buf *out, struct err *err);

struct stage_type {
    const char *name;
    int threads; /* work threads of this type */
    int room;    /* tasks of this type held at once, >= threads */
    /* Blocks until task->deadline_ms at most.  Returns 0 and *result (a JSON object the caller frees; at most
     * 8 KB as text; NULL for "{}"), or -1 with *err, which decides the outcome:
     *   ERR_INPUT ERR_LIMIT ERR_CONFIG       refused: text and code go to the user
     *   ERR_THROTTLED                        throttled for retry_after_ms
     *   ERR_CANCELLED                        nothing is said: nobody asked any more
     *   everything else                      retry
     * Success is returned only when the effect is durable.  Called again for the same task any number of times. */
    int (*work)(void *thread, const struct stage_task *task, json_t **result, struct err *err);
    /* The moment until which no task of this type is wanted, because a provider that it needs is paused; in the
     * past: none.  NULL: never.  Asked by the loop at every turn, so cheap; `shared` is stage_run's. */
    int64_t (*paused_until_ms)(void *shared);
    const char *via; /* by whom it is done, for people: the providers' names, comma-separated; NULL: nobody but us */
    bool blobless; /* reads and writes no blob: goes on while their store is away */
};

struct stage_service {
    const struct stage_type *types;
    int n_types;
    /* Once per work thread, on it, before ready; NULL functions are skipped. `shared` is stage_run's. */
    int (*thread_open)(void *shared, const struct stage_type *type, void **thread, struct err *err);
    void (*thread_close)(void *thread);
};

#define STAGE_TYPES_MAX 8

int stage_run(struct svc *svc, const struct stage_service *service, void *shared, struct err *err);

#endif
