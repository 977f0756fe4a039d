/* watch: follows the jobs of a batch to their end. */
#ifndef SHEAF_CLI_WATCH_H
#define SHEAF_CLI_WATCH_H

#include <stdbool.h>
#include <stdint.h>
#include "cli/api.h"

struct watch_options {
    const char *batch_id;
    const json_t *sent; /* its jobs, [{job_id, …}]: of thousands a batch's status lists only the first.  May be NULL */
    int64_t retry_ms; /* how long a gateway that does not answer is waited for */
    bool live;        /* a picture on standard error that is drawn again and again */
    /* Told of each job that ends, as /api/job_status gives it; once more when it was run again meanwhile and has ended anew.
     * -1 with *err: told again, as long as the gateway is only not answering, else the watch ends with it.  May be NULL. */
    int (*ended)(void *user, const json_t *job, struct err *err);
    void *user;
};

/* Returns when every job has ended, with *jobs an array of them as /api/job_status gave them at their last end. -1: the
 * gateway is gone for longer than retry_ms, or does not know the batch. */
int watch_batch(api_t *api, const struct watch_options *options, json_t **jobs, struct err *err);

#endif
