#include "gateway/http.h"

#include <civetweb.h>
#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include "gateway/server.h"
#include "gateway/text.h"
#include "lib/auto.h"
#include "lib/log.h"
#include "lib/metrics.h"

static struct metric answers =
    METRIC_COUNTER1("sheaf_http_answers_total", "answers by status class", "class");
static struct metric refusals =
    METRIC_COUNTER1("sheaf_http_refusals_total", "errors answered, by code", "code");

#define LENGTH_BY_CLOSE (-2) /* the body ends with the connection (RFC 9112, 6.3) */
#define LITTLE          16384 /* bytes of a body that nobody wanted */
#define NO_CACHE "Cache-Control: no-store\r\n"
#define JSON     "application/json; charset=utf-8"

const char *http_header(const struct request *rq, const char *name)
{
    return rq->conn ? mg_get_header(rq->conn, name) : NULL;
}

int http_query(const struct request *rq, const char *name, char *out, size_t out_len)
{
    return text_param(rq->query, '&', name, out, out_len);
}

int http_cookie(const struct request *rq, const char *name, char *out, size_t out_len)
{
    const char *cookies = http_header(rq, "Cookie");
    return cookies ? text_param(cookies, ';', name, out, out_len) : 0;
}

/* To a socket that was taken over, which does not block.  The number of bytes, or -1: the client has gone. */
static int send_all(const struct request *rq, const char *data, size_t len)
{
    struct pollfd room = {.fd = rq->fd, .events = POLLOUT};
    for (size_t sent = 0; sent < len;) {
        const ssize_t n = send(rq->fd, data + sent, len - sent, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n > 0) sent += (size_t)n;
        const bool full = n == -1 && errno == EAGAIN;
        if (n <= 0 && errno != EINTR && !(full && poll(&room, 1, (int)rq->gateway->settings->upload_idle_ms) > 0)) return -1;
    }
    return (int)len;
}

static int put(struct request *rq, const void *data, size_t len)
{
    return rq->fd == -1 ? mg_write(rq->conn, data, len) : send_all(rq, data, len);
}

/* civetweb does not answer an Expect for requests that a callback handles. */
static void let_it_come(struct request *rq)
{
    if (rq->owes_continue) (void)put(rq, "HTTP/1.1 100 Continue\r\n\r\n", 25);
    rq->owes_continue = false;
}

int http_take_over(struct request *rq)
{
    if (rq->body_len == -1) return -1;
    rq->fd = server_take_socket(rq->conn);
    if (rq->fd == -1) return -1;
    rq->last = true;
    /* What was said of it is civetweb's, and gone when this thread leaves. */
    snprintf(rq->own_path, sizeof rq->own_path, "%s", rq->path);
    rq->path = rq->own_path;
    rq->method = rq->query = "";
    let_it_come(rq);
    return 0;
}

int http_read_ahead(struct request *rq, void *buf, size_t len)
{
    int n = rq->conn && rq->body_len != rq->body_read ? mg_read(rq->conn, buf, len) : 0;
    if (n > 0)
        rq->body_read += n;
    else
        rq->conn = NULL;
    return n > 0 ? n : 0;
}

int http_read(struct request *rq, void *buf, size_t len)
{
    if (rq->body_broken) return -1;
    if (rq->body_ended || rq->body_len == rq->body_read) return 0;
    let_it_come(rq);
    int n = mg_read(rq->conn, buf, len);
    if (n > 0) {
        rq->body_read += n;
        return n;
    }
    /* A peer that closed or stalled gives 0 like a body that ended, so the announced length decides. */
    rq->body_ended = true;
    rq->body_broken = n < 0 || rq->body_len >= 0;
    if (rq->body_broken) rq->last = true;
    return rq->body_broken ? -1 : 0;
}

int http_body(struct request *rq, size_t max, struct buf *out)
{
    char piece[4096];
    int n;
    while ((n = http_read(rq, piece, sizeof piece)) > 0) {
        if (out->len + (size_t)n > max) {
            http_error(rq, 413, "too_large", "The request's body is larger than %zu bytes.", max);
            return -1;
        }
        buf_add(out, piece, (size_t)n);
    }
    if (n == 0 && !out->bad) return 0;
    http_error(rq, n ? 400 : 503, n ? "bad_request" : "unavailable",
               n ? "The request ended early." : "Out of memory.");
    return -1;
}

/* --- answering --- */

static void count(int status)
{
    static const char *const classes[] = {"1xx", "2xx", "3xx", "4xx", "5xx"};
    if (status >= 100 && status < 600) metric_add(&answers, classes[status / 100 - 1], 1);
}

/* May what is left of the body keep the next request from being read?  Little is read over, of more only what comes in a moment
 * (linger() in server.c); and who has not been told to send his body may send it all the same, or the next request. */
static bool body_is_in_the_way(const struct request *rq)
{
    if (rq->body_ended || rq->body_len == rq->body_read) return false;
    return rq->owes_continue || rq->body_len == -1 || rq->body_len - rq->body_read > LITTLE;
}

static void head(struct request *rq, struct buf *out, int status, const char *type, int64_t len,
                 const char *headers)
{
    char date[40];
    struct tm tm;
    time_t now = time(NULL);
    if (body_is_in_the_way(rq)) rq->last = true;
    strftime(date, sizeof date, "%a, %d %b %Y %H:%M:%S GMT", gmtime_r(&now, &tm));
    buf_printf(out, "HTTP/1.1 %d %s\r\nDate: %s\r\nConnection: %s\r\nX-Content-Type-Options: nosniff\r\n",
               status, mg_get_response_code_text(rq->conn, status), date, rq->last ? "close" : "keep-alive");
    if (type) buf_printf(out, "Content-Type: %s\r\n", type);
    const bool bodiless = status == 204 || status == 304; /* RFC 9110: no length either */
    if (len >= 0 && !bodiless)
        buf_printf(out, "Content-Length: %lld\r\n", (long long)len);
    else if (!bodiless && len != LENGTH_BY_CLOSE)
        buf_puts(out, "Transfer-Encoding: chunked\r\n");
    if (headers) buf_puts(out, headers);
    buf_puts(out, "\r\n");
    rq->status = status;
    count(status);
}

void http_answer(struct request *rq, int status, const char *type, const void *body, size_t len,
                 const char *headers)
{
    AUTO(buf_done) struct buf out = BUF_INIT;
    if (rq->status) return;
    head(rq, &out, status, type, (int64_t)len, headers);
    /* One segment for what is small; what is large is not copied. */
    const bool apart = len > 16384;
    if (!rq->head && !apart) buf_add(&out, body, len);
    if (out.bad) return;
    if (put(rq, out.data, out.len) > 0 && apart && !rq->head) (void)put(rq, body, len);
}

void http_json(struct request *rq, int status, json_t *body, const char *headers)
{
    AUTO_FREE char *text = body ? json_dumps(body, JSON_COMPACT | JSON_REAL_PRECISION(10)) : NULL;
    AUTO(buf_done) struct buf all = BUF_INIT;
    json_decref(body);
    if (!text) {
        http_error(rq, 503, "unavailable", "Out of memory.");
        return;
    }
    buf_printf(&all, NO_CACHE "%s", headers ? headers : "");
    if (!all.bad) http_answer(rq, status, JSON, text, strlen(text), all.data);
}

/* The text is ours but may quote a parameter. */
static void error_page(struct request *rq, int status, const char *text, const char *headers)
{
    AUTO(buf_done) struct buf page = BUF_INIT;
    buf_printf(
        &page,
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" "
        "content=\"width=device-width\"><title>%d</title><link rel=\"stylesheet\" href=\"/static/app.css\">"
        "<main><h1>%d</h1><p>",
        status, status);
    for (const char *c = text; *c; c++) {
        if (*c == '<' || *c == '&')
            buf_puts(&page, *c == '<' ? "&lt;" : "&amp;");
        else
            buf_putc(&page, *c);
    }
    buf_puts(&page, "</p><p><a href=\"/\">To the start page</a></p></main></html>\n");
    if (!page.bad) http_answer(rq, status, "text/html; charset=utf-8", page.data, page.len, headers);
}

/* Not by json_pack(): a name that the text quotes may have been cut in the middle of a character, or never was UTF-8. */
static void error_json(struct request *rq, int status, const char *headers, const char *code, const char *text)
{
    AUTO(buf_done) struct buf body = BUF_INIT, more = BUF_INIT;
    buf_puts(&body, "{\"success\":false,\"error\":");
    buf_json_string(&body, text);
    buf_puts(&body, ",\"code\":");
    buf_json_string(&body, code);
    buf_puts(&body, "}");
    buf_printf(&more, NO_CACHE "%s", headers ? headers : "");
    if (!body.bad && !more.bad) http_answer(rq, status, JSON, body.data, body.len, more.data);
}

static void error_answer(struct request *rq, int status, const char *headers, const char *code,
                         const char *text)
{
    if (rq->status) return;
    metric_add(&refusals, code, 1);
    if (rq->wants_page)
        error_page(rq, status, text, headers);
    else
        error_json(rq, status, headers, code, text);
}

void http_error(struct request *rq, int status, const char *code, const char *fmt, ...)
{
    char text[300];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    error_answer(rq, status, NULL, code, text);
}

void http_error_retry(struct request *rq, int status, int retry_after_s, const char *code, const char *fmt,
                      ...)
{
    char text[300], header[40];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    snprintf(header, sizeof header, "Retry-After: %d\r\n", retry_after_s);
    error_answer(rq, status, header, code, text);
}

void http_fail(struct request *rq, const struct err *err)
{
    if (strcmp(err->code, "redis_full") == 0) {
        http_error_retry(rq, 503, 30, "queue_full", "The queue is full. Please try again later.");
    } else if (err->kind == ERR_BUG || err->kind == ERR_CONFIG) {
        log_error("request_failed", F_STR("path", rq->path), F_ERR(err));
        http_error(rq, 500, "internal", "Something is wrong on the server; its log says what.");
    } else if (err->kind == ERR_INPUT || err->kind == ERR_LIMIT) {
        const int status = strcmp(err->code, "not_found") == 0  ? 404
                           : strcmp(err->code, "conflict") == 0 ? 409
                           : err->kind == ERR_LIMIT             ? 413
                                                                : 400;
        http_error(rq, status, *err->code ? err->code : "bad_request", "%s", err->text);
    } else {
        log_warn("request_unavailable", F_STR("path", rq->path), F_ERR(err));
        http_error_retry(rq, 503, 2, "unavailable",
                         "A part of the service does not answer. Please try again.");
    }
}

void http_not_found(struct request *rq)
{
    http_error(rq, 404, "not_found", "There is nothing here.");
}

void http_records_away(struct request *rq)
{
    http_error_retry(rq, 503, 2, "unavailable", "The records cannot be reached just now. Please try again.");
}

/* --- streams --- */

int http_detach(struct request *rq, const char *type, const char *headers, const char *first)
{
    AUTO(buf_done) struct buf out = BUF_INIT;
    rq->last = true;
    head(rq, &out, 200, type, LENGTH_BY_CLOSE, headers);
    if (!rq->head) buf_puts(&out, first);
    if (out.bad || mg_write(rq->conn, out.data, out.len) <= 0 || rq->head) return -1;
    return server_take_socket(rq->conn);
}

int http_stream_begin(struct request *rq, int status, const char *type, int64_t len, const char *headers)
{
    AUTO(buf_done) struct buf out = BUF_INIT;
    if (rq->status) return -1;
    /* A stream of unknown length gives its connection up: an end that is missing is then seen at once. */
    rq->chunked = len < 0 && !rq->http_1_0;
    if (len < 0) rq->last = true;
    head(rq, &out, status, type, len < 0 && rq->http_1_0 ? LENGTH_BY_CLOSE : len, headers);
    return !out.bad && mg_write(rq->conn, out.data, out.len) > 0 ? 0 : -1;
}

int http_stream_write(struct request *rq, const void *data, size_t len)
{
    if (len == 0 || rq->head) return 0;
    int n = rq->chunked ? mg_send_chunk(rq->conn, data, (unsigned)len) : mg_write(rq->conn, data, len);
    if (n > 0) return 0;
    rq->last = true;
    return -1;
}

void http_stream_end(struct request *rq)
{
    if (rq->chunked && !rq->head) (void)mg_send_chunk(rq->conn, "", 0);
}
