#include "gateway/status.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "gateway/answers.h"
#include "gateway/ask.h"
#include "gateway/pauses.h"
#include "gateway/records.h"
#include "gateway/routes.h"
#include "gateway/standing.h"
#include "gateway/view.h"
#include "lib/auto.h"
#include "lib/clock.h"

#define ENTRIES_MAX 2000

/* --- one job --- */

/* What models cost, summed over the entries: {"model","calls","tokens_in","tokens_out","cost"}, empty when none was asked. */
static void add_usage(json_t *sum, const char *result)
{
    static const char *const counts[] = {"calls", "tokens_in", "tokens_out"};
    json_t *json = json_loads(result, 0, NULL), *llm = json_object_get(json, "llm"), *model = json_object_get(llm, "model");
    if (json_is_object(llm)) {
        if (model) json_object_set(sum, "model", model);
        for (size_t i = 0; i < COUNT_OF(counts); i++) {
            json_int_t n = json_integer_value(json_object_get(sum, counts[i]));
            json_object_set_new(sum, counts[i], json_integer(n + json_integer_value(json_object_get(llm, counts[i]))));
        }
        double cost = json_number_value(json_object_get(sum, "cost"));
        json_object_set_new(sum, "cost", json_real(cost + json_number_value(json_object_get(llm, "cost"))));
    }
    json_decref(json);
}

/* The ids that its entries were saved under, in their order, and what models cost. */
static int read_entries(struct gateway *g, const char *id, int64_t entries, json_t *ids, json_t *usage, struct err *err)
{
    char key[ASK_KEY_MAX];
    const int n = entries > ENTRIES_MAX ? ENTRIES_MAX : (int)entries;
    if (n <= 0) return 0;
    AUTO_FREE char(*fields)[24] = calloc(2 * (size_t)n, sizeof *fields);
    AUTO_FREE const char **argv = calloc(2 * (size_t)n + 2, sizeof *argv);
    if (!fields || !argv) return err_set(err, ERR_NOMEM, "out of memory");
    argv[0] = "HMGET";
    argv[1] = ask_job_key(key, id);
    for (int i = 0; i < 2 * n; i++) {
        snprintf(fields[i], sizeof fields[i], "res:%s:%d", i < n ? "save" : "extract", i % n);
        argv[i + 2] = fields[i];
    }
    const struct redis_command command = {2 * n + 2, argv, NULL};
    redis_reply_t *reply = NULL;
    int rc = ask_redis(g, &command, 1, &reply, err);
    for (int i = 0; rc == 0 && i < n; i++) {
        json_t *result = json_loads(redis_str(redis_at(reply, (size_t)i)), 0, NULL);
        json_t *submission = json_object_get(result, "submission_id");
        if (json_is_string(submission)) json_array_append(ids, submission);
        json_decref(result);
        add_usage(usage, redis_str(redis_at(reply, (size_t)(n + i))));
    }
    redis_reply_free(reply);
    return rc;
}

static int add_result(struct gateway *g, const struct caller *caller, const char *id,
                      const char *const *value, json_t *job, struct err *err)
{
    int64_t entries = 0;
    json_t *ids = json_array(), *usage = json_object(), *records;
    for (int i = 0; i < STAGE_NAMES_N; i++)
        if (strcmp(stage_names[i].name, "save") == 0) entries = strtoll(value[JOB_OPENED + i], NULL, 10);
    if (read_entries(g, id, entries, ids, usage, err) == -1) {
        json_decref(ids);
        json_decref(usage);
        return -1;
    }
    /* The job is told about even while persist-svc is away. */
    records = records_of_job(g->records, caller, id);
    json_object_set_new(job, "result",
                        json_pack("{s:s,s:O?,s:o,s:o}", "status", "success", "submission_id",
                                  json_array_get(ids, 0), "submission_ids", ids, "records",
                                  records ? records : json_array()));
    if (json_object_size(usage) > 0) json_object_set(json_object_get(job, "result"), "usage", usage);
    json_decref(usage);
    return 0;
}

int status_read_job(struct gateway *g, const struct caller *caller, const char *id, struct status *status,
                    struct err *err)
{
    char key[ASK_KEY_MAX], names[STANDING_JOB][JOB_FIELD_MAX];
    const char *argv[STANDING_JOB + 2] = {"HMGET"}, *value[JOB_FIELDS];
    *status = (struct status){0};
    if (!id_valid(id)) return 0;
    standing_job_fields(names);
    argv[1] = ask_job_key(key, id);
    for (int i = 0; i < STANDING_JOB; i++) argv[i + 2] = names[i];
    const struct redis_command command = {STANDING_JOB + 2, argv, NULL};
    redis_reply_t *reply = NULL;
    int rc = ask_redis(g, &command, 1, &reply, err);
    (void)standing_job(reply, value, JOB_FIELDS); /* nobody's when there is none */
    if (rc == 0 && identity_owns(caller, value[JOB_OWNER])) {
        const char *state = value[JOB_STATE];
        status->json = view_job(id, value);
        pauses_explain(g, value, status->json);
        status->version = strtoll(value[JOB_SEQ], NULL, 10);
        status->done = strcmp(state, "queued") != 0 && strcmp(state, "started") != 0;
        if (!status->json)
            rc = err_set(err, ERR_NOMEM, "out of memory");
        else if (strcmp(state, "finished") == 0)
            rc = add_result(g, caller, id, value, status->json, err);
        if (rc == -1) {
            json_decref(status->json);
            status->json = NULL;
        }
    }
    redis_reply_free(reply);
    return rc;
}

/* --- many jobs --- */

/* Reads the given jobs; those that are the caller's are counted, listed, and add to the version. */
static int read_lines(struct gateway *g, const struct caller *caller, const char *const *ids, int n,
                      struct view_counts *counts, json_t *list, int64_t *version, struct err *err)
{
    char names[STANDING_JOB][JOB_FIELD_MAX];
    const char *value[JOB_BRIEF];
    if (n == 0) return 0;
    AUTO_FREE char(*keys)[ASK_KEY_MAX] = calloc((size_t)n, sizeof *keys);
    AUTO_FREE const char **argv = calloc((size_t)n * (STANDING_JOB + 2), sizeof *argv);
    AUTO_FREE struct redis_command *commands = calloc((size_t)n, sizeof *commands);
    AUTO_FREE redis_reply_t **replies = calloc((size_t)n, sizeof *replies);
    if (!keys || !argv || !commands || !replies) return err_set(err, ERR_NOMEM, "out of memory");
    standing_job_fields(names);
    for (int k = 0; k < n; k++) {
        const char **words = argv + (size_t)k * (STANDING_JOB + 2);
        words[0] = "HMGET";
        words[1] = ask_job_key(keys[k], ids[k]);
        for (int i = 0; i < STANDING_JOB; i++) words[i + 2] = names[i];
        commands[k] = (struct redis_command){STANDING_JOB + 2, words, NULL};
    }
    int rc = ask_redis(g, commands, n, replies, err);
    for (int k = 0; rc == 0 && k < n; k++) {
        (void)standing_job(replies[k], value, JOB_BRIEF);
        if (identity_owns(caller, value[JOB_OWNER])) {
            view_count(counts, value);
            *version += strtoll(value[JOB_SEQ], NULL, 10);
            json_t *line = view_job_line(ids[k], value);
            pauses_explain(g, value, line);
            json_array_append_new(list, line);
        }
    }
    ask_free(replies, n);
    return rc;
}

int status_read_lines(struct gateway *g, const struct caller *caller, const char *const *ids, int n,
                      json_t *list, struct err *err)
{
    struct view_counts counts = {0};
    int64_t version = 0;
    return read_lines(g, caller, ids, n, &counts, list, &version, err);
}

static int batch_json(struct gateway *g, const struct caller *caller, const char *id,
                      const char *const *value, const redis_reply_t *jobs, struct status *status,
                      struct err *err)
{
    const char *ids[STATUS_JOBS_SHOWN];
    int n = 0;
    struct view_counts counts = {0};
    json_t *list = json_array();
    for (size_t i = 0; i < redis_len(jobs) && n < STATUS_JOBS_SHOWN; i++) {
        const char *job = redis_str(redis_at(jobs, i));
        if (id_valid(job)) ids[n++] = job;
    }
    int64_t version = strtoll(value[BATCH_SEQ], NULL, 10);
    const json_int_t seq = version;
    if (read_lines(g, caller, ids, n, &counts, list, &version, err) == -1) {
        json_decref(list);
        return -1;
    }
    /* The batch's own counts are of all its jobs, also of those that are not listed or no longer kept. */
    counts.queued = strtoll(value[BATCH_QUEUED], NULL, 10);
    counts.started = strtoll(value[BATCH_STARTED], NULL, 10);
    counts.finished = strtoll(value[BATCH_FINISHED], NULL, 10);
    counts.failed = strtoll(value[BATCH_FAILED], NULL, 10);
    counts.cancelled = strtoll(value[BATCH_CANCELLED], NULL, 10);
    if (!counts.created_ms) counts.created_ms = strtoll(value[BATCH_CREATED], NULL, 10);
    const bool sealed = strcmp(value[BATCH_SEALED], "1") == 0;
    char review[96];
    snprintf(review, sizeof review, "/review?mode=needs_review&batch=%s", id);
    json_t *batch = view_batch(&counts, sealed, clock_wall_ms());
    json_object_set_new(batch, "jobs", list);
    json_object_set_new(batch, "batch_id", json_string(id));
    json_object_set_new(batch, "review_url", json_string(review));
    json_object_set_new(batch, "seq", json_integer(seq));
    json_object_set_new(batch, "sealed", json_boolean(sealed));
    json_object_set_new(batch, "expected", json_integer(strtoll(value[BATCH_EXPECTED], NULL, 10)));
    if (!batch) return err_set(err, ERR_NOMEM, "out of memory");
    *status = (struct status){batch, version, json_is_true(json_object_get(batch, "done"))};
    return 0;
}

int status_read_batch(struct gateway *g, const struct caller *caller, const char *id, struct status *status,
                      struct err *err)
{
    char shard[SHARD_KEY_MAX], key[ASK_KEY_MAX], jobs_key[ASK_KEY_MAX], last[16];
    const char *argv[STANDING_BATCH + 2] = {"HMGET", key}, *value[BATCH_FIELDS];
    *status = (struct status){0};
    if (!id_valid(id)) return 0;
    snprintf(key, sizeof key, "%sbatch:%s", shard_key(shard, id_shard(id)), id);
    snprintf(jobs_key, sizeof jobs_key, "%.*s:jobs", (int)sizeof jobs_key - 6, key);
    snprintf(last, sizeof last, "%d", STATUS_JOBS_SHOWN - 1);
    for (int i = 0; i < STANDING_BATCH; i++) argv[i + 2] = standing_batch_fields[i];
    const struct redis_command commands[] = {{STANDING_BATCH + 2, argv, NULL},
                                             {4, (const char *const[]){"LRANGE", jobs_key, "0", last}, NULL}};
    redis_reply_t *replies[2] = {0};
    int rc = ask_redis(g, commands, 2, replies, err);
    (void)standing_batch(replies[0], value);
    if (rc == 0 && identity_owns(caller, value[BATCH_OWNER]))
        rc = batch_json(g, caller, id, value, replies[1], status, err);
    ask_free(replies, 2);
    return rc;
}

/* --- routes --- */

/* With an ETag: who asks again and again is answered in a line as long as nothing changed. */
static void send_answer(struct request *rq, struct answer *a)
{
    char headers[96];
    const char *seen = http_header(rq, "If-None-Match");
    const bool same = seen && strstr(seen, a->etag);
    snprintf(headers, sizeof headers, "Cache-Control: private, no-cache\r\nETag: %s\r\n", a->etag);
    http_answer(rq, same ? 304 : 200, "application/json; charset=utf-8", a->text.data, same ? 0 : a->text.len, headers);
    answer_done(a);
}

static void of_jobs(struct request *rq, char *list)
{
    const char *ids[STATUS_JOBS_SHOWN];
    int n = 0;
    char *save = NULL;
    struct view_counts counts = {0};
    struct err err = {0};
    int64_t version = 0;
    json_t *lines = json_array();
    for (char *id = strtok_r(list, ",", &save); id && n < STATUS_JOBS_SHOWN; id = strtok_r(NULL, ",", &save))
        if (id_valid(id)) ids[n++] = id;
    if (read_lines(rq->gateway, &rq->caller, ids, n, &counts, lines, &version, &err) == -1) {
        http_fail(rq, &err);
        json_decref(lines);
        return;
    }
    if (json_array_size(lines) == 0) {
        http_not_found(rq);
        json_decref(lines);
        return;
    }
    json_t *batch = view_batch(&counts, true, clock_wall_ms());
    json_object_set_new(batch, "jobs", lines);
    json_object_set_new(batch, "batch_id", json_null());
    json_object_set_new(batch, "review_url", json_string("/review?mode=needs_review"));
    const struct status status = {.json = batch};
    struct answer answer;
    if (answer_make(&status, &answer, &err) == 1)
        send_answer(rq, &answer);
    else
        http_fail(rq, &err);
    json_decref(batch);
}

void status_of_batch(struct request *rq)
{
    char id[ID_TEXT + 1], list[16384];
    struct answer answer;
    struct err err = {0};
    const int listed = http_query(rq, "job_ids", list, sizeof list);
    if (listed == 1) {
        of_jobs(rq, list);
        return;
    }
    if (listed == -1) { /* not the browser's own batch in their place */
        http_error(rq, 400, "bad_request", "The parameter job_ids is malformed.");
        return;
    }
    int given = http_query(rq, "batch_id", id, sizeof id);
    if (given == 0) given = http_cookie(rq, "sheaf_batch", id, sizeof id);
    if (given == 0) {
        http_error(rq, 400, "bad_request", "Name the batch: batch_id, or job_ids.");
        return;
    }
    const int found = given == 1 ? answers_get(rq->gateway, &rq->caller, ANSWER_BATCH, id, &answer, &err) : 0;
    if (found == -1)
        http_fail(rq, &err);
    else if (!found)
        http_not_found(rq);
    else
        send_answer(rq, &answer);
}

/* The id is told as it was given, but for bytes that are no UTF-8. */
static void unknown_job(struct request *rq, const char *id)
{
    AUTO(buf_done) struct buf quoted = BUF_INIT;
    buf_json_string(&quoted, id);
    http_json(rq, 404,
              json_pack("{s:o,s:s,s:b,s:s,s:s}", "job_id", quoted.bad ? NULL : json_loads(quoted.data, JSON_DECODE_ANY, NULL), "status",
                        "not_found", "success", 0, "error", "There is no such job.", "code", "not_found"),
              NULL);
}

void status_of_job(struct request *rq)
{
    struct answer answer;
    struct err err = {0};
    const int found = answers_get(rq->gateway, &rq->caller, ANSWER_JOB, rq->arg[0], &answer, &err);
    if (found == -1)
        http_fail(rq, &err);
    else if (found)
        send_answer(rq, &answer);
    else
        unknown_job(rq, rq->arg[0]);
}
