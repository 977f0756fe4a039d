#include "notify-svc/channel.h"

#include <stdio.h>
#include <string.h>
#include "lib/clock.h"
#include "lib/fault.h"

static int open_one(struct channels *c, const char *name, size_t len, struct err *err)
{
    const struct channel *channel = channel_find(name, len, err);
    if (!channel) return -1;
    for (int i = 0; i < c->n; i++)
        if (c->channel[i] == channel) return 0; /* named twice */
    if (c->n == CHANNELS_MAX)
        return err_set(err, ERR_CONFIG, "SHEAF_NOTIFY: at most %d channels", CHANNELS_MAX);
    if (channel->open(&c->state[c->n], c->settings, err) == -1) return -1;
    c->channel[c->n++] = channel;
    return 0;
}

int channels_open(struct channels *channels, const struct settings *settings, claims_t *claims, struct err *err)
{
    struct channels made = {.settings = settings, .claims = claims};
    if (mail_people_read(settings, &made.people, err) == -1) return -1;
    for (const char *at = settings_notify(settings); *at;) {
        size_t len = strcspn(at, ",");
        const char *name = at;
        at += len + (at[len] == ',');
        for (; len && *name == ' '; len--) name++;
        while (len && name[len - 1] == ' ') len--;
        if (len && open_one(&made, name, len, err) == -1) {
            channels_close(&made);
            return -1;
        }
    }
    if (made.n == 0) return err_set(err, ERR_CONFIG, "SHEAF_NOTIFY names no channel");
    *channels = made;
    return 0;
}

static int send_one(const struct channel *channel, void *state, const struct mail *mail, int64_t deadline_ms, struct err *err)
{
    FAULT(before_send);
    if (channel->send(state, mail, deadline_ms, err) == 0) {
        FAULT(before_confirm);
        claim_confirm(mail->claim);
        FAULT(after_send);
        return 0;
    }
    return mail->claim->sent ? 0 : -1;
}

/* One that can be tried again comes first: the others will say their no again. */
static bool is_temporary(enum err_kind kind)
{
    return kind != ERR_INPUT && kind != ERR_LIMIT && kind != ERR_CONFIG;
}

#define LONGEST_WAIT_MS  1800000
#define FRESH_DELIVERIES 3

/* Many servers say "later" to all they do not know yet, and one of a message's deliveries may have met a worker that was gone. */
static bool is_fresh(const struct token *token)
{
    return token->attempt == 1 && token->delivery <= FRESH_DELIVERIES;
}

/* A receiver that is away is waited for, ever longer, while the message is not too old; in that time no attempt is spent.  A `fresh` one, that
 * was kicked or had nobody to send it, is hardly tried yet however old it is. */
static void be_patient(const struct settings *settings, int64_t since_ms, bool fresh, struct err *err)
{
    const bool told = err->kind == ERR_THROTTLED; /* for how long, by the receiver or those who asked it before */
    if (!told && err->kind != ERR_UNAVAILABLE && err->kind != ERR_TIMEOUT) return;
    char why[sizeof err->text];
    int64_t age_ms = clock_wall_ms() - since_ms;
    (void)snprintf(why, sizeof why, "%s", err->text);
    if (age_ms > settings->notify_patience_ms && !fresh) {
        err_code(err, ERR_LIMIT, "timeout", "The message could not be sent in time. %.150s", why);
        return;
    }
    if (told) return;
    int64_t wait_ms = age_ms < LONGEST_WAIT_MS ? age_ms : LONGEST_WAIT_MS;
    err_set(err, ERR_THROTTLED, "The message waits. %.150s", why);
    err->retry_after_ms = wait_ms > settings->notify_wait_ms ? wait_ms : settings->notify_wait_ms;
}

/* What is being sent, for the loops over channels and recipients. */
struct round {
    struct channels *channels;
    const struct mail *mail;
    const char *job;
    const struct token *token;
    int64_t deadline_ms;
    struct err worst;
};

static void send_to(struct round *r, int position, const char *to)
{
    const struct channel *channel = r->channels->channel[position];
    struct claim claim;
    struct mail one = *r->mail;
    struct err why = {0};
    claim_init(&claim, channel->instant ? NULL : r->channels->claims, r->job, channel->name, one.id, to ? to : "", r->token,
               r->deadline_ms);
    one.claim = &claim;
    one.to = to;
    if (send_one(channel, r->channels->state[position], &one, r->deadline_ms, &why) == 0) return;
    if (channel->remote && !claim.unanswered) be_patient(r->channels->settings, one.notice->ended_ms, is_fresh(r->token), &why);
    if (r->worst.kind == ERR_NONE || (is_temporary(why.kind) && !is_temporary(r->worst.kind))) r->worst = why;
}

int channels_send(struct channels *channels, const struct mail *mail, const char *job, const struct token *token,
                  int64_t deadline_ms, struct err *err)
{
    struct round r = {.channels = channels, .mail = mail, .job = job, .token = token, .deadline_ms = deadline_ms};
    for (int i = 0; i < channels->n; i++) {
        if (!channels->channel[i]->per_recipient) send_to(&r, i, NULL);
        for (int k = 0; channels->channel[i]->per_recipient && k < mail->n_people; k++)
            send_to(&r, i, mail->people[k].address);
    }
    if (r.worst.kind == ERR_NONE) return 0;
    if (err) *err = r.worst;
    return -1;
}

void channels_close(struct channels *channels)
{
    for (int i = 0; i < channels->n; i++) channels->channel[i]->close(&channels->state[i]);
    channels->n = 0;
}
