/* notify-svc: says that a job, or all of a batch, has ended. */
#include "lib/log.h"
#include "lib/svc.h"
#include "notify-svc/stage.h"

static int run(struct svc *svc, struct err *err)
{
    struct channels channels;
    int rc = -1;
    claims_t *claims = claims_open(svc_settings(svc), notify_threads(svc_settings(svc)), err);
    if (claims && channels_open(&channels, svc_settings(svc), claims, err) == 0) {
        log_info("channels_open", F_STR("notify", svc_settings(svc)->notify));
        rc = notify_stage_run(svc, &channels, err);
        channels_close(&channels);
    }
    claims_close(&claims);
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
