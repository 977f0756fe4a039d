/* notify-svc: says that a job, or all of a batch, has ended. */
#include "lib/log.h"
#include "lib/svc.h"
#include "notify-svc/stage.h"

static int run(struct svc *svc, struct err *err)
{
    struct channels channels;
    if (channels_open(&channels, svc_settings(svc), err) == -1) return -1;
    log_info("channels_open", F_STR("notify", svc_settings(svc)->notify));
    int rc = notify_stage_run(svc, &channels, err);
    channels_close(&channels);
    return rc;
}

static const struct service service = {
    .name = "notify-svc",
    .about = "Tells people by message when a job, or all of a batch, has ended.",
    .who = W_NOTIFY,
    .run = run,
};

int main(int argc, char **argv)
{
    return svc_main(&service, argc, argv);
}
