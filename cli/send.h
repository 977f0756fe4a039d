/* send: files to the gateway, in as few requests as its limits allow, repeated until answered. */
#ifndef SHEAF_CLI_SEND_H
#define SHEAF_CLI_SEND_H

#include <stdbool.h>
#include <jansson.h>
#include "cli/api.h"

struct send_options {
    const char *const *files;
    int n;
    const char *priority, *ocr_provider; /* NULL: not sent */
    int64_t retry_ms;                    /* how long a request without an answer, or with 503, is repeated */
    bool live;                           /* say on standard error how much is sent */
};

struct sent {
    char batch_id[64]; /* "": nothing was accepted */
    json_t *jobs;      /* as in the answer of /upload: [{filename, job_id, ...}] */
    json_t *errors;    /* texts, one for each refused file */
};

/* Every request has an Idempotency-Key and is repeated with it, so that a broken connection makes no
 * second job.  0 when everything was answered, even if by refusals; -1: nobody answers. */
int send_files(const struct cli *cli, api_t *api, const struct send_options *options, struct sent *sent,
               struct err *err);
void sent_done(struct sent *sent);

#endif
