/* webhook: the news as JSON, posted to SHEAF_WEBHOOK_URL and signed with SHEAF_WEBHOOK_SECRET (README.md says how a
 * receiver checks that). Addresses of private networks are refused after the name is resolved. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/auto.h"
#include "lib/clock.h"
#include "lib/provider.h"
#include "notify-svc/event.h"
#include "notify-svc/providers/providers.h"

#define SEND_MS    15000
#define ANSWER_MAX 65536 /* nobody reads it */

struct webhook {
    provider_t *provider;
    const char *url, *secret; /* the settings' */
    bool private_ok;
};

static int webhook_open(void **state, const struct settings *settings, struct err *err)
{
    const struct provider_options options = {
        .name = "webhook", .title = "The webhook", .types = "notify", .calls = (int)settings->provider_calls};
    const char *url = settings->webhook_url;
    if (!url) return err_set(err, ERR_CONFIG, "SHEAF_NOTIFY=webhook needs SHEAF_WEBHOOK_URL");
    if (!settings->webhook_secret)
        return err_set(err, ERR_CONFIG, "SHEAF_WEBHOOK_URL needs SHEAF_WEBHOOK_SECRET, by which a receiver knows us");
    if (strncmp(url, "https://", 8) != 0 && strncmp(url, "http://", 7) != 0)
        return err_set(err, ERR_CONFIG, "SHEAF_WEBHOOK_URL does not begin with https:// or http://");
    struct webhook *w = calloc(1, sizeof *w);
    if (!w) return err_set(err, ERR_NOMEM, "out of memory");
    *w = (struct webhook){.url = url, .secret = settings->webhook_secret, .private_ok = settings->webhook_private};
    w->provider = provider_new(settings, &options, err);
    if (!w->provider) {
        free(w);
        return -1;
    }
    *state = w;
    return 0;
}

static void webhook_close(void **state)
{
    struct webhook *w = *state;
    if (!w) return;
    provider_destroy(&w->provider);
    free(w);
    *state = NULL;
}

/* An HTTP status, a call that was held back, a connection that never was: the message did not arrive, or was refused. */
static bool certainly_not(const struct err *why)
{
    return why->sys >= 300 || why->kind == ERR_THROTTLED || why->kind == ERR_CONFIG;
}

static int post(struct webhook *w, const struct mail *mail, const char *body, const char *const *headers, int64_t deadline_ms,
                struct err *err)
{
    struct httpc_answer answer;
    int64_t mine_ms = clock_ms() + SEND_MS;
    const struct provider_request request = {.http = {.method = "POST",
                                                      .url = w->url,
                                                      .headers = headers,
                                                      .body = body,
                                                      .body_len = strlen(body),
                                                      .deadline_ms = deadline_ms < mine_ms ? deadline_ms : mine_ms,
                                                      .max_answer_bytes = ANSWER_MAX,
                                                      .public_only = !w->private_ok}};
    if (claim_take(mail->claim, err) == -1) return -1;
    if (provider_call(w->provider, &request, &answer, err) == 0) {
        httpc_answer_done(&answer);
        return 0;
    }
    if (certainly_not(err)) claim_drop(mail->claim);
    return -1;
}

static int webhook_send(void *state, const struct mail *mail, int64_t deadline_ms, struct err *err)
{
    struct webhook *w = state;
    char signature[EVENT_SIGNATURE_MAX], signature_header[EVENT_SIGNATURE_MAX + 32], id_header[160];
    struct err why = {0};
    AUTO_FREE char *body = event_json(mail->notice, mail->id, mail->app_url);
    if (!body) return err_set(err, ERR_NOMEM, "out of memory");
    if (event_sign(w->secret, clock_wall_ms() / 1000, body, signature, err) == -1) return -1;
    (void)snprintf(signature_header, sizeof signature_header, "Sheaf-Signature: %s", signature);
    (void)snprintf(id_header, sizeof id_header, "Sheaf-Event-Id: %.140s", mail->id);
    const char *const headers[] = {"Content-Type: application/json", signature_header, id_header, NULL};
    int rc = post(w, mail, body, headers, deadline_ms, &why);
    if (rc == -1 && err) *err = why;
    return rc;
}

static int any_answer(const struct httpc_answer *answer, void *user, struct err *err)
{
    return answer->status < 500 ? 0 : provider_judge_status(user, answer, err);
}

/* Nothing is posted: that somebody answers is all that can be learned for free. */
static int webhook_probe(void *state, int64_t deadline_ms, char *text, size_t room, struct err *err)
{
    struct webhook *w = state;
    struct httpc_answer answer;
    const struct provider_request request = {
        .http = {.method = "HEAD", .url = w->url, .deadline_ms = deadline_ms, .public_only = !w->private_ok},
        .judge = any_answer,
        .user = (void *)(uintptr_t)provider_title(w->provider)};
    if (provider_call(w->provider, &request, &answer, err) == -1) return -1;
    (void)snprintf(text, room, "webhook: answers (HTTP %d)", answer.status);
    httpc_answer_done(&answer);
    return 0;
}

const struct channel channel_webhook = {.name = "webhook",
                                        .remote = true,
                                        .open = webhook_open,
                                        .send = webhook_send,
                                        .probe = webhook_probe,
                                        .close = webhook_close};
