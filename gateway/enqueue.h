/* enqueue: opens the jobs of one request in Redis, in one call that may be repeated until its answer is
 * known. */
#ifndef SHEAF_GATEWAY_ENQUEUE_H
#define SHEAF_GATEWAY_ENQUEUE_H

#include <jansson.h>
#include <stdbool.h>
#include "gateway/identity.h"
#include "gateway/intake.h"

enum enqueue_end {
    ENQUEUE_ACCEPTED, /* *answer is the client's answer; its jobs exist */
    ENQUEUE_REPLAY,   /* *answer is that of an earlier request with this key: the new blobs are nobody's */
    ENQUEUE_REFUSED,  /* *err says why: conflict, not_found, full; nothing was opened */
    ENQUEUE_UNKNOWN   /* no definite answer came: the jobs may exist */
};

enum enqueue_end enqueue(struct gateway *g, const struct caller *caller, struct intake *in, json_t **answer,
                         struct err *err);

/* The words of the script's call, owned: ENQUEUE_HEAD of the request and ENQUEUE_JOB for each file (proto/redis/enqueue.lua). */
enum { ENQUEUE_HEAD = 12, ENQUEUE_JOB = 4 };
struct enqueue_words {
    char **word;
    int n;
};

/* Pure.  The print that an Idempotency-Key stands for is the SHA-256 of the sorted digests.  -1: no memory; enqueue_words_done() in
 * either case. */
int enqueue_words(struct enqueue_words *out, const struct caller *caller, const char *batch, bool new_batch,
                  const struct intake_options *options, const struct intake_file *files, int n, const json_t *errors,
                  int64_t idem_ms);
void enqueue_words_done(struct enqueue_words *words);

#endif
