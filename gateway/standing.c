#include "gateway/standing.h"

#include <stdio.h>

enum { S_STATE, S_RUN, S_SEQ, S_OWNER = 8, S_BATCH, S_MSG };                                   /* a job's places */
enum { B_OWNER, B_QUEUED = 2, B_STARTED, B_FINISHED, B_FAILED, B_CANCELLED, B_SEALED, B_EXPECTED, B_SEQ = 10 }; /* a batch's */

const char *const standing_batch_fields[STANDING_BATCH] = {"state", "created"};

void standing_job_fields(char out[STANDING_JOB][JOB_FIELD_MAX])
{
    char names[JOB_FIELDS][JOB_FIELD_MAX];
    view_job_fields(names);
    snprintf(out[0], JOB_FIELD_MAX, "state");
    for (int i = JOB_OWN; i < JOB_FIELDS; i++) snprintf(out[1 + i - JOB_OWN], JOB_FIELD_MAX, "%s", names[i]);
}

static const char *place(const json_t *state, size_t at)
{
    const char *text = json_string_value(json_array_get(state, at));
    return text ? text : "";
}

static json_t *take_apart(const redis_reply_t *reply, const char **value, int own, int n)
{
    for (int i = 0; i < n; i++) value[i] = i < own ? "" : redis_str(redis_at(reply, (size_t)(1 + i - own)));
    const char *text = redis_str(redis_at(reply, 0));
    return *text ? json_loads(text, 0, NULL) : NULL;
}

json_t *standing_job(const redis_reply_t *reply, const char **value, int n)
{
    json_t *state = take_apart(reply, value, JOB_OWN, n);
    value[JOB_STATE] = place(state, S_STATE);
    value[JOB_OWNER] = place(state, S_OWNER);
    value[JOB_BATCH] = place(state, S_BATCH);
    value[JOB_RUN] = place(state, S_RUN);
    value[JOB_SEQ] = place(state, S_SEQ);
    value[JOB_MSG] = place(state, S_MSG);
    return state;
}

json_t *standing_batch(const redis_reply_t *reply, const char *value[BATCH_FIELDS])
{
    static const size_t places[BATCH_OWN] = {
        [BATCH_OWNER] = B_OWNER,   [BATCH_QUEUED] = B_QUEUED,       [BATCH_STARTED] = B_STARTED,
        [BATCH_FINISHED] = B_FINISHED, [BATCH_FAILED] = B_FAILED,   [BATCH_CANCELLED] = B_CANCELLED,
        [BATCH_SEALED] = B_SEALED, [BATCH_EXPECTED] = B_EXPECTED, [BATCH_SEQ] = B_SEQ,
    };
    json_t *state = take_apart(reply, value, BATCH_OWN, BATCH_FIELDS);
    for (int i = 0; i < BATCH_OWN; i++) value[i] = place(state, places[i]);
    return state;
}

void standing_job_owner(const char *state, char *owner, size_t room)
{
    json_t *array = json_loads(state, 0, NULL);
    snprintf(owner, room, "%s", place(array, S_OWNER));
    json_decref(array);
}
