#include "gateway/view.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "lib/clock.h"

/* How much of a document's work each stage is, by and large, in the order of stage_names.  Fixed shares
 * rather than a plain count of tasks, so that a bar does not jump back when a document turns out to have
 * forty pages. */
static const int share[STAGE_NAMES_N] = {5, 5, 60, 5, 15, 10, 0};

static int64_t number(const char *text)
{
    return strtoll(text, NULL, 10);
}

static bool is(const char *a, const char *b)
{
    return strcmp(a, b) == 0;
}

static json_t *time_or_null(const char *ms)
{
    char text[CLOCK_RFC3339_MAX];
    return *ms && number(ms) > 0 ? json_string(clock_rfc3339(number(ms), text)) : json_null();
}

int view_progress(const char *const value[JOB_BRIEF])
{
    int64_t sum = 0;
    if (is(value[JOB_STATE], "finished")) return 100;
    for (int i = 0; i < STAGE_NAMES_N; i++) {
        const int64_t opened = number(value[JOB_OPENED + i]), done = number(value[JOB_DONE + i]);
        if (opened > 0) sum += share[i] * (done < opened ? done : opened) / opened;
    }
    return sum < 0 ? 0 : sum > 99 ? 99 : (int)sum;
}

/* A job is not changed by its message, but says what became of it: it waits, or was given up. */
static json_t *notice_message(const char *const value[JOB_BRIEF])
{
    const int notify = STAGE_NAMES_N - 1;
    const bool open = number(value[JOB_OPENED + notify]) > number(value[JOB_DONE + notify]);
    return open && *value[JOB_MSG] ? json_string(value[JOB_MSG]) : json_null();
}

/* What it waits for as a dispatcher put it, else the furthest stage that is not done. */
static json_t *message(const char *const value[JOB_BRIEF])
{
    char text[160];
    const bool queued = is(value[JOB_STATE], "queued");
    if (!queued && !is(value[JOB_STATE], "started")) return notice_message(value);
    if (*value[JOB_MSG]) return json_string(value[JOB_MSG]);
    if (queued) return json_string("Waiting for its turn.");
    for (int i = STAGE_NAMES_N - 1; i >= 0; i--) {
        const int64_t opened = number(value[JOB_OPENED + i]), done = number(value[JOB_DONE + i]);
        if (opened <= done) continue;
        if (opened == 1) return json_string(stage_names[i].title);
        snprintf(text, sizeof text, "%s: %lld of %lld", stage_names[i].title, (long long)done,
                 (long long)opened);
        return json_string(text);
    }
    return json_null();
}

static void add_error(json_t *job, const char *err)
{
    json_t *e = *err ? json_loads(err, 0, NULL) : NULL;
    const char *code = json_string_value(json_object_get(e, "code")),
               *text = json_string_value(json_object_get(e, "text"));
    if (e)
        json_object_set_new(job, "error",
                            json_pack("{s:s,s:s,s:O?,s:O?}", "code", code ? code : "internal", "text",
                                      text ? text : "", "stage", json_object_get(e, "stage"), "index",
                                      json_object_get(e, "index")));
    json_decref(e);
}

json_t *view_job_line(const char *id, const char *const value[JOB_BRIEF])
{
    json_t *job =
        json_pack("{s:s,s:s,s:s,s:i,s:o,s:o,s:o,s:o}", "job_id", id, "status", value[JOB_STATE], "filename",
                  value[JOB_NAME], "progress", view_progress(value), "status_message", message(value),
                  "created_at", time_or_null(value[JOB_CREATED]), "started_at",
                  time_or_null(value[JOB_STARTED]), "finished_at", time_or_null(value[JOB_FINISHED]));
    if (job && is(value[JOB_STATE], "failed")) add_error(job, value[JOB_ERR]);
    return job;
}

static json_t *workers(const char *names)
{
    json_t *list = json_array();
    while (*names) {
        const size_t len = strcspn(names, ",");
        if (len) json_array_append_new(list, json_stringn(names, len));
        names += len + (names[len] == ',');
    }
    return list;
}

static json_t *stages(const char *const value[JOB_FIELDS])
{
    json_t *list = json_array();
    for (int i = 0; i < STAGE_NAMES_N; i++) {
        const int64_t opened = number(value[JOB_OPENED + i]), done = number(value[JOB_DONE + i]);
        const bool notice = is(stage_names[i].name, "notify");
        if (notice && opened == 0) continue; /* often nobody wants one */
        /* The last end so far is the stage's end only when nothing of it is open. */
        const bool ended = opened > 0 && done >= opened;
        json_array_append_new(list,
                              json_pack("{s:s,s:s,s:s,s:I,s:I,s:o,s:o,s:o}", "stage", stage_names[i].name,
                                        "title", stage_names[i].title, "service", stage_names[i].service,
                                        "done", (json_int_t)done, "total", (json_int_t)opened, "started_at",
                                        time_or_null(value[JOB_FIRST_START + i]), "finished_at",
                                        ended ? time_or_null(value[JOB_LAST_END + i]) : json_null(),
                                        "workers", workers(value[JOB_WORKERS + i])));
    }
    return list;
}

json_t *view_job(const char *id, const char *const value[JOB_FIELDS])
{
    json_t *job = view_job_line(id, value);
    if (!job) return NULL;
    json_object_set_new(job, "batch_id", json_string(value[JOB_BATCH]));
    json_object_set_new(job, "seq", json_integer(number(value[JOB_SEQ])));
    json_object_set_new(job, "run", json_string(value[JOB_RUN]));
    json_object_set_new(job, "stages", stages(value));
    return job;
}

void view_count(struct view_counts *c, const char *const value[JOB_BRIEF])
{
    const char *state = value[JOB_STATE];
    const int64_t created = number(value[JOB_CREATED]);
    int64_t *place = is(state, "queued")     ? &c->queued
                     : is(state, "started")  ? &c->started
                     : is(state, "finished") ? &c->finished
                     : is(state, "failed")   ? &c->failed
                                             : &c->cancelled;
    ++*place;
    if (place == &c->queued || place == &c->started) c->progress += view_progress(value);
    if (!c->created_ms || created < c->created_ms) c->created_ms = created;
}

int64_t view_remaining_s(const struct view_counts *c, int64_t now_ms)
{
    const int64_t live = c->queued + c->started, ended = c->finished + c->failed + c->cancelled;
    const int64_t done = c->progress + 100 * ended, all = 100 * (live + ended);
    if (live == 0) return 0;
    if (done <= 0 || done > all || !c->created_ms || now_ms < c->created_ms) return -1;
    return ((now_ms - c->created_ms) * (all - done) / done + 999) / 1000;
}

json_t *view_batch(const struct view_counts *c, bool sealed, int64_t now_ms)
{
    const int64_t left = view_remaining_s(c, now_ms);
    const json_int_t total = c->queued + c->started + c->finished + c->failed + c->cancelled;
    return json_pack(
        "{s:I,s:I,s:I,s:I,s:I,s:I,s:o,s:b}", "total", total, "completed", (json_int_t)c->finished, "failed",
        (json_int_t)c->failed, "cancelled", (json_int_t)c->cancelled, "pending", (json_int_t)c->queued,
        "in_progress", (json_int_t)c->started, "estimated_remaining_seconds",
        left < 0 ? json_null() : json_integer(left), "done", sealed && c->queued + c->started == 0);
}
