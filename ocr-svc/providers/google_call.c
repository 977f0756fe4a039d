/* One request to images:annotate, and what an answer that is no page means. */
#include <string.h>
#include "lib/auto.h"
#include "lib/base64.h"
#include "ocr-svc/providers/google.h"

static const char head[] = "{\"requests\":[{\"image\":{\"content\":\"";
static const char tail[] = "\"},\"features\":[{\"type\":\"DOCUMENT_TEXT_DETECTION\"}]}]}";

void google_url(const struct settings *s, struct buf *url)
{
    size_t len = strlen(s->google_base_url);
    while (len > 0 && s->google_base_url[len - 1] == '/') len--;
    buf_add(url, s->google_base_url, len);
    buf_puts(url, "/v1/");
    if (s->google_parent) {
        const char *parent = s->google_parent + strspn(s->google_parent, "/");
        len = strlen(parent);
        while (len > 0 && parent[len - 1] == '/') len--;
        buf_add(url, parent, len);
        buf_putc(url, '/');
    }
    buf_puts(url, "images:annotate");
}

size_t google_request_size(size_t bytes)
{
    return 4 * ((bytes + 2) / 3) + sizeof head + sizeof tail;
}

/* No language hints: Vision finds Latin scripts by itself, and a hint that it does not know is an error. */
void google_request_build(const void *picture, size_t bytes, struct buf *body)
{
    buf_puts(body, head);
    base64_add(body, picture, bytes);
    buf_puts(body, tail);
}

/* google/rpc/code.proto: the number of a response's own error, the word of a whole call's. */
static const struct row {
    int number;
    const char *name;
    int status; /* HTTP */
    enum err_kind kind;
    const char *text;
} rows[] = {
    {1, "CANCELLED", 499, ERR_UNAVAILABLE, "broke off the call"},
    {2, "UNKNOWN", 500, ERR_UNAVAILABLE, "has trouble of its own"},
    {3, "INVALID_ARGUMENT", 400, ERR_INPUT, "cannot read this picture"},
    {4, "DEADLINE_EXCEEDED", 504, ERR_UNAVAILABLE, "took too long"},
    {5, "NOT_FOUND", 404, ERR_CONFIG,
     "does not know the address. Check SHEAF_GOOGLE_BASE_URL and SHEAF_GOOGLE_PARENT"},
    {6, "ALREADY_EXISTS", 409, ERR_INPUT, "refused the picture"},
    {7, "PERMISSION_DENIED", 403, ERR_CONFIG,
     "does not let this key in. In the Google Cloud console: enable the Vision API, check billing and the key's "
     "restrictions"},
    {8, "RESOURCE_EXHAUSTED", 429, ERR_THROTTLED, "asked for a pause: its quota is used up"},
    {9, "FAILED_PRECONDITION", 400, ERR_CONFIG, "is not ready for this project. Check billing and the Vision API"},
    {10, "ABORTED", 409, ERR_UNAVAILABLE, "broke off the call"},
    {11, "OUT_OF_RANGE", 400, ERR_INPUT, "cannot read this picture"},
    {12, "UNIMPLEMENTED", 501, ERR_CONFIG, "does not offer this. Check SHEAF_GOOGLE_BASE_URL"},
    {13, "INTERNAL", 500, ERR_UNAVAILABLE, "has trouble of its own"},
    {14, "UNAVAILABLE", 503, ERR_UNAVAILABLE, "cannot be reached at the moment"},
    {15, "DATA_LOSS", 500, ERR_INPUT, "could not read the whole picture"},
    {16, "UNAUTHENTICATED", 401, ERR_CONFIG, "does not accept the credentials. They were revoked or are another "
                                             "project's: make a new key"},
};

static int explain(const struct row *row, const struct httpc_answer *answer, struct err *err)
{
    if (row->kind == ERR_INPUT || row->kind == ERR_CONFIG)
        err_code(err, row->kind, "provider_refused", GOOGLE_TITLE " %s (%s).", row->text, row->name);
    else
        err_set(err, row->kind, GOOGLE_TITLE " %s (%s).", row->text, row->name);
    if (!err) return -1;
    err->sys = row->status;
    if (row->kind == ERR_THROTTLED) {
        struct err told = {0};
        struct httpc_answer as_429 = {.status = 429, .headers = answer->headers};
        (void)provider_judge_status(GOOGLE_TITLE, &as_429, &told);
        err->retry_after_ms = told.retry_after_ms;
    }
    return -1;
}

static bool is_bad_api_key(const json_t *error)
{
    size_t i;
    json_t *detail;
    json_array_foreach(json_object_get(error, "details"), i, detail)
    {
        const char *reason = json_string_value(json_object_get(detail, "reason"));
        if (reason && strcmp(reason, "API_KEY_INVALID") == 0) return true;
    }
    return false;
}

/* {"error":{"code":429,"status":"RESOURCE_EXHAUSTED",…}}: code is the HTTP status. */
static int judge_call(const struct httpc_answer *answer, const json_t *error, struct err *err)
{
    const char *name = json_string_value(json_object_get(error, "status"));
    if (is_bad_api_key(error)) {
        err_code(err, ERR_CONFIG, "provider_refused",
                 GOOGLE_TITLE " does not know the API key. Check SHEAF_GOOGLE_API_KEY.");
        if (err) err->sys = answer->status;
        return -1;
    }
    for (size_t i = 0; name && i < COUNT_OF(rows); i++)
        if (strcmp(rows[i].name, name) == 0) return explain(&rows[i], answer, err);
    if (answer->status == 413) return err_code(err, ERR_LIMIT, "page_too_large", GOOGLE_TITLE " finds the page too large.");
    return provider_judge_status(GOOGLE_TITLE, answer, err);
}

/* {"responses":[{"error":{"code":3,"message":…}}]} in a 200: code is gRPC's. */
static int judge_image(const struct httpc_answer *answer, const json_t *error, struct err *err)
{
    json_int_t number = json_integer_value(json_object_get(error, "code"));
    if (number == 0) return 0; /* an empty Status means OK */
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        if (rows[i].number == number) return explain(&rows[i], answer, err);
    return explain(&rows[1], answer, err);
}

int google_judge(const struct httpc_answer *answer, void *user, struct err *err)
{
    json_t **response = user, *json = json_loadb(answer->body.data, answer->body.len, 0, NULL);
    json_t *first = json_array_get(json_object_get(json, "responses"), 0);
    int rc;
    if (answer->status != 200) {
        rc = judge_call(answer, json_object_get(json, "error"), err);
    } else if (!json_is_object(first)) {
        /* Not to be taken for a page without text, which is a response without anything in it. */
        rc = err_set(err, ERR_UNAVAILABLE, GOOGLE_TITLE " gave an answer that makes no sense.");
        if (err) err->sys = 200;
    } else {
        rc = judge_image(answer, json_object_get(first, "error"), err);
        if (rc == 0) *response = json_incref(first);
    }
    json_decref(json);
    return rc;
}
