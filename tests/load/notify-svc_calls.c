/* notify-svc_calls N: so many messages by notify-svc's own code, through the channels that the environment configures; see growth.h. */
#include <jansson.h>
#include "notify-svc/stage.h"
#include "tests/load/growth.h"

#define THREADS 4
#define JOB     "00000000-0000-8000-8000-00000000000b"

static bool once(void *user)
{
    struct err err = {0};
    char id[NOTIFY_ID_MAX];
    const struct token token = {.run = 1, .attempt = 1, .delivery = 1};
    json_t *body = json_pack("{s:s,s:{s:{s:s,s:s}}}", "name", "ni\xc3\xb1o.pdf", "in", "job", "state", "finished", "finished",
                             "2026-11-24T03:44:00.123Z");
    int rc = notify_send(user, JOB, &token, body, clock_ms() + 60000, id, &err);
    json_decref(body);
    if (rc == -1) fprintf(stderr, "%s\n", err.text);
    return rc == 0;
}

int main(int argc, char **argv)
{
    struct settings settings;
    struct channels channels;
    struct err err = {0};
    if (argc != 2 || settings_load(&settings, &err) == -1) {
        fprintf(stderr, "usage: notify-svc_calls N  %s\n", err.text);
        return 2;
    }
    /* Without claims: whether they grow is seen in Redis, and each message here is one that nobody has sent. */
    if (channels_open(&channels, &settings, NULL, &err) == -1) {
        fprintf(stderr, "%s\n", err.text);
        return 2;
    }
    struct growth growth = {.once = once, .user = &channels, .calls = strtol(argv[1], NULL, 10)};
    int rc = growth_measure(&growth, THREADS);
    channels_close(&channels);
    settings_done(&settings);
    return rc;
}
