/* answers: how far jobs and batches are, as the text that is sent: made once for all who ask within a tick.
 *
 * An answer is kept for ANSWERS_MS at most and forgotten as soon as Redis's channel names its job or batch, so a poll
 * is as fresh as an event.  Only what its owner may see is kept, under the owner's name; what is unknown is not.
 * Memory is bounded: ANSWERS_SLOTS texts of ANSWERS_TEXT_MAX bytes, and together ANSWERS_BYTES. Any thread. */
#ifndef SHEAF_GATEWAY_ANSWERS_H
#define SHEAF_GATEWAY_ANSWERS_H

#include "gateway/gateway.h"
#include "gateway/identity.h"
#include "lib/buf.h"

#define ANSWERS_MS       250
#define ANSWERS_SLOTS    1024
#define ANSWERS_TEXT_MAX (256 * 1024)
#define ANSWERS_BYTES    (4 * 1024 * 1024)

enum answer_kind { ANSWER_JOB, ANSWER_BATCH };

struct answer {
    struct buf text; /* JSON in one line */
    int64_t version; /* grows with every change of what it says */
    bool done;       /* nothing of it will change by itself */
    char etag[24];   /* of the text, quoted */
};
void answer_done(struct answer *a);

struct answers *answers_new(void);
void answers_destroy(struct answers **a);

/* 1: *out is filled, the caller's; 0: unknown, or not the caller's; -1: Redis did not answer. */
int answers_get(struct gateway *g, const struct caller *caller, enum answer_kind kind, const char *id,
                struct answer *out, struct err *err);
/* It changed, or may have: the next who asks gets it from Redis.  id NULL: all of them. */
void answers_forget(struct answers *a, const char *id);

#endif
