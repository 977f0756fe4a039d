/* view: jobs and batches as the outside sees them (CONTRACT section 2), made from the fields of their hashes
 * (proto/redis/README.md). Pure: texts in, JSON out. */
#ifndef SHEAF_GATEWAY_VIEW_H
#define SHEAF_GATEWAY_VIEW_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include "proto/stages.h"

/* What is shown of a job.  First what a line in a list needs, then what the job's own page needs besides. */
enum job_field {
    JOB_STATE,
    JOB_OWNER,
    JOB_BATCH,
    JOB_RUN,
    JOB_SEQ,
    JOB_MSG,
    JOB_OWN, /* from here on each is a field of its own; those before are places of `state` (standing.h) … */
    JOB_NAME = JOB_OWN,
    JOB_CREATED,
    JOB_STARTED,
    JOB_FINISHED,
    JOB_ERR,
    JOB_OPENED,                            /* … and these, one for each stage, places of the stage's field */
    JOB_DONE = JOB_OPENED + STAGE_NAMES_N, /* likewise */
    JOB_BRIEF = JOB_DONE + STAGE_NAMES_N,  /* how many fields a list needs */
    JOB_FIRST_START = JOB_BRIEF,
    JOB_LAST_END = JOB_FIRST_START + STAGE_NAMES_N,
    JOB_WORKERS = JOB_LAST_END + STAGE_NAMES_N,
    JOB_FIELDS = JOB_WORKERS + STAGE_NAMES_N
};

enum batch_field {
    BATCH_OWNER,
    BATCH_QUEUED,
    BATCH_STARTED,
    BATCH_FINISHED,
    BATCH_FAILED,
    BATCH_CANCELLED,
    BATCH_SEALED,
    BATCH_EXPECTED,
    BATCH_SEQ,
    BATCH_OWN, /* as above */
    BATCH_CREATED = BATCH_OWN,
    BATCH_FIELDS
};

/* `value`: the fields' texts, "" where there is none. */
int view_progress(const char *const value[JOB_BRIEF]); /* per cent, 100 only when finished */
/* As JSON it is shorter than this: a name, a message and an error of 200 bytes each, even if every one must be escaped. */
#define VIEW_LINE_MAX 2048
json_t *view_job_line(const char *id, const char *const value[JOB_BRIEF]);
json_t *view_job(const char *id, const char *const value[JOB_FIELDS]); /* without result */

struct view_counts {
    int64_t queued, started, finished, failed, cancelled;
    int64_t progress;   /* per cent, summed over those that have not ended */
    int64_t created_ms; /* when the first of them came */
};
void view_count(struct view_counts *c, const char *const value[JOB_BRIEF]);
/* Seconds until all is done if it goes on as it did; -1 while nothing can be said. */
int64_t view_remaining_s(const struct view_counts *c, int64_t now_ms);
/* Counts and their sum; the rest is added by who has it. */
json_t *view_batch(const struct view_counts *c, bool sealed, int64_t now_ms);

#endif
