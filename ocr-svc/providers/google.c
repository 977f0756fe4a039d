/* google: recognition by Google Cloud Vision, one images:annotate a page.
 *
 * files:annotate would take five pages of a PDF at once, and pages need not be drawn here.  It is not used: pages are
 * tasks of their own, so that they spread over replicas, fail and are read again alone; a page with a text layer
 * is not sent at all; and every five pages it would want the whole document again. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "lib/auto.h"
#include "lib/clock.h"
#include "lib/metrics.h"
#include "ocr-svc/picture.h"
#include "ocr-svc/providers/google.h"

#define CALL_MS 60000 /* Vision answers within seconds; more is a call that got stuck */

static struct metric shrunk =
    METRIC_COUNTER1("sheaf_ocr_google_shrunk_total", "pages too large to be sent as they are, by what was sent", "as");

struct google {
    struct google_key key;
    provider_t *provider;
    google_token_t *token; /* NULL with an API key */
    struct buf url;
};

static void google_stop(void *common)
{
    struct google *g = common;
    if (!g) return;
    google_token_destroy(&g->token);
    provider_destroy(&g->provider);
    google_key_done(&g->key);
    buf_done(&g->url);
    free(g);
}

static int google_start(const struct settings *s, void **common, struct err *err)
{
    struct provider_options options = {.name = "google",
                                       .title = GOOGLE_TITLE,
                                       .types = "page",
                                       .calls = (int)s->provider_calls,
                                       .awaited = true,
                                       /* A second's worth at once, so that a batch does not stutter at its start. */
                                       .calls_rate = {s->google_rate, s->google_rate / 60 + 1}};
    struct google *g = calloc(1, sizeof *g);
    if (!g) return err_set(err, ERR_NOMEM, "Google Vision");
    *common = g;
    if (google_key_load(s, &g->key, err) == -1) return -1;
    google_url(s, &g->url);
    g->provider = provider_new(s, &options, err);
    if (!g->provider) return -1;
    if (!g->key.api_key) g->token = google_token_new(g->provider, &g->key);
    return g->url.bad || (!g->key.api_key && !g->token) ? err_set(err, ERR_NOMEM, "Google Vision") : 0;
}

static int google_open(const struct settings *settings, void *common, void **engine, struct err *err)
{
    (void)settings, (void)err;
    *engine = common;
    return 0;
}

static void google_close(void *engine)
{
    (void)engine; /* what all have in common is closed by google_stop() */
}

static int64_t google_paused_until_ms(void *common)
{
    struct google *g = common;
    return provider_paused_until_ms(g->provider);
}

/* ---- one page --------------------------------------------------------------------------------------- */

/* The page as bytes that fit into a request: drawn losslessly, else as JPEG, else smaller. */
static int encode(const struct ocr_image *image, struct buf *bytes, struct err *err)
{
    static const struct {
        enum picture_form form;
        double scale;
        const char *name;
    } tries[] = {{PICTURE_PNG, 1, "png"},         {PICTURE_JPEG, 1, "jpeg"},        {PICTURE_JPEG, 0.75, "jpeg_75"},
                 {PICTURE_JPEG, 0.5, "jpeg_50"}, {PICTURE_JPEG, 0.33, "jpeg_33"}};
    PIX *pix = picture_of(image);
    int rc = pix ? 0 : err_set(err, ERR_NOMEM, "out of memory for a page's picture");
    for (size_t i = 0; rc == 0; i++) {
        if (i == COUNT_OF(tries)) {
            rc = err_code(err, ERR_LIMIT, "page_too_large", "A page is too large to be sent to " GOOGLE_TITLE ".");
            break;
        }
        rc = picture_encode(pix, tries[i].form, tries[i].scale, bytes, err);
        if (rc != 0 || google_request_size(bytes->len) > GOOGLE_REQUEST_MAX) continue;
        if (i > 0) metric_add(&shrunk, tries[i].name, 1);
        break;
    }
    pixDestroy(&pix);
    return rc;
}

static int add_authorization(struct google *g, int64_t deadline_ms, struct buf *header, struct err *err)
{
    if (g->token) return google_token_header(g->token, deadline_ms, header, err);
    buf_printf(header, "X-Goog-Api-Key: %s", g->key.api_key);
    return header->bad ? err_set(err, ERR_NOMEM, "a key") : 0;
}

/* One call; *status: what Vision answered when it refused. */
static int ask_once(struct google *g, const struct buf *body, int64_t deadline_ms, json_t **response, struct err *err)
{
    AUTO(buf_done) struct buf authorization = BUF_INIT;
    struct httpc_answer answer = {0};
    if (add_authorization(g, deadline_ms, &authorization, err) == -1) return -1;
    struct provider_request request = {
        .http = {.method = "POST",
                 .url = g->url.data,
                 .headers = (const char *const[]){"Content-Type: application/json; charset=utf-8", authorization.data, NULL},
                 .body = body->data,
                 .body_len = body->len,
                 .deadline_ms = deadline_ms,
                 .max_answer_bytes = 32u << 20},
        .judge = google_judge,
        .user = response};
    int rc = provider_call(g->provider, &request, &answer, err);
    httpc_answer_done(&answer);
    if (rc == -1 && err->sys == 401 && g->token) google_token_refused(g->token, authorization.data);
    return rc;
}

/* Worth one more call at once: a token may have ended before its time, and "Bad image data." is now and then
 * said of pictures that are none. */
static int ask(struct google *g, const struct buf *body, int64_t deadline_ms, json_t **response, struct err *err)
{
    struct err why = {0};
    if (ask_once(g, body, deadline_ms, response, &why) == 0) return 0;
    bool again = (why.kind == ERR_CONFIG && why.sys == 401 && g->token) || (why.kind == ERR_INPUT && why.sys == 400);
    if (again) {
        why = (struct err){0};
        if (ask_once(g, body, deadline_ms, response, &why) == 0) return 0;
    }
    if (err) *err = why;
    return -1;
}

static int google_recognise(void *engine, const struct ocr_image *image, const struct ocr_wait *wait, struct page *page,
                            struct err *err)
{
    struct google *g = engine;
    AUTO(buf_done) struct buf bytes = BUF_INIT;
    AUTO(buf_done) struct buf body = BUF_INIT;
    json_t *response = NULL;
    int64_t most_ms = clock_ms() + CALL_MS;
    if (encode(image, &bytes, err) == -1) return -1;
    google_request_build(bytes.data, bytes.len, &body);
    if (body.bad) return err_set(err, ERR_NOMEM, "out of memory for a page's picture");
    if (wait->cancelled && wait->cancelled(wait->of)) return err_set(err, ERR_CANCELLED, "not wanted any more");
    if (ask(g, &body, wait->deadline_ms < most_ms ? wait->deadline_ms : most_ms, &response, err) == -1) return -1;
    int rc = google_page_read(response, image->width, image->height, page, err);
    json_decref(response);
    return rc;
}

/* A request for no picture: authenticated and judged, but not billed. */
static int google_probe(void *common, char *text, size_t room, struct err *err)
{
    struct google *g = common;
    struct buf body = {.data = (char *)"{\"requests\":[]}", .len = strlen("{\"requests\":[]}")};
    struct err why = {0};
    json_t *response = NULL;
    int rc = ask(g, &body, clock_ms() + 10000, &response, &why);
    json_decref(response);
    /* "There is nothing to do" comes after the door. */
    bool let_in = rc == 0 || (why.kind == ERR_INPUT && why.sys == 400) || why.sys == 200;
    if (!let_in) {
        if (err) *err = why;
        return -1;
    }
    (void)snprintf(text, room, GOOGLE_TITLE " lets us in (%s)", g->token ? "service account" : "API key");
    return 0;
}

const struct ocr_provider ocr_google = {
    .name = "google",
    .start = google_start,
    .stop = google_stop,
    .open = google_open,
    .recognise = google_recognise,
    .close = google_close,
    .paused_until_ms = google_paused_until_ms,
    .probe = google_probe,
};
