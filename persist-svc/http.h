/* http: one request of the internal HTTP API and the ways to answer it.  With records_http.c the only code
 * here that knows civetweb.  A request belongs to the thread that it is handled on. */
#ifndef SHEAF_PERSIST_SVC_HTTP_H
#define SHEAF_PERSIST_SVC_HTTP_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include "lib/buf.h"
#include "persist-svc/route.h"
#include "persist-svc/store.h"

#define HTTP_BODY_MAX (1024 * 1024)
#define HTTP_JSON                                                                                            \
    (JSON_COMPACT | JSON_REAL_PRECISION(10)) /* for json_dumps(): 0.934, not 0.93400000000000005 */

struct mg_connection;

struct http_request {
    struct mg_connection *conn;
    const struct stores *stores;
    const char *query;       /* raw; NULL when there is none */
    struct route_match path; /* what the route's pattern took */
    bool head;               /* HEAD: the headers of GET without the body */
    bool answered;           /* the status line is out: too late for an error's status */
    int status;
    char owner[37];       /* whose records; from X-Sheaf-Owner */
    char user[200];       /* who asks; from X-Sheaf-User, else the owner */
    bool conditional;     /* an If-Match was given */
    char if_match[64];    /* without quotes, cut */
    char error_field[64]; /* the field that an error is about; "" none */
    char allow[48];       /* the methods that the path knows, when the request's is not among them */
};

/* Answers and returns 0, or returns -1 with *err, which is then answered by http_error(). */
typedef int http_handler(struct http_request *rq, struct err *err);

/* A parameter of the query: NULL when absent or empty, else `out`. *err (ERR_INPUT) is set when it is
 * malformed: check err->kind once after the last one. */
const char *http_param(struct http_request *rq, const char *name, char *out, size_t max, struct err *err);

/* The body as a JSON object, the caller's. ERR_INPUT, or ERR_LIMIT above HTTP_BODY_MAX. */
int http_body(struct http_request *rq, json_t **body, struct err *err);

/* Sends `body` and releases it; NULL (memory was out while building it) is ERR_NOMEM. */
int http_json(struct http_request *rq, int status, json_t *body, struct err *err);
/* The same with a body that is JSON already; `text` is emptied. */
int http_json_text(struct http_request *rq, int status, struct buf *text, struct err *err);
/* {"success":false,"error","code"[,"field"]} with the status that the error's code and kind stand for. */
void http_error(struct http_request *rq, const struct err *err);

/* Streams: the head once, pieces, then the end.  Without the end the client sees that the answer is not
 * whole. */
int http_stream_head(struct http_request *rq, const char *type, const char *filename, struct err *err);
int http_stream_piece(struct http_request *rq, const void *data, size_t len); /* -1: the client has gone */
void http_stream_end(struct http_request *rq);

/* A file from its beginning. `inline_ok`: may a browser show it instead of saving it. */
int http_file(struct http_request *rq, int fd, int64_t size, const char *type, const char *filename,
              bool inline_ok, struct err *err);

int http_status_of(const struct err *err);

#endif
