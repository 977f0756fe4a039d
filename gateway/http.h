/* http: one request, and the ways to read it and answer it.  Together with server.c the only code that
 * includes civetweb.  A request belongs to the thread that handles it.
 *
 * Errors are JSON with a stable code, {"success":false,"error":"…","code":"…"}; only a browser that asks for
 * a page gets a small page instead. */
#ifndef SHEAF_GATEWAY_HTTP_H
#define SHEAF_GATEWAY_HTTP_H

#include <jansson.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "gateway/gateway.h"
#include "gateway/identity.h"
#include "gateway/text.h"
#include "lib/buf.h"

#define HTTP_ARGS    3
#define HTTP_ARG_MAX TEXT_ARG_MAX

struct mg_connection;

struct request {
    struct mg_connection *conn; /* NULL once it was taken over and nothing is left there */
    int fd;                     /* -1, or, once it was taken over, the socket that is read and answered */
    struct server *server;      /* and how many threads have the request in hand */
    atomic_int holders;
    struct gateway *gateway;
    const char *method;                /* HEAD comes as GET with `head` set */
    const char *path;                  /* as sent: still with its %XX, without the query */
    const char *query;                 /* as sent, "" when there is none */
    char arg[HTTP_ARGS][HTTP_ARG_MAX]; /* what stood at the places of the route's pattern, decoded */
    struct caller caller;
    bool head;
    bool wants_page;             /* a browser's navigation: errors are pages */
    bool last;                   /* the connection ends after this answer */
    bool http_1_0;               /* knows neither interim answers nor chunks */
    bool owes_continue;          /* the client waits for "100 Continue" before it sends */
    int status;                  /* 0 until the answer began */
    char own_path[64];           /* of one that was taken over */
    int64_t body_len, body_read; /* body_len -1: chunked, not known beforehand */
    bool body_ended, body_broken;
    bool chunked; /* the answer is */
};

/* --- reading --- */
/* A request header's value, or NULL. */
const char *http_header(const struct request *rq, const char *name);
/* A parameter of the query or a cookie, decoded.  1 there, 0 absent or empty, -1 malformed or longer than
 * out. */
int http_query(const struct request *rq, const char *name, char *out, size_t out_len);
int http_cookie(const struct request *rq, const char *name, char *out, size_t out_len);
/* The next bytes of the body: their number, 0 at its end, -1 when it broke off or stalled. */
int http_read(struct request *rq, void *buf, size_t len);
/* Takes the connection out of the server's hands, from within its request, while its body is read: what follows is the caller's to
 * receive, its answer ends the connection, and it has no headers and no query any more.  A body in chunks cannot be.  -1: nothing
 * has changed. */
int http_take_over(struct request *rq);
/* What the server had read before: to be asked until it says 0. */
int http_read_ahead(struct request *rq, void *buf, size_t len);
/* The whole of a small body.  -1: the error was answered. */
int http_body(struct request *rq, size_t max, struct buf *out);

/* --- answering: once for each request --- */
/* `headers`: more header lines, each ended by \r\n; may be NULL. */
void http_answer(struct request *rq, int status, const char *type, const void *body, size_t len,
                 const char *headers);
void http_json(struct request *rq, int status, json_t *body,
               const char *headers); /* takes body; NULL: no memory */
void http_error(struct request *rq, int status, const char *code, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
void http_error_retry(struct request *rq, int status, int retry_after_s, const char *code, const char *fmt,
                      ...) __attribute__((format(printf, 5, 6)));
/* What an error of lib/ means to a client; the details go to the log, not to the client. */
void http_fail(struct request *rq, const struct err *err);
void http_not_found(struct request *rq);
void http_records_away(struct request *rq);

/* The head of an answer without a length, and its first bytes; then the connection's socket is the caller's, and the
 * server knows nothing of it any more.  -1: the client has gone. */
int http_detach(struct request *rq, const char *type, const char *headers, const char *first);

/* An answer whose length is not known beforehand.  Write: -1 when the client has gone.  Without end() the
 * client can see that something is missing. */
int http_stream_begin(struct request *rq, int status, const char *type, int64_t len_or_minus_1,
                      const char *headers);
int http_stream_write(struct request *rq, const void *data, size_t len);
void http_stream_end(struct request *rq);

#endif
