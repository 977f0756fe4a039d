/* httpc: calls to other HTTP servers. With smtpc the only code that includes curl.
 *
 * One httpc_t per thread (it keeps connections alive).  Every call has a deadline, a stream at least one of its head, and a cap on
 * the answer's size; redirects are not followed; only http and https.
 */
#ifndef SHEAF_HTTPC_H
#define SHEAF_HTTPC_H

#include <stdbool.h>
#include <stdint.h>
#include <stddef.h>
#include "lib/buf.h"
#include "lib/err.h"

typedef struct httpc httpc_t;

/* Who signs a request to S3 (AWS Signature Version 4). The caller gives x-amz-content-sha256 among the headers, the query
 * sorted and percent-encoded, and x-amz-security-token where there is one. */
struct httpc_aws {
    const char *region, *key_id, *secret;
};

struct httpc_request {
    const char *method;          /* "GET", "POST", ... */
    const char *url;
    const char *const *headers;  /* "Name: value", ended by NULL; may be NULL */
    const void *body;            /* borrowed; NULL for none */
    size_t body_len;
    int64_t deadline_ms;         /* a moment of clock_ms() */
    int64_t idle_ms;             /* not 0: until the deadline only the answer's head must be there, or with read_body its first piece be asked for; what
                                    comes then may take as long as it needs, with no pause longer than this (a piece's own giver or taker does not count) */
    bool public_only;            /* addresses of private networks and of this machine are refused (netaddr.h): ERR_CONFIG */
    const char *ca_file;         /* certificates that an https server is checked against (SHEAF_CA_FILE); NULL: the system's */
    size_t max_answer_bytes;     /* a longer answer is ERR_LIMIT; 0: 16 MiB for a call, no cap for a stream */

    /* Instead of `body`, for what is too big to be held: called until it gave body_len bytes.  Fills at most
     * `room` bytes of `out` and answers how many, or -1, which breaks the call off (ERR_CANCELLED). */
    int64_t (*read_body)(void *user, void *out, size_t room);
    /* Begins again with the body's first byte: 0 or -1.  A kept connection may turn out dead when part of the body is
     * sent; without this, such a call therefore gets a connection of its own. */
    int (*rewind_body)(void *user);
    void *read_user; /* of both */
    /* Asked once a second at least, also while nothing comes: false breaks the call off (ERR_CANCELLED). */
    bool (*go_on)(void *user);
    void *go_on_user;
    const struct httpc_aws *aws; /* NULL: not signed */
};

struct httpc_answer {
    int status;
    struct buf body;
    struct buf headers; /* as received, one per line */
};

/* A stream of the answer instead of a buffer: head is called once, then data as it arrives; a
 * return of -1 breaks the call off.  For the gateway, which forwards without holding a whole answer. */
struct httpc_sink {
    int (*head)(void *user, int status, const char *headers);
    int (*data)(void *user, const void *data, size_t len);
    void *user;
};

httpc_t *httpc_new(struct err *err);
void httpc_destroy(httpc_t **c);
/* 0 when an answer of any status arrived. -1: ERR_UNAVAILABLE (refused, cut), ERR_TIMEOUT, ERR_LIMIT. */
int httpc_call(httpc_t *c, const struct httpc_request *request, struct httpc_answer *answer, struct err *err);
int httpc_stream(httpc_t *c, const struct httpc_request *request, const struct httpc_sink *sink, struct err *err);
void httpc_answer_done(struct httpc_answer *answer);
/* The value of header `name` in httpc's header text, trimmed, copied to out; 0, or -1 when absent. */
int httpc_header(const char *headers, const char *name, char *out, size_t out_len);

/* Of an error that a call gave: nobody was there, so nothing was sent. */
bool httpc_nobody_there(const struct err *err);

#endif
