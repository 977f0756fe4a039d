/* upload: POST /upload: files streamed into the blob store, then their jobs opened.  202 is said only when
 * the blob store holds every file durably and Redis holds every job. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "gateway/answers.h"
#include "gateway/batch.h"
#include "gateway/enqueue.h"
#include "gateway/lobby.h"
#include "gateway/memory.h"
#include "gateway/routes.h"
#include "gateway/upload.h"
#include "lib/auto.h"
#include "lib/blob.h"
#include "lib/clock.h"
#include "lib/fault.h"
#include "lib/log.h"
#include "lib/metrics.h"

#define FIELD_PARTS  100 /* parts beside the files */
#define FULL_RETRY_S 30
#define TOUCH_MS     10000

static struct metric uploads = METRIC_COUNTER("sheaf_uploads_total", "uploads answered with 202");
static struct metric upload_files = METRIC_COUNTER("sheaf_upload_files_total", "files accepted");

static void too_large(struct request *rq)
{
    http_error(rq, 413, "too_large", "The request is larger than %.5g MiB.",
               (double)rq->gateway->settings->max_request_bytes / (1024 * 1024));
}

/* Options that do not wait for the body: then the files are judged with them in hand. */
static int outer_options(struct request *rq, struct intake *in, struct err *err)
{
    static const char *const names[] = {"batch_id", "idempotency_key", "priority", "ocr_provider"};
    char value[INTAKE_KEY_MAX + 2];
    const char *key = http_header(rq, "Idempotency-Key");
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        const int given = http_query(rq, names[i], value, sizeof value);
        if (given == -1)
            return err_code(err, ERR_INPUT, "bad_request", "The parameter %s is malformed.", names[i]);
        if (given == 1 && intake_option(in, names[i], value, err) == -1) return -1;
    }
    return key ? intake_option(in, "idempotency_key", key, err) : 0;
}

static void keep_batch_open(struct request *rq, const struct intake *in, int64_t *next_ms)
{
    const int64_t now_ms = clock_ms();
    if (now_ms < *next_ms) return;
    const bool first = *next_ms == 0;
    *next_ms = now_ms + TOUCH_MS;
    if (!first && *intake_options(in)->batch) batch_touch(rq->gateway, rq->caller.owner, intake_options(in)->batch);
}

int upload_go_on(struct request *rq, const struct intake *in, int64_t *next_ms)
{
    keep_batch_open(rq, in, next_ms);
    if (rq->body_read <= rq->gateway->settings->max_request_bytes) return 0;
    too_large(rq);
    return -1;
}

/* Not one good file: the first reason stands for all, and all are listed. */
static void none_good(struct request *rq, struct intake *in)
{
    json_t *errors = intake_errors(in);
    const char *code = intake_bad_code(in), *text = json_string_value(json_array_get(errors, 0));
    if (!*code)
        http_error(rq, 400, "empty_file", "The request has no file.");
    else
        http_json(
            rq, strcmp(code, "too_large") == 0 ? 413 : 400,
            json_pack("{s:b,s:s?,s:s,s:O}", "success", 0, "error", text, "code", code, "errors", errors),
            NULL);
}

static void accepted(struct request *rq, json_t *answer, int files)
{
    char cookie[BATCH_COOKIE_MAX] = "";
    const char *batch = json_string_value(json_object_get(answer, "batch_id"));
    if (batch) batch_cookie(batch, cookie);
    if (batch) answers_forget(rq->gateway->answers, batch); /* its event may come a moment after our answer */
    json_object_set_new(answer, "success", json_true());
    metric_add(&uploads, NULL, 1);
    metric_add(&upload_files, NULL, files);
    http_json(rq, 202, answer, cookie);
    FAULT(upload_answered);
}

/* Makes the documents of the answer's jobs last: after the jobs are there, so that whatever dies before leaves a blob that is swept
 * by its age, and before 202.  `may_be_gone`: a job of an earlier request may have run, and its document been stored. */
static int keep_documents(struct request *rq, const json_t *answer, bool may_be_gone, struct err *err)
{
    char name[BLOB_NAME_MAX];
    size_t i;
    json_t *row;
    json_array_foreach(json_object_get(answer, "job_ids"), i, row)
    {
        const char *job = json_string_value(json_object_get(row, "job_id"));
        if (!job || blob_keep(rq->gateway->blobs, blob_upload_name(name, job), err) == 0) continue;
        if (!may_be_gone || strcmp(err->code, "gone") != 0) return -1;
    }
    FAULT(uploads_kept);
    return 0;
}

/* The jobs are there: one that gets no 202 now is found by the repetition with its key. */
static void keep_and_answer(struct request *rq, json_t *answer, int files, bool again)
{
    struct err err = {0};
    if (keep_documents(rq, answer, again, &err) == 0) {
        accepted(rq, answer, files);
        return;
    }
    json_decref(answer);
    http_fail(rq, &err);
}

void upload_open_jobs(struct request *rq, struct intake *in)
{
    struct err err = {0};
    json_t *answer = NULL;
    int n;
    (void)intake_files(in, &n);
    if (n == 0) {
        none_good(rq, in);
        return;
    }
    const int64_t began = clock_ms();
    switch (enqueue(rq->gateway, &rq->caller, in, &answer, &err)) {
    case ENQUEUE_ACCEPTED:
        intake_give_away(in);
        keep_and_answer(rq, answer, n, false);
        break;
    case ENQUEUE_REPLAY:
        keep_and_answer(rq, answer, 0, true);
        break;
    case ENQUEUE_REFUSED:
        http_fail(rq, &err);
        break;
    case ENQUEUE_UNKNOWN:
        /* The jobs may be there, so their blobs stay; the client's repetition with its key finds out. */
        intake_give_away(in);
        log_warn("enqueue_unknown", F_INT("files", n), F_INT("ms", clock_ms() - began), F_ERR(&err));
        http_error_retry(rq, 503, 5, "unavailable", "The queue does not answer. Please try again.");
        break;
    }
}

struct intake *upload_begin(struct request *rq)
{
    struct err err = {0};
    if (rq->body_len > rq->gateway->settings->max_request_bytes) {
        too_large(rq);
        return NULL;
    }
    if (memory_full(rq->gateway->memory)) {
        http_error_retry(rq, 503, FULL_RETRY_S, "queue_full", "The queue is full. Please try again later.");
        return NULL;
    }
    struct intake *in = intake_new(rq->gateway, rq->caller.owner);
    if (!in)
        http_error_retry(rq, 503, 2, "unavailable", "Out of memory.");
    else if (outer_options(rq, in, &err) == -1) {
        http_fail(rq, &err);
        intake_destroy(&in);
    }
    return in;
}

/* --- the body --- */

struct upload {
    struct intake *in;
    multipart_t *parser;
    int64_t touch_ms;
};

static int on_data(void *user, struct request *rq, const void *data, size_t len)
{
    struct upload *u = user;
    struct err err = {0};
    if (upload_go_on(rq, u->in, &u->touch_ms) == -1) return -1;
    if (multipart_feed(u->parser, data, len, &err) == 0) return 0;
    http_fail(rq, err.kind != ERR_NONE ? &err : intake_error(u->in));
    return -1;
}

static void on_end(void *user, struct request *rq, bool whole)
{
    struct upload *u = user;
    if (whole && multipart_done(u->parser))
        upload_open_jobs(rq, u->in);
    else
        http_error(rq, 400, "bad_multipart", "The upload ended before it was complete.");
}

static void upload_destroy(void *user)
{
    struct upload *u = user;
    if (u->parser) multipart_destroy(&u->parser);
    intake_destroy(&u->in);
    free(u);
}

void upload_serve(struct request *rq)
{
    static const struct body_taker taker = {on_data, on_end, upload_destroy};
    struct err err = {0};
    const int parts = (int)rq->gateway->settings->max_files + FIELD_PARTS;
    struct intake *in = upload_begin(rq);
    if (!in) return;
    struct upload *u = calloc(1, sizeof *u);
    if (!u) {
        http_error_retry(rq, 503, 2, "unavailable", "Out of memory.");
        intake_destroy(&in);
        return;
    }
    u->in = in;
    u->parser = multipart_new(http_header(rq, "Content-Type"), parts, intake_sink(in), &err);
    if (u->parser) {
        lobby_take(rq->gateway->lobby, rq, &taker, u);
    } else {
        http_fail(rq, &err);
        upload_destroy(u);
    }
}
