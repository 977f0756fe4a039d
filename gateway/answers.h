/* answers: how far jobs and batches are, as the text that is sent: made once for all who ask within a tick.
 *
 * An answer is kept for ANSWERS_MS at most and forgotten as soon as Redis's channel names its job or batch, so a poll
 * is as fresh as an event; only a large one, which takes some 20 ms to make, is kept for its time although more happened: a
 * batch of hundreds changes all the time, and would be read for each who asks.  Only what its owner may see is kept, under the owner's name; what is unknown is not.
 * Of those who ask for the same at once one reads, the others wait for that.  Memory is bounded: together the texts take
 * ANSWERS_BYTES at most, the oldest make room, and what nobody asks for any more is given back. Any thread. */
#ifndef SHEAF_GATEWAY_ANSWERS_H
#define SHEAF_GATEWAY_ANSWERS_H

#include "gateway/gateway.h"
#include "gateway/identity.h"
#include "lib/buf.h"

#define ANSWERS_MS      250
#define ANSWERS_SLOTS   1024
#define ANSWERS_BYTES   (8 * 1024 * 1024)
#define ANSWERS_LARGE   (64 * 1024)
#define ANSWERS_WAIT_MS 2000 /* for another thread's reading, before it is done once more */

enum answer_kind { ANSWER_JOB, ANSWER_BATCH };

struct answer {
    struct buf text; /* JSON in one line */
    int64_t version; /* grows with every change of what it says */
    bool done;       /* nothing of it will change by itself */
    bool stale;      /* events have told of more than it may say */
    char etag[24];   /* of the text, quoted */
};
void answer_done(struct answer *a);

struct answers *answers_new(void);
void answers_destroy(struct answers **a);

/* 1: *out is filled, the caller's; 0: unknown, or not the caller's; -1: Redis did not answer. */
int answers_get(struct gateway *g, const struct caller *caller, enum answer_kind kind, const char *id,
                struct answer *out, struct err *err);
/* The text of what was read. 1, or -1: no memory. */
struct status;
int answer_make(const struct status *status, struct answer *out, struct err *err);
/* From time to time: gives back what nobody asks for any more. */
void answers_tidy(struct answers *a);
/* An event named it. */
void answers_changed(struct answers *a, const char *id);
/* It changed, or may have: the next who asks gets it from Redis, however large.  id NULL: all of them. */
void answers_forget(struct answers *a, const char *id);

#endif
