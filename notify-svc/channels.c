#include "notify-svc/channel.h"

#include <string.h>
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
    for (const char *at = settings->notify; *at;) {
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

int channels_send(struct channels *channels, const struct mail *mail, const char *job, const struct token *token,
                  int64_t deadline_ms, struct err *err)
{
    struct err worst = {0};
    for (int i = 0; i < channels->n; i++) {
        const struct channel *channel = channels->channel[i];
        struct claim claim;
        struct mail one = *mail;
        struct err why = {0};
        claim_init(&claim, channel->instant ? NULL : channels->claims, job, channel->name, mail->id, "", token, deadline_ms);
        one.claim = &claim;
        if (send_one(channel, channels->state[i], &one, deadline_ms, &why) == 0) continue;
        if (worst.kind == ERR_NONE || (is_temporary(why.kind) && !is_temporary(worst.kind))) worst = why;
    }
    if (worst.kind == ERR_NONE) return 0;
    if (err) *err = worst;
    return -1;
}

void channels_close(struct channels *channels)
{
    for (int i = 0; i < channels->n; i++) channels->channel[i]->close(&channels->state[i]);
    channels->n = 0;
}
