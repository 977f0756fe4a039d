/* forward: routes that persist-svc answers: passed on with the caller's identity, and the answer streamed
 * back. */
#include <stdio.h>
#include <string.h>
#include "gateway/records.h"
#include "gateway/routes.h"
#include "lib/auto.h"

#define BODY_MAX   (1024 * 1024)
#define HEADER_MAX 256

/* The only headers of a client that persist-svc gets to see. */
static const char *const passed_on[] = {"Content-Type", "Accept", "If-Match", "If-None-Match"};
/* The only headers of its answers that a client gets to see, besides type and length. */
static const char *const passed_back[] = {"Content-Disposition", "ETag",        "Cache-Control",
                                          "Last-Modified",       "Retry-After", "Allow"};

static int answer_head(void *user, int status, const char *headers)
{
    struct request *rq = user;
    char type[128], length[32], value[HEADER_MAX];
    long long n = -1;
    AUTO(buf_done) struct buf more = BUF_INIT;
    const bool typed = httpc_header(headers, "Content-Type", type, sizeof type) == 0;
    if (httpc_header(headers, "Content-Length", length, sizeof length) == 0)
        (void)text_number(length, INT64_MAX / 2, &n);
    for (size_t i = 0; i < COUNT_OF(passed_back); i++)
        if (httpc_header(headers, passed_back[i], value, sizeof value) == 0)
            buf_printf(&more, "%s: %s\r\n", passed_back[i], value);
    if (httpc_header(headers, "Cache-Control", value, sizeof value) == -1)
        buf_puts(&more, "Cache-Control: no-store\r\n");
    /* A document is shown, never run: no script, whatever its bytes pretend to be. */
    buf_puts(&more, "Content-Security-Policy: default-src 'none'; object-src 'self'; img-src 'self'; "
                    "style-src 'unsafe-inline'; frame-ancestors 'self'\r\n");
    if (more.bad) return -1;
    if (status == 304 || status == 204) n = 0;
    return http_stream_begin(rq, status, typed ? type : NULL, n, more.data);
}

static int answer_data(void *user, const void *data, size_t len)
{
    return http_stream_write(user, data, len);
}

/* Passes the request on, as one for `path`. */
static void forward(struct request *rq, const char *path, bool document)
{
    AUTO(buf_done) struct buf body = BUF_INIT;
    char lines[COUNT_OF(passed_on)][HEADER_MAX], target[8192];
    const char *headers[COUNT_OF(passed_on) + 1];
    struct err err = {0};
    size_t n = 0;
    if (http_body(rq, BODY_MAX, &body) == -1) return;
    for (size_t i = 0; i < COUNT_OF(passed_on); i++) {
        const char *value = http_header(rq, passed_on[i]);
        if (!value) continue;
        /* Cut when it is too long: an If-Match that were left out would let an edit pass that it forbids. */
        (void)snprintf(lines[n], HEADER_MAX, *value ? "%s: %s" : "%s;%s" /* curl's way to say it empty */, passed_on[i], value);
        headers[n] = lines[n];
        n++;
    }
    headers[n] = NULL;
    if ((size_t)snprintf(target, sizeof target, "%s%s%s", path, *rq->query ? "?" : "", rq->query) >=
        sizeof target) {
        http_error(rq, 414, "bad_request", "The address is too long.");
        return;
    }
    const bool sends = strcmp(rq->method, "GET") != 0;
    const struct records_call call = {rq->method, target, headers, sends ? &body : NULL, document};
    const struct httpc_sink sink = {answer_head, answer_data, rq};
    if (records_stream(rq->gateway->records, &rq->caller, &call, &sink, &err) == 0)
        http_stream_end(rq);
    else if (rq->status)
        rq->last = true; /* in the middle: the client sees it by the missing end */
    else
        http_records_away(rq);
}

void forward_serve(struct request *rq)
{
    forward(rq, rq->path, false);
}

void forward_document(struct request *rq)
{
    forward(rq, rq->path, true);
}

/* The list that the review page reads has a cursor already: other services get the same. */
void forward_records(struct request *rq)
{
    forward(rq, "/api/records", false);
}
