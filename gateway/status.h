/* status: reads how far jobs and batches are, for pages, polls and event streams. Any thread. */
#ifndef SHEAF_GATEWAY_STATUS_H
#define SHEAF_GATEWAY_STATUS_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include "gateway/gateway.h"
#include "gateway/identity.h"
#include "lib/err.h"

#define STATUS_JOBS_SHOWN 1000 /* of one batch; its counts are always of all */

struct status {
    json_t *json;    /* NULL: unknown, or not the caller's */
    int64_t version; /* grows with every change of what json says */
    bool done;       /* nothing of it will change by itself */
};

/* -1: Redis did not answer.  status->json is the caller's. */
int status_read_job(struct gateway *g, const struct caller *caller, const char *id, struct status *status,
                    struct err *err);
int status_read_batch(struct gateway *g, const struct caller *caller, const char *id, struct status *status,
                      struct err *err);
/* Appends a line for each of the given jobs (valid ids) that is the caller's, in their order. */
int status_read_lines(struct gateway *g, const struct caller *caller, const char *const *ids, int n,
                      json_t *list, struct err *err);

#endif
