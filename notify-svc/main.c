/* notify-svc: says that a job, or all of a batch, has ended. */
#include <string.h>

#include "lib/clock.h"
#include "lib/log.h"
#include "lib/svc.h"
#include "notify-svc/stage.h"

#define PROBE_MS 15000

static int run(struct svc *svc, struct err *err)
{
    struct channels channels;
    int rc = -1;
    claims_t *claims = claims_open(svc_settings(svc), notify_threads(svc_settings(svc)), err);
    if (claims && channels_open(&channels, svc_settings(svc), claims, err) == 0) {
        log_info("channels_open", F_STR("notify", settings_notify(svc_settings(svc))));
        rc = notify_stage_run(svc, &channels, err);
        channels_close(&channels);
    }
    claims_close(&claims);
    return rc;
}

static void probe_channel(const struct channel *channel, void *state)
{
    char text[160];
    struct err err = {0};
    const char *subject = strcmp(channel->name, "smtp") == 0 ? "messages" : channel->name;
    if (!channel->probe) return;
    if (channel->probe(state, clock_ms() + PROBE_MS, text, sizeof text, &err) == 0)
        svc_probe_say(subject, text, NULL);
    else
        svc_probe_say(subject, err.text, "mend its settings, then look again; what failed meanwhile: `sheaf dead`, `sheaf kick`");
}

static void probe(const struct settings *settings)
{
    struct channels channels;
    struct err err = {0};
    if (channels_open(&channels, settings, NULL, &err) == -1) {
        svc_probe_say("messages", err.text, "mend its settings, then look again");
        return;
    }
    for (int i = 0; i < channels.n; i++) probe_channel(channels.channel[i], channels.state[i]);
    channels_close(&channels);
}

static const struct service service = {
    .name = "notify-svc",
    .about = "Tells people by message when a job, or all of a batch, has ended.",
    .who = W_NOTIFY,
    .run = run,
    .probe = probe,
};

int main(int argc, char **argv)
{
    return svc_main(&service, argc, argv);
}
