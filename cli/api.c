#include "cli/api.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/auto.h"
#include "lib/clock.h"

#define CALL_MS     15000
#define DOWNLOAD_MS 600000
#define ANSWER_MAX  (64u << 20)

#define HEADERS_MAX 12

struct api {
    httpc_t *client;
    char base[512];
    const char *ca_file;
    char token[9000]; /* a whole header line, "" without SHEAF_SERVICE_TOKEN; a person's token has a kilobyte or more */
    const char *headers[HEADERS_MAX + 2];
};

api_t *api_open(const struct cli *cli, struct err *err)
{
    struct api *api = calloc(1, sizeof *api);
    if (!api) {
        (void)err_set(err, ERR_NOMEM, "no memory");
        return NULL;
    }
    if (cli->settings->url)
        (void)snprintf(api->base, sizeof api->base, "%s", cli->settings->url);
    else
        (void)snprintf(api->base, sizeof api->base, "http://%s:%d", settings_gateway_host(cli->settings),
                       settings_gateway_port(cli->settings));
    api->ca_file = cli->settings->ca_file;
    if (cli->settings->service_token)
        (void)snprintf(api->token, sizeof api->token, "Authorization: Bearer %s", cli->settings->service_token);
    size_t n = strlen(api->base);
    if (n > 0 && api->base[n - 1] == '/') api->base[n - 1] = '\0';
    if (!(api->client = httpc_new(err))) api_close(&api);
    return api;
}

void api_close(api_t **api)
{
    if (!*api) return;
    httpc_destroy(&(*api)->client);
    free(*api);
    *api = NULL;
}

void api_answer_done(struct api_answer *answer)
{
    json_decref(answer->body);
    *answer = (struct api_answer){0};
}

bool api_means_later(int status)
{
    return status == 429 || (status >= 502 && status <= 504);
}

/* curl says what happened; a person also wants to know where, and what to do. */
static int unreachable(const api_t *api, struct err *err)
{
    if (!err) return -1;
    struct err why = *err;
    if (why.kind != ERR_UNAVAILABLE && why.kind != ERR_TIMEOUT) return -1;
    (void)err_set(err, why.kind, "no answer from the gateway at %.60s: %.90s (is `sheaf up` running?)",
                  api->base, why.text);
    err->sys = why.sys;
    return -1;
}

static int64_t retry_after_ms(const char *headers)
{
    char text[32];
    if (!headers || httpc_header(headers, "Retry-After", text, sizeof text) == -1) return 0;
    double seconds = strtod(text, NULL); /* a date, which the gateway does not send, reads as 0 or a year */
    return seconds > 0 && seconds < 3600 ? (int64_t)(seconds * 1000) : 0;
}

static struct httpc_request request_to(api_t *api, const char *url, const struct httpc_request *given,
                                       int64_t default_ms)
{
    struct httpc_request r = given ? *given : (struct httpc_request){0};
    int n = 0;
    r.url = url;
    for (; r.headers && r.headers[n] && n < HEADERS_MAX; n++) api->headers[n] = r.headers[n];
    if (*api->token) api->headers[n++] = api->token;
    api->headers[n] = NULL;
    r.headers = api->headers;
    if (!r.method) r.method = "GET";
    if (!r.deadline_ms) r.deadline_ms = clock_ms() + default_ms;
    r.max_answer_bytes = ANSWER_MAX;
    r.ca_file = api->ca_file;
    return r;
}

int api_call(api_t *api, const char *path, const struct httpc_request *request, struct api_answer *answer,
             struct err *err)
{
    struct httpc_answer got = {0};
    char url[2048];
    if (snprintf(url, sizeof url, "%s%s", api->base, path) >= (int)sizeof url)
        return err_set(err, ERR_INPUT, "this is too long for an address");
    struct httpc_request r = request_to(api, url, request, CALL_MS);
    if (httpc_call(api->client, &r, &got, err) == -1) return unreachable(api, err);
    answer->status = got.status;
    answer->retry_after_ms = retry_after_ms(got.headers.data);
    answer->body = json_loadb(got.body.data, got.body.len, JSON_DECODE_ANY, NULL);
    if (!answer->body) answer->body = json_null();
    httpc_answer_done(&got);
    return 0;
}

int api_refusal(const struct api_answer *answer, struct err *err)
{
    const char *text = json_string_value(json_object_get(answer->body, "error"));
    const char *code = json_string_value(json_object_get(answer->body, "code"));
    if (answer->status == 401)
        text = "the gateway asks who is calling: put a token into SHEAF_SERVICE_TOKEN, its service token or somebody's access token (an old one may have expired)";
    if (!text && answer->status == 404) text = "not found";
    if (text)
        (void)err_code(err, ERR_INPUT, code ? code : "", "%s", text);
    else
        (void)err_code(err, ERR_INPUT, code ? code : "", "the gateway answered with status %d",
                       answer->status);
    if (err) err->sys = answer->status;
    return -1;
}

static int call_for_body(api_t *api, const char *path, const struct httpc_request *request, json_t **body,
                         struct err *err)
{
    struct api_answer answer = {0};
    if (api_call(api, path, request, &answer, err) == -1) return -1;
    int rc = answer.status / 100 == 2 ? 0 : api_refusal(&answer, err);
    if (rc == 0) *body = json_incref(answer.body);
    api_answer_done(&answer);
    return rc;
}

int api_get(api_t *api, const char *path, json_t **body, struct err *err)
{
    return call_for_body(api, path, NULL, body, err);
}

int api_post(api_t *api, const char *path, const json_t *request, json_t **body, struct err *err)
{
    static const char *const headers[] = {"Content-Type: application/json", "Accept: application/json", NULL};
    AUTO_FREE char *text = json_dumps(request, JSON_COMPACT);
    if (request && !text) return err_set(err, ERR_NOMEM, "no memory");
    struct httpc_request r = {
        .method = "POST", .headers = headers, .body = text, .body_len = text ? strlen(text) : 0};
    return call_for_body(api, path, &r, body, err);
}

struct download {
    FILE *out;
    int status;
    struct buf refusal;
};

static int download_head(void *user, int status, const char *headers)
{
    (void)headers;
    ((struct download *)user)->status = status;
    return 0;
}

static int download_data(void *user, const void *data, size_t len)
{
    struct download *d = user;
    if (d->status / 100 == 2) return fwrite(data, 1, len, d->out) == len ? 0 : -1;
    if (d->refusal.len < 65536) buf_add(&d->refusal, data, len);
    return 0;
}

int api_download(api_t *api, const char *path, FILE *out, struct err *err)
{
    char url[2048];
    struct download d = {.out = out};
    struct httpc_sink sink = {.head = download_head, .data = download_data, .user = &d};
    if (snprintf(url, sizeof url, "%s%s", api->base, path) >= (int)sizeof url)
        return err_set(err, ERR_INPUT, "this is too long for an address");
    struct httpc_request r = request_to(api, url, NULL, DOWNLOAD_MS);
    r.idle_ms = DOWNLOAD_MS; /* a slow line takes as long as it needs */
    r.max_answer_bytes = 0;
    int rc = httpc_stream(api->client, &r, &sink, err);
    if (rc == -1)
        (void)unreachable(api, err);
    else if (d.status / 100 != 2) {
        struct api_answer answer = {.status = d.status};
        answer.body =
            d.refusal.data ? json_loadb(d.refusal.data, d.refusal.len, JSON_DECODE_ANY, NULL) : NULL;
        rc = api_refusal(&answer, err);
        api_answer_done(&answer);
    }
    buf_done(&d.refusal);
    return rc;
}

char *api_path(const char *before, const char *text, const char *after)
{
    static const char unreserved[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
    struct buf path = BUF_INIT;
    buf_puts(&path, before);
    for (; *text; text++) {
        if (strchr(unreserved, *text))
            buf_putc(&path, *text);
        else
            buf_printf(&path, "%%%02X", (unsigned char)*text);
    }
    buf_puts(&path, after);
    return buf_take(&path, NULL);
}
