/* claim: who sends a message, agreed upon in Redis (proto/redis/claim.lua).
 *
 * A task may be delivered twice: its worker was frozen and taken for dead, or died behind the send and before its
 * result.  So a channel takes the claim right before the step that it cannot undo, and what came of it is confirmed
 * right behind.  What remains is one window, between these two: a claim that was never confirmed is given again, and
 * the message goes again, with the same Message-ID. It is counted (sheaf_messages_again_total).
 *
 * claims_t: any thread.  A struct claim belongs to one.
 */
#ifndef SHEAF_NOTIFY_SVC_CLAIM_H
#define SHEAF_NOTIFY_SVC_CLAIM_H

#include <stdbool.h>
#include <stdint.h>
#include "lib/err.h"
#include "lib/lone_script.h"
#include "lib/settings.h"
#include "proto/ids.h"

typedef lone_script_t claims_t;

/* `threads` that may ask at the same time.  Does not wait for Redis. */
claims_t *claims_open(const struct settings *settings, int threads, struct err *err);
void claims_close(claims_t **claims);

#define CLAIM_KEY_MAX 320

struct claim {
    claims_t *claims; /* NULL: nobody is asked, the answer is always yes */
    char key[CLAIM_KEY_MAX];
    const char *channel;
    uint32_t attempt, delivery;
    int64_t deadline_ms;
    bool taken;      /* and neither confirmed nor dropped */
    bool sent;       /* by an earlier delivery: nothing is left to do */
    bool unanswered; /* Redis did not say who sends it */
};

/* For one message through one channel to one receiver ("": to all that it goes to). `id` is the Message-ID, `job` the
 * id whose shard it lives in. */
void claim_init(struct claim *c, claims_t *claims, const char *job, const char *channel, const char *id, const char *to,
                const struct token *token, int64_t deadline_ms);
/* 0: send it.  -1 with c->sent: it is sent, without *err.  -1 else: ERR_CANCELLED (a newer delivery has it), or
 * ERR_THROTTLED (Redis is away or full: later, nothing is spent). */
int claim_take(struct claim *c, struct err *err);
/* The receiver said no, or never saw it. Nothing is in doubt. */
void claim_drop(struct claim *c);
/* The receiver has it.  Redis being away now only leaves the window open. */
void claim_confirm(struct claim *c);

#endif
