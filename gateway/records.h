/* records: the way to persist-svc, which owns all records (its internal HTTP API).  What is asked is asked in
 * the name of a caller; nothing that a client says about itself gets through. Any thread. */
#ifndef SHEAF_GATEWAY_RECORDS_H
#define SHEAF_GATEWAY_RECORDS_H

#include <jansson.h>
#include "gateway/identity.h"
#include "lib/buf.h"
#include "lib/err.h"
#include "lib/httpc.h"
#include "lib/settings.h"

struct records;

/* threads: that serve requests. */
struct records *records_new(const struct settings *s, int threads, struct err *err);
void records_destroy(struct records **r);
/* What is not answered by then, a moment of clock_ms(), is given up. */
void records_end_by(struct records *r, int64_t end_ms);

struct records_call {
    const char *method;
    const char *target;         /* path and query, as in a request line */
    const char *const *headers; /* "Name: value", ended by NULL; may be NULL */
    const struct buf *body;     /* may be NULL */
    bool document;              /* the answer may be large, and its taker slow */
};
#define RECORDS_HEADERS_MAX 8

/* Passes the answer, of whatever status, to the sink as it comes. Of this and the following no more are in hand at once than leave threads
 * to all others, and none while persist-svc is known to hang (turnstile.h): then they fail as if it did not answer, at once. */
int records_stream(struct records *r, const struct caller *caller, const struct records_call *call,
                   const struct httpc_sink *sink, struct err *err);

/* What a question for records answers: {"records":[…],…}, or NULL when persist-svc says no (404) or nothing (any other *status,
 * 0 when it does not answer). */
json_t *records_ask(struct records *r, const struct caller *caller, const char *target, int *status);
/* The records of a job, for its status; NULL likewise. */
json_t *records_of_job(struct records *r, const struct caller *caller, const char *job);

#endif
