/* null: every message arrives, nowhere. */
#include "notify-svc/providers/providers.h"

static int null_open(void **state, const struct settings *settings, struct err *err)
{
    (void)settings, (void)err;
    *state = NULL;
    return 0;
}

static int null_send(void *state, const struct mail *mail, int64_t deadline_ms, struct err *err)
{
    (void)state, (void)mail, (void)deadline_ms, (void)err;
    return 0;
}

static void null_close(void **state)
{
    *state = NULL;
}

const struct channel channel_null = {
    .name = "null", .instant = true, .open = null_open, .send = null_send, .close = null_close};
