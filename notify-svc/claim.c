#include "notify-svc/claim.h"

#include <stdio.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/digest.h"
#include "lib/embed.h"
#include "lib/log.h"
#include "lib/metrics.h"
#include "lib/scripts.h"

EMBED(lua_claim, "proto/redis/claim.lua");

#define ASK_MS     3000 /* Redis answers at once, or is away */
#define WAIT_MS    2000 /* then the task comes again */
#define CONFIRM_MS 10000 /* worth waiting for: behind it the message cannot go twice */

enum answer { CLAIM_YES = 1, CLAIM_SENT, CLAIM_NEWER, CLAIM_AGAIN };

static struct metric again =
    METRIC_COUNTER1("sheaf_messages_again_total", "messages sent although an earlier claim was never confirmed", "channel");

claims_t *claims_open(const struct settings *settings, int threads, struct err *err)
{
    return lone_script_new(settings, "claim", lua_claim, threads, err);
}

void claims_close(claims_t **c)
{
    lone_script_destroy(c);
}

void claim_init(struct claim *c, claims_t *claims, const char *job, const char *channel, const char *id, const char *to,
                const struct token *token, int64_t deadline_ms)
{
    char shard[SHARD_KEY_MAX], receiver[DIGEST_HEX] = "";
    *c = (struct claim){.claims = claims,
                        .channel = channel,
                        .attempt = token->attempt,
                        .delivery = token->delivery,
                        .deadline_ms = deadline_ms};
    /* An address is personal: Redis gets to see its digest. */
    if (*to) digest_hex(to, strlen(to), receiver);
    (void)snprintf(c->key, sizeof c->key, "%smail:%.16s:%.160s%s%.12s", shard_key(shard, id_shard(job)), channel, id,
                   *to ? ":" : "", receiver);
}

static int ask(const struct claim *c, const char *what, int64_t deadline_ms, enum answer *answer, struct err *err)
{
    char attempt[16], delivery[16];
    redis_reply_t *reply = NULL;
    (void)snprintf(attempt, sizeof attempt, "%u", c->attempt);
    (void)snprintf(delivery, sizeof delivery, "%u", c->delivery);
    if (lone_script_ask(c->claims, deadline_ms, c->key, 3, (const char *const[]){what, attempt, delivery}, &reply, err) == -1) return -1;
    if (answer) *answer = (enum answer)redis_int(reply);
    redis_reply_free(reply);
    return 0;
}

int claim_take(struct claim *c, struct err *err)
{
    enum answer answer = CLAIM_YES;
    struct err why = {0};
    int64_t deadline_ms = clock_ms() + ASK_MS;
    if (!c->claims) return 0;
    if (c->deadline_ms < deadline_ms) deadline_ms = c->deadline_ms;
    c->unanswered = ask(c, "take", deadline_ms, &answer, &why) == -1;
    if (c->unanswered) {
        err_set(err, ERR_THROTTLED, "Waiting for Redis to say who sends the message: %.100s", why.text);
        if (err) err->retry_after_ms = WAIT_MS;
        return -1;
    }
    if (answer == CLAIM_NEWER) return err_set(err, ERR_CANCELLED, "a newer delivery sends it");
    c->sent = answer == CLAIM_SENT;
    c->taken = !c->sent;
    if (answer == CLAIM_AGAIN) {
        metric_add(&again, c->channel, 1);
        log_warn("message_again", F_STR("channel", c->channel), F_STR("claim", c->key));
    }
    return c->sent ? -1 : 0;
}

void claim_drop(struct claim *c)
{
    if (!c->claims || !c->taken) return;
    c->taken = false;
    (void)ask(c, "drop", clock_ms() + ASK_MS, NULL, NULL); /* else the next claim will be called in doubt */
}

void claim_confirm(struct claim *c)
{
    struct err why = {0};
    if (!c->claims || c->sent) return;
    c->taken = false;
    if (ask(c, "sent", clock_ms() + CONFIRM_MS, NULL, &why) == -1)
        log_warn("claim_unconfirmed", F_STR("claim", c->key), F_ERR(&why));
}
