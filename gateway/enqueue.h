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

/* Pure: the script's argument; "print" is the SHA-256 of the sorted digests. NULL: no memory. */
char *enqueue_request(const struct caller *caller, const char *batch, bool new_batch,
                      const struct intake_options *options, const struct intake_file *files, int n,
                      json_t *errors, int64_t idem_ms);

#endif
