#include "persist-svc/http.h"

#include <civetweb.h>
#include <errno.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "lib/auto.h"
#include "lib/buf.h"

#define PIECE_BYTES (64 * 1024)
#define LARGE_BYTES (256 * 1024) /* after an answer of this size memory is given back to the system */

static const char *reason_of(int status)
{
    return mg_get_response_code_text(NULL, status);
}

/* Every answer closes its connection: a thread serves one connection for its whole life, and there are few.
 */
static int send_head(struct http_request *rq, int status, const char *type, int64_t length, const char *more)
{
    char size[64] = "Transfer-Encoding: chunked\r\n";
    if (length >= 0) snprintf(size, sizeof size, "Content-Length: %lld\r\n", (long long)length);
    rq->answered = true;
    rq->status = status;
    return mg_printf(rq->conn,
                     "HTTP/1.1 %d %s\r\nContent-Type: %s\r\n%sX-Content-Type-Options: nosniff\r\n"
                     "Cache-Control: no-store\r\n%sConnection: close\r\n\r\n",
                     status, reason_of(status), type, size, more ? more : "") > 0
               ? 0
               : -1;
}

const char *http_param(struct http_request *rq, const char *name, char *out, size_t max, struct err *err)
{
    int found = route_param(rq->query, name, out, max);
    if (found == -1) err_code(err, ERR_INPUT, "bad_request", "The parameter %s cannot be read.", name);
    return found == 1 && *out ? out : NULL;
}

static int read_body(struct http_request *rq, struct buf *body, struct err *err)
{
    const struct mg_request_info *info = mg_get_request_info(rq->conn);
    const char *expect = mg_get_header(rq->conn, "Expect");
    char piece[4096];
    if (info->content_length > HTTP_BODY_MAX)
        return err_code(err, ERR_LIMIT, "too_large", "The request is larger than %d bytes.", HTTP_BODY_MAX);
    /* civetweb leaves this interim answer to the handler; without it a client waits a second. */
    if (expect && strcasecmp(expect, "100-continue") == 0)
        (void)mg_printf(rq->conn, "HTTP/1.1 100 Continue\r\n\r\n");
    int n;
    while ((n = mg_read(rq->conn, piece, sizeof piece)) > 0) {
        buf_add(body, piece, (size_t)n);
        if (body->len > HTTP_BODY_MAX)
            return err_code(err, ERR_LIMIT, "too_large", "The request is larger than %d bytes.",
                            HTTP_BODY_MAX);
    }
    if (body->bad) return err_set(err, ERR_NOMEM, "out of memory");
    if (n < 0 || (info->content_length >= 0 && (long long)body->len != info->content_length))
        return err_code(err, ERR_INPUT, "bad_request", "The request ended early.");
    return 0;
}

int http_body(struct http_request *rq, json_t **body, struct err *err)
{
    AUTO(buf_done) struct buf text = BUF_INIT;
    if (read_body(rq, &text, err) == -1) return -1;
    json_t *json = json_loadb(text.len ? text.data : "", text.len, JSON_REJECT_DUPLICATES, NULL);
    if (!json_is_object(json)) {
        json_decref(json);
        return err_code(err, ERR_INPUT, "bad_request", "The request's body must be a JSON object.");
    }
    *body = json;
    return 0;
}

static int send_json(struct http_request *rq, int status, const json_t *body, struct err *err)
{
    /* A record's ETag is its updated_at, which the client hands back as If-Match. */
    const char *etag = json_string_value(json_object_get(json_object_get(body, "record"), "updated_at"));
    char header[64] = "";
    AUTO_FREE char *text = json_dumps(body, HTTP_JSON);
    if (!text) return err_set(err, ERR_NOMEM, "out of memory");
    if (etag) snprintf(header, sizeof header, "ETag: \"%.30s\"\r\n", etag);
    size_t len = strlen(text);
    if (send_head(rq, status, "application/json; charset=utf-8", (int64_t)len, header) == 0 && !rq->head)
        (void)mg_write(rq->conn, text, len); /* a client that has gone needs no answer */
    return 0;
}

int http_json(struct http_request *rq, int status, json_t *body, struct err *err)
{
    int rc = body ? send_json(rq, status, body, err) : err_set(err, ERR_NOMEM, "out of memory");
    json_decref(body);
    return rc;
}

int http_json_text(struct http_request *rq, int status, struct buf *text, struct err *err)
{
    const bool large = text->len > LARGE_BYTES;
    if (text->bad) return err_set(err, ERR_NOMEM, "out of memory");
    if (send_head(rq, status, "application/json; charset=utf-8", (int64_t)text->len, NULL) == 0 && !rq->head)
        (void)mg_write(rq->conn, text->data, text->len);
    buf_done(text);
    if (large) malloc_trim(0);
    return 0;
}

int http_status_of(const struct err *err)
{
    static const struct {
        const char *code;
        int status;
    } codes[] = {{"not_found", 404},    {"conflict", 409},  {"precondition_failed", 412},
                 {"unauthorized", 401}, {"too_large", 413}, {"method_not_allowed", 405}};
    for (size_t i = 0; i < COUNT_OF(codes); i++)
        if (strcmp(codes[i].code, err->code) == 0) return codes[i].status;
    switch (err->kind) {
    case ERR_INPUT:
        return 400;
    case ERR_LIMIT:
        return 413;
    case ERR_TIMEOUT:
    case ERR_UNAVAILABLE:
    case ERR_THROTTLED:
    case ERR_NOMEM:
        return 503;
    default:
        return 500;
    }
}

void http_error(struct http_request *rq, const struct err *err)
{
    int status = http_status_of(err);
    /* What went wrong inside is for the log, not for the caller. */
    const char *text = status >= 500 ? "The records cannot be reached just now." : err->text;
    const char *code = *err->code      ? err->code
                       : status == 503 ? "unavailable"
                       : status >= 500 ? "internal"
                                       : "bad_request";
    AUTO(buf_done) struct buf b = BUF_INIT;
    buf_puts(&b, "{\"success\":false,\"error\":");
    buf_json_string(&b, text);
    buf_puts(&b, ",\"code\":");
    buf_json_string(&b, code);
    if (*rq->error_field) {
        buf_puts(&b, ",\"field\":");
        buf_json_string(&b, rq->error_field);
    }
    buf_puts(&b, "}");
    char more[80] = "";
    if (status == 503) snprintf(more, sizeof more, "Retry-After: 2\r\n");
    if (status == 405) snprintf(more, sizeof more, "Allow: %s\r\n", rq->allow);
    if (b.bad || send_head(rq, status, "application/json; charset=utf-8", (int64_t)b.len, more) == -1) return;
    if (!rq->head) (void)mg_write(rq->conn, b.data, b.len);
}

int http_stream_head(struct http_request *rq, const char *type, const char *filename, struct err *err)
{
    char header[256];
    snprintf(header, sizeof header, "Content-Disposition: attachment; filename=\"%.200s\"\r\n", filename);
    return send_head(rq, 200, type, -1, header) == -1 ? err_set(err, ERR_CANCELLED, "the client has gone")
                                                      : 0;
}

int http_stream_piece(struct http_request *rq, const void *data, size_t len)
{
    if (rq->head || len == 0) return 0;
    return mg_send_chunk(rq->conn, data, (unsigned)len) > 0 ? 0 : -1;
}

void http_stream_end(struct http_request *rq)
{
    if (!rq->head) (void)mg_send_chunk(rq->conn, "", 0);
}

int http_file(struct http_request *rq, int fd, int64_t size, const char *type, const char *filename,
              bool inline_ok, struct err *err)
{
    AUTO_FREE char *piece = malloc(PIECE_BYTES);
    char header[320];
    if (!piece) return err_set(err, ERR_NOMEM, "out of memory");
    snprintf(header, sizeof header, "Content-Disposition: %s; filename=\"%.200s\"\r\n",
             inline_ok ? "inline" : "attachment", filename);
    if (send_head(rq, 200, type, size, header) == -1 || rq->head) return 0;
    for (int64_t at = 0; at < size;) {
        ssize_t n = pread(fd, piece, PIECE_BYTES, at);
        if (n == -1 && errno == EINTR) continue;
        if (n <= 0 || mg_write(rq->conn, piece, (size_t)n) <= 0)
            break; /* the length told shows that it is not whole */
        at += n;
    }
    return 0;
}
