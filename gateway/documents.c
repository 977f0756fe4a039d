#define _GNU_SOURCE /* memmem, memrchr, strcasestr */
/* documents: POST /api/v1/documents: one document of another service: the request's body, or named by JSON, an
 * object of the caller's that is kept already or an address that the operator allows.  Also reprocess, which
 * is that for a record's own original. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include "gateway/answers.h"
#include "gateway/ask.h"
#include "gateway/documents.h"
#include "gateway/lobby.h"
#include "gateway/records.h"
#include "gateway/routes.h"
#include "gateway/upload.h"
#include "lib/auto.h"
#include "lib/clock.h"
#include "lib/httpc.h"
#include "lib/log.h"

#define JSON_MAX    16384
#define NAME_MAX_BYTES 4096 /* as it came; what is kept of it is cut */
#define FETCH_MS    60000

/* --- the body itself --- */

static int begin(struct intake *in, const char *filename)
{
    const struct multipart_part part = {"files", *filename ? filename : "document"};
    return intake_sink(in)->begin(in, &part);
}

static int end(struct intake *in)
{
    return intake_sink(in)->end(in);
}

struct body {
    struct intake *in;
    int64_t touch_ms;
};

static int on_data(void *user, struct request *rq, const void *data, size_t len)
{
    struct body *b = user;
    if (upload_go_on(rq, b->in, &b->touch_ms) == -1) return -1;
    if (intake_sink(b->in)->data(b->in, data, len) == 0) return 0;
    http_fail(rq, intake_error(b->in));
    return -1;
}

static void on_end(void *user, struct request *rq, bool whole)
{
    struct body *b = user;
    if (!whole)
        http_error(rq, 400, "bad_request", "The upload ended before it was complete.");
    else if (end(b->in) == -1)
        http_fail(rq, intake_error(b->in));
    else
        upload_open_jobs(rq, b->in);
}

static void body_destroy(void *user)
{
    struct body *b = user;
    intake_destroy(&b->in);
    free(b);
}

static void take_body(struct request *rq, struct intake *in, const char *filename)
{
    static const struct body_taker taker = {on_data, on_end, body_destroy};
    struct body *b = calloc(1, sizeof *b);
    if (!b || begin(in, filename) == -1) {
        http_error_retry(rq, 503, 2, "unavailable", "Out of memory.");
        intake_destroy(&in);
        free(b);
        return;
    }
    b->in = in;
    lobby_take(rq->gateway->lobby, rq, &taker, b);
}

/* --- somewhere else --- */

struct fetch {
    struct intake *in;
    int status;
    bool full; /* the intake broke it off */
};

static int fetch_head(void *user, int status, const char *headers)
{
    (void)headers;
    ((struct fetch *)user)->status = status;
    return 0;
}

static int fetch_data(void *user, const void *data, size_t len)
{
    struct fetch *f = user;
    if (f->status != 200) return 0;
    if (intake_sink(f->in)->data(f->in, data, len) == 0) return 0;
    f->full = true;
    return -1;
}

/* What a fetch means for the request. -1: refused, answered. */
static int fetched(struct request *rq, const struct fetch *f, int rc, const struct err *err)
{
    if (f->full)
        http_fail(rq, intake_error(f->in));
    else if (rc == -1)
        http_fail(rq, err);
    else if (f->status == 404)
        http_error(rq, 404, "not_found", "There is no such document.");
    else if (f->status != 200)
        http_error(rq, 502, "unavailable", "The document's place answered with status %d.", f->status);
    else if (end(f->in) == -1)
        http_fail(rq, intake_error(f->in));
    else
        return 0;
    return -1;
}

static int fetch_object(struct request *rq, struct intake *in, const char *key, const char *filename)
{
    struct fetch f = {.in = in};
    struct err err = {0};
    char target[2048];
    const struct httpc_sink sink = {fetch_head, fetch_data, &f};
    const struct records_call call = {.method = "GET", .target = target};
    if (text_encode_path(key, target, sizeof target, "/pdf/") == -1) {
        http_not_found(rq);
        return -1;
    }
    if (begin(in, filename) == -1) {
        http_fail(rq, intake_error(in));
        return -1;
    }
    int rc = records_stream(rq->gateway->records, &rq->caller, &call, &sink, &err);
    return fetched(rq, &f, rc, &err);
}

bool documents_url_allowed(const char *url, const char *allowed)
{
    if (strncmp(url, "https://", 8) != 0 && strncmp(url, "http://", 7) != 0) return false;
    /* What a client of HTTP would read otherwise than this comparison does. */
    if (strstr(url, "..") || strcasestr(url, "%2e") || strpbrk(url, "\\@ #")) return false;
    while (allowed && *allowed) {
        const size_t len = strcspn(allowed, ",");
        const char *authority = memmem(allowed, len, "://", 3);
        const bool whole = authority && len > (size_t)(authority - allowed) + 3;
        if (whole && strncmp(url, allowed, len) == 0 &&
            (allowed[len - 1] == '/' || url[len] == '/' || url[len] == '\0'))
            return true;
        allowed += len + (allowed[len] == ',');
    }
    return false;
}

static int fetch_url(struct request *rq, struct intake *in, const char *url, const char *filename)
{
    struct fetch f = {.in = in};
    struct err err = {0};
    const struct httpc_sink sink = {fetch_head, fetch_data, &f};
    const struct httpc_request request = {.method = "GET", .url = url, .deadline_ms = clock_ms() + FETCH_MS,
                                          .ca_file = rq->gateway->settings->ca_file};
    if (!documents_url_allowed(url, rq->gateway->settings->fetch_from)) {
        http_error(rq, 403, "forbidden", "Documents may not be fetched from there; SHEAF_FETCH_FROM lists where.");
        return -1;
    }
    httpc_t *client = httpc_new(&err);
    if (!client || begin(in, filename) == -1) {
        http_fail(rq, client ? intake_error(in) : &err);
        httpc_destroy(&client);
        return -1;
    }
    int rc = httpc_stream(client, &request, &sink, &err);
    httpc_destroy(&client);
    return fetched(rq, &f, rc, &err);
}

void documents_name_of(const char *address, char *out, size_t out_len)
{
    const size_t len = strcspn(address, "?#");
    const char *slash = memrchr(address, '/', len), *name = slash ? slash + 1 : address;
    if (text_decode(name, (size_t)(address + len - name), false, out, out_len) == -1) *out = '\0';
}

/* {"object_key":"…"} or {"url":"…"}, both with "filename". -1: refused, answered. */
static int fetch_named(struct request *rq, struct intake *in, const char *filename)
{
    AUTO(buf_done) struct buf body = BUF_INIT;
    if (http_body(rq, JSON_MAX, &body) == -1) return -1;
    json_t *json = json_loadb(body.data ? body.data : "", body.len, 0, NULL);
    const char *key = json_string_value(json_object_get(json, "object_key"));
    const char *url = json_string_value(json_object_get(json, "url"));
    const char *given = json_string_value(json_object_get(json, "filename"));
    char own[NAME_MAX_BYTES];
    documents_name_of(key ? key : url ? url : "", own, sizeof own);
    const char *name = given ? given : *filename ? filename : own;
    int rc = -1;
    if (!key == !url)
        http_error(rq, 400, "bad_request", "The body is {\"object_key\":…} or {\"url\":…}, or the document itself.");
    else
        rc = key ? fetch_object(rq, in, key, name) : fetch_url(rq, in, url, name);
    json_decref(json);
    return rc;
}

static void take_named(struct request *rq, struct intake *in, const char *filename)
{
    if (fetch_named(rq, in, filename) == 0) upload_open_jobs(rq, in);
    intake_destroy(&in);
}

void documents_take(struct request *rq)
{
    char filename[NAME_MAX_BYTES] = "";
    const char *type = http_header(rq, "Content-Type");
    const bool named = type && strncasecmp(type, "application/json", 16) == 0;
    if (http_query(rq, "filename", filename, sizeof filename) == -1) {
        http_error(rq, 400, "bad_request", "The parameter filename is malformed.");
        return;
    }
    struct intake *in = upload_begin(rq);
    if (!in) return;
    (named ? take_named : take_body)(rq, in, filename);
}

/* --- again --- */

/* 1: it runs again, 0: its job is not kept any more, -1: answered. */
static int rerun(struct request *rq, const char *job)
{
    const char *argv[] = {job, rq->caller.owner, "inspect"};
    redis_reply_t *reply = NULL;
    struct err err = {0};
    int rc = 0;
    if (!id_valid(job)) return 0;
    if (ask_script(rq->gateway, &script_rerun, id_shard(job), 3, argv, &reply, &err) == -1) {
        http_fail(rq, &err);
        return -1;
    }
    if (strcmp(redis_str(reply), "ok") == 0) {
        answers_forget(rq->gateway->answers, job);
        http_json(rq, 202, json_pack("{s:b,s:s}", "success", 1, "job_id", job), NULL);
        rc = 1;
    } else if (strcmp(redis_str(reply), "state") == 0) {
        http_error(rq, 409, "conflict", "Its document is being worked on.");
        rc = -1;
    }
    redis_reply_free(reply);
    return rc;
}

static void take_original(struct request *rq, const json_t *record)
{
    const char *url = json_string_value(json_object_get(record, "pdf_url"));
    const char *name = json_string_value(json_object_get(record, "filename"));
    if (!url || strncmp(url, "/pdf/", 5) != 0) {
        http_error(rq, 409, "conflict", "The record's document is not kept.");
        return;
    }
    struct intake *in = upload_begin(rq);
    if (!in) return;
    if (fetch_object(rq, in, url + 5, name ? name : "document") == 0) upload_open_jobs(rq, in);
    intake_destroy(&in);
}

/* The record's document is read anew: its job runs again, or, when that is not kept any more, its original
 * becomes a new one, which comes to the same record. */
void documents_reprocess(struct request *rq)
{
    char target[96];
    int status = 404;
    snprintf(target, sizeof target, "/api/records/%.40s", rq->arg[0]);
    json_t *answer = strspn(rq->arg[0], "0123456789abcdef") == strlen(rq->arg[0])
                         ? records_ask(rq->gateway->records, &rq->caller, target, &status)
                         : NULL;
    const json_t *record = json_object_get(answer, "record");
    const char *job = json_string_value(json_object_get(record, "job_id"));
    if (!record && status != 404)
        http_records_away(rq);
    else if (!record)
        http_not_found(rq);
    else if (rerun(rq, job ? job : "") == 0)
        take_original(rq, record);
    json_decref(answer);
}
