#include "notify-svc/event.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "lib/auto.h"
#include "lib/clock.h"

static json_t *of_job(const struct notice *n, const char *app_url)
{
    json_t *error = n->error ? json_pack("{s:s?, s:s}", "code", n->code, "text", n->error) : json_null();
    return json_pack("{s:s+, s:s, s:s, s:s, s:o, s:o}", "event", "job.", n->state, "job_id", n->id, "filename", n->filename,
                     "status", strcmp(n->state, "finished") == 0 ? "completed" : n->state, "error", error, "url",
                     json_sprintf("%s/jobs/%s", app_url, n->id));
}

static json_t *of_batch(const struct notice *n, const char *app_url)
{
    return json_pack("{s:s, s:s, s:I, s:I, s:I, s:I, s:o}", "event", "batch.ended", "batch_id", n->id, "total",
                     (json_int_t)n->jobs, "completed", (json_int_t)n->finished, "failed", (json_int_t)n->failed, "cancelled",
                     (json_int_t)n->cancelled, "url",
                     json_sprintf("%s/review?mode=needs_review&upload_batch_id=%s", app_url, n->id));
}

char *event_json(const struct notice *n, const char *id, const char *app_url)
{
    char at[CLOCK_RFC3339_MAX];
    json_t *event = n->about == NOTICE_BATCH ? of_batch(n, app_url) : of_job(n, app_url);
    clock_rfc3339(n->ended_ms, at);
    char *text = NULL;
    if (event && json_object_set_new(event, "id", json_string(id)) == 0 && json_object_set_new(event, "at", json_string(at)) == 0)
        text = json_dumps(event, JSON_COMPACT | JSON_SORT_KEYS);
    json_decref(event);
    return text;
}

int event_sign(const char *secret, int64_t seconds, const char *body, char out[EVENT_SIGNATURE_MAX], struct err *err)
{
    char hex[DIGEST_HEX];
    AUTO(buf_done) struct buf signed_text = BUF_INIT;
    buf_printf(&signed_text, "%" PRId64 ".", seconds);
    buf_puts(&signed_text, body);
    if (signed_text.bad || digest_hmac_hex(secret, strlen(secret), signed_text.data, signed_text.len, hex) == -1)
        return err_set(err, ERR_NOMEM, "no memory for a signature");
    (void)snprintf(out, EVENT_SIGNATURE_MAX, "t=%" PRId64 ",v1=%s", seconds, hex);
    return 0;
}
