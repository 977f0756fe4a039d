#include "notify-svc/channel.h"

#include <string.h>

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

int channels_open(struct channels *channels, const struct settings *settings, struct err *err)
{
    struct channels made = {.settings = settings};
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

int channels_send(struct channels *channels, const struct mail *mail, int64_t deadline_ms, struct err *err)
{
    for (int i = 0; i < channels->n; i++)
        if (channels->channel[i]->send(channels->state[i], mail, deadline_ms, err) == -1) return -1;
    return 0;
}

void channels_close(struct channels *channels)
{
    for (int i = 0; i < channels->n; i++) channels->channel[i]->close(&channels->state[i]);
    channels->n = 0;
}
