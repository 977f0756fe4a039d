/* standing: reads the hashes of jobs and batches, whose field `state` holds what changes with every step as one row of texts, each
 * ended by a NUL, as `stage:<stage>` of a job does what is counted of a stage (proto/redis/jobs.lua names their places).  Pure: the texts of an HMGET in, the values of view.h out. */
#ifndef SHEAF_GATEWAY_STANDING_H
#define SHEAF_GATEWAY_STANDING_H

#include <stdbool.h>
#include "gateway/view.h"
#include "lib/redis.h"

/* The fields to be asked for: `state`, then those of view.h that are fields of their own, then one of each stage. */
#define STANDING_STAGES    (1 + JOB_OPENED - JOB_OWN)
#define STANDING_JOB       (STANDING_STAGES + STAGE_NAMES_N)
#define JOB_FIELD_MAX      16
#define STANDING_BATCH     (1 + BATCH_FIELDS - BATCH_OWN)
void standing_job_fields(char out[STANDING_JOB][JOB_FIELD_MAX]);
extern const char *const standing_batch_fields[STANDING_BATCH];

/* value[]: all texts, "" where there is none; they point into the reply. False, and all of the state "", when there is no such job or batch. */
bool standing_job(const redis_reply_t *reply, const char **value, int n); /* n: JOB_BRIEF or JOB_FIELDS */
bool standing_batch(const redis_reply_t *reply, const char *value[BATCH_FIELDS]);
/* Whose it is, from the reply to HGET of `state`; "" when that is none. */
const char *standing_job_owner(const redis_reply_t *state);

#endif
