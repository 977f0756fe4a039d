#include "gateway/standing.h"

#include <stdio.h>
#include <string.h>

enum { S_STATE, S_RUN, S_SEQ, S_OWNER = 8, S_BATCH, S_MSG };                                   /* a job's places */
enum { B_OWNER, B_QUEUED = 2, B_STARTED, B_FINISHED, B_FAILED, B_CANCELLED, B_SEALED, B_EXPECTED, B_SEQ = 10 }; /* a batch's */

const char *const standing_batch_fields[STANDING_BATCH] = {"state", "created"};

void standing_job_fields(char out[STANDING_JOB][JOB_FIELD_MAX])
{
    static const char *const names[STANDING_STAGES] = {"state", "name", "created", "started", "finished", "err"};
    for (int i = 0; i < STANDING_STAGES; i++) snprintf(out[i], JOB_FIELD_MAX, "%s", names[i]);
    for (int i = 0; i < STAGE_NAMES_N; i++) snprintf(out[STANDING_STAGES + i], JOB_FIELD_MAX, "stage:%.9s", stage_names[i].name);
}

enum { PLACES = 11, STAGE_PLACES = 5 };

/* The first n texts of a row; all "" when it has fewer. Those of a later version behind the last that we know are passed over. */
static bool take_apart(const redis_reply_t *reply, const char **place, int n)
{
    const char *at = redis_str(reply), *end = at + (redis_type(reply) == REDIS_STRING ? redis_len(reply) : 0);
    int found = 0;
    for (; found < n && at < end && memchr(at, '\0', (size_t)(end - at)); found++) {
        place[found] = at;
        at += strlen(at) + 1;
    }
    for (int i = 0; found < n && i < n; i++) place[i] = "";
    return found == n;
}

static void own_fields(const redis_reply_t *reply, const char **value, int own, int n)
{
    for (int i = own; i < n; i++) value[i] = redis_str(redis_at(reply, (size_t)(1 + i - own)));
}

static void stage_fields(const redis_reply_t *reply, const char **value, int n)
{
    static const int places[STAGE_PLACES] = {JOB_OPENED, JOB_DONE, JOB_FIRST_START, JOB_LAST_END, JOB_WORKERS};
    for (int i = 0; i < STAGE_NAMES_N; i++) {
        const char *place[STAGE_PLACES];
        (void)take_apart(redis_at(reply, (size_t)(STANDING_STAGES + i)), place, STAGE_PLACES);
        for (int k = 0; k < STAGE_PLACES && places[k] < n; k++) value[places[k] + i] = place[k];
    }
}

bool standing_job(const redis_reply_t *reply, const char **value, int n)
{
    const char *place[PLACES];
    bool exists = take_apart(redis_at(reply, 0), place, PLACES);
    own_fields(reply, value, JOB_OWN, JOB_OPENED);
    stage_fields(reply, value, n);
    value[JOB_STATE] = place[S_STATE];
    value[JOB_OWNER] = place[S_OWNER];
    value[JOB_BATCH] = place[S_BATCH];
    value[JOB_RUN] = place[S_RUN];
    value[JOB_SEQ] = place[S_SEQ];
    value[JOB_MSG] = place[S_MSG];
    return exists;
}

bool standing_batch(const redis_reply_t *reply, const char *value[BATCH_FIELDS])
{
    static const size_t places[BATCH_OWN] = {
        [BATCH_OWNER] = B_OWNER,   [BATCH_QUEUED] = B_QUEUED,       [BATCH_STARTED] = B_STARTED,
        [BATCH_FINISHED] = B_FINISHED, [BATCH_FAILED] = B_FAILED,   [BATCH_CANCELLED] = B_CANCELLED,
        [BATCH_SEALED] = B_SEALED, [BATCH_EXPECTED] = B_EXPECTED, [BATCH_SEQ] = B_SEQ,
    };
    const char *place[PLACES];
    bool exists = take_apart(redis_at(reply, 0), place, PLACES);
    own_fields(reply, value, BATCH_OWN, BATCH_FIELDS);
    for (int i = 0; i < BATCH_OWN; i++) value[i] = place[places[i]];
    return exists;
}

const char *standing_job_owner(const redis_reply_t *state)
{
    const char *place[PLACES];
    (void)take_apart(state, place, PLACES);
    return place[S_OWNER];
}
