/* What a server answered: the fields, or a refusal with its class. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "lib/auto.h"
#include "lib/clock.h"
#include "lib/provider.h"
#include "lib/retry_after.h"
#include "llm-svc/chat.h"

#define BUSY_MS 5000 /* 498: no room in Groq's flex tier; it names no time */

/* The words of an error, whatever its shape: {"error":{…}}, {"error":"text"}, or flat. */
struct refusal {
    int status;
    const char *message, *type, *code; /* "" when absent */
    char number[24];                   /* llama.cpp's code is a number */
    const char *headers;
};

static const char *text_or_empty(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));
    return text ? text : "";
}

static void read_refusal(const struct httpc_answer *answer, const json_t *json, struct refusal *r)
{
    const json_t *error = json_object_get(json, "error"), *from = json_is_object(error) ? error : json;
    const json_t *code = json_object_get(from, "code");
    *r = (struct refusal){.status = answer->status, .headers = answer->headers.data ? answer->headers.data : ""};
    r->message = json_is_string(error) ? json_string_value(error) : text_or_empty(from, "message");
    r->type = text_or_empty(from, "type");
    if (json_is_integer(code)) (void)snprintf(r->number, sizeof r->number, "%lld", (long long)json_integer_value(code));
    r->code = json_is_string(code) ? json_string_value(code) : r->number;
}

static bool is(const char *a, const char *b)
{
    return strcmp(a, b) == 0;
}

static bool speaks_of(const struct refusal *r, const char *const *words)
{
    for (; *words; words++)
        if (strstr(r->message, *words) || strstr(r->code, *words)) return true;
    return false;
}

static int refuse(struct chat_verdict *v, int status, enum err_kind kind, enum chat_next next, struct err *err, const char *fmt,
                  ...) __attribute__((format(printf, 6, 7)));

static int refuse(struct chat_verdict *v, int status, enum err_kind kind, enum chat_next next, struct err *err, const char *fmt,
                  ...)
{
    char text[180];
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    bool final = kind == ERR_INPUT || kind == ERR_LIMIT || kind == ERR_CONFIG;
    if (final)
        err_code(err, kind, "provider_refused", "%s %s", v->title, text);
    else
        err_set(err, kind, "%s %s", v->title, text);
    if (err) err->sys = status;
    v->next = next;
    return -1;
}

/* ---- refusals --------------------------------------------------------------------------------------- */

/* "… Limit 8000, Used 0, Requested 9012 …": more than there ever is, so that no waiting helps. */
static bool asks_above_limit(const char *message)
{
    const char *limit = strstr(message, "Limit "), *requested = strstr(message, "Requested ");
    if (!limit || !requested) return false;
    return strtoll(requested + strlen("Requested "), NULL, 10) > strtoll(limit + strlen("Limit "), NULL, 10);
}

/* "Please try again in 5.289s." */
static int64_t wait_in_words(const char *message)
{
    char text[32];
    const char *at = strstr(message, "try again in ");
    if (!at) return -1;
    at += strlen("try again in ");
    size_t len = strcspn(at, " ");
    while (len > 0 && (at[len - 1] == '.' || at[len - 1] == ',')) len--;
    if (len == 0 || len >= sizeof text) return -1;
    (void)snprintf(text, sizeof text, "%.*s", (int)len, at);
    return retry_after_go_ms(text);
}

/* When what is used up comes back, by the headers of the limit that is. */
static int64_t wait_in_limits(const char *headers)
{
    static const char *const of[] = {"tokens", "requests"};
    char name[48], text[48];
    for (size_t i = 0; i < COUNT_OF(of); i++) {
        (void)snprintf(name, sizeof name, "x-ratelimit-remaining-%s", of[i]);
        if (httpc_header(headers, name, text, sizeof text) == -1 || !is(text, "0")) continue;
        (void)snprintf(name, sizeof name, "x-ratelimit-reset-%s", of[i]);
        if (httpc_header(headers, name, text, sizeof text) == 0) return retry_after_go_ms(text);
    }
    return -1;
}

static int judge_429(const struct refusal *r, struct chat_verdict *v, struct err *err)
{
    if (is(r->code, "insufficient_quota") || is(r->type, "insufficient_quota"))
        return refuse(v, 429, ERR_CONFIG, CHAT_GIVE_UP, err, "says that the account's credit is used up. Check plan and billing.");
    if (asks_above_limit(r->message))
        return refuse(v, 429, ERR_LIMIT, CHAT_SHORTER, err, "takes fewer tokens a minute than this one entry has.");
    refuse(v, 429, ERR_THROTTLED, CHAT_GIVE_UP, err, "asked for a pause: its rate limit is reached.");
    int64_t ms = retry_after_of(r->headers, clock_wall_ms());
    if (ms < 0) ms = wait_in_words(r->message);
    if (ms < 0) ms = wait_in_limits(r->headers);
    if (err) err->retry_after_ms = ms > 0 ? ms : 0;
    return -1;
}

static int judge_400(const struct refusal *r, struct chat_verdict *v, struct err *err)
{
    static const char *const too_long[] = {"context_length", "context length", "context size", "too many tokens",
                                           "exceed_context_size", NULL};
    static const char *const format[] = {"response_format", "json_schema", "schema", "grammar", "structured", NULL};
    static const char *const model[] = {"model_decommissioned", "model_not_found", NULL};
    if (is(r->code, "json_validate_failed") || is(r->code, "tool_use_failed"))
        return refuse(v, r->status, ERR_INPUT, CHAT_AGAIN, err, "could not put its answer into the form that was asked for.");
    if (speaks_of(r, model))
        return refuse(v, r->status, ERR_CONFIG, CHAT_GIVE_UP, err, "does not offer the model %.60s any more. Set SHEAF_LLM_MODEL.",
                      v->model);
    if (speaks_of(r, too_long)) return refuse(v, r->status, ERR_LIMIT, CHAT_SHORTER, err, "finds the entry too long.");
    if (speaks_of(r, format)) return refuse(v, r->status, ERR_INPUT, CHAT_SIMPLER, err, "does not take this form of answer.");
    return refuse(v, r->status, ERR_INPUT, CHAT_GIVE_UP, err, "refused the question (HTTP %d).", r->status);
}

static int judge_refusal(const struct refusal *r, struct chat_verdict *v, struct err *err)
{
    switch (r->status) {
    case 400:
        return judge_400(r, v, err);
    case 401:
    case 403:
        return refuse(v, r->status, ERR_CONFIG, CHAT_GIVE_UP, err,
                      "does not accept the key (HTTP %d): it was revoked or mistyped. Set %s.", r->status, v->key_name);
    case 402:
        return refuse(v, 402, ERR_CONFIG, CHAT_GIVE_UP, err, "wants to be paid (HTTP 402). Check plan and billing.");
    case 404:
        if (strstr(r->message, "model") || is(r->code, "model_not_found"))
            return refuse(v, 404, ERR_CONFIG, CHAT_GIVE_UP, err, "does not know the model %.60s. Set SHEAF_LLM_MODEL.", v->model);
        return refuse(v, 404, ERR_CONFIG, CHAT_GIVE_UP, err, "does not know the address it was asked at. Check its base URL.");
    case 413:
        return refuse(v, 413, ERR_LIMIT, CHAT_SHORTER, err, "finds the entry too long.");
    case 422:
    case 424:
        return refuse(v, r->status, ERR_INPUT, CHAT_AGAIN, err, "could not make sense of its own answer (HTTP %d).", r->status);
    case 429:
        return judge_429(r, v, err);
    case 498:
        refuse(v, 498, ERR_THROTTLED, CHAT_GIVE_UP, err, "asked for a pause: it has no room at the moment.");
        if (err) err->retry_after_ms = BUSY_MS;
        return -1;
    case 499:
        return refuse(v, 499, ERR_INPUT, CHAT_GIVE_UP, err, "broke off the question.");
    case 501:
        return refuse(v, 501, ERR_INPUT, CHAT_SIMPLER, err, "does not offer this form of answer.");
    case 408:
    case 409:
        return refuse(v, r->status, ERR_UNAVAILABLE, CHAT_GIVE_UP, err, "could not take the question (HTTP %d).", r->status);
    case 503:
        if (strstr(r->message, "oading")) return refuse(v, 503, ERR_UNAVAILABLE, CHAT_GIVE_UP, err, "is still loading its model.");
        break;
    default:
        break;
    }
    if (r->status >= 500) return refuse(v, r->status, ERR_UNAVAILABLE, CHAT_GIVE_UP, err, "has trouble of its own (HTTP %d).", r->status);
    return refuse(v, r->status, ERR_INPUT, CHAT_GIVE_UP, err, "refused the question (HTTP %d).", r->status);
}

/* ---- answers ---------------------------------------------------------------------------------------- */

/* The outermost object in a text: some models think aloud or fence their JSON before they give it. */
static json_t *find_object(const char *text)
{
    const char *thought = strstr(text, "</think>");
    const char *from = strchr(thought ? thought : text, '{'), *to = from ? strrchr(from, '}') : NULL;
    return to ? json_loadb(from, (size_t)(to - from) + 1, 0, NULL) : NULL;
}

static int read_content(const json_t *message, struct chat_verdict *v, struct err *err)
{
    const char *content = json_string_value(json_object_get(message, "content"));
    json_t *found = content ? find_object(content) : NULL;
    if (json_is_object(found)) {
        v->fields = found;
        return 0;
    }
    json_decref(found);
    return refuse(v, 200, ERR_INPUT, CHAT_AGAIN, err, "gave an answer that is not the JSON that was asked for.");
}

static int read_answer(const json_t *json, struct chat_verdict *v, struct err *err)
{
    const json_t *usage = json_object_get(json, "usage"), *choice = json_array_get(json_object_get(json, "choices"), 0);
    const json_t *message = json_object_get(choice, "message");
    v->tokens_in = json_integer_value(json_object_get(usage, "prompt_tokens"));
    v->tokens_out = json_integer_value(json_object_get(usage, "completion_tokens"));
    if (!json_is_object(message)) return refuse(v, 200, ERR_INPUT, CHAT_AGAIN, err, "gave an answer without a message.");
    if (json_is_string(json_object_get(message, "refusal")))
        return refuse(v, 200, ERR_INPUT, CHAT_GIVE_UP, err, "declined to read this entry.");
    if (is(text_or_empty(choice, "finish_reason"), "length"))
        return refuse(v, 200, ERR_LIMIT, CHAT_LONGER, err, "was cut off in the middle of its answer.");
    return read_content(message, v, err);
}

int chat_judge(const struct httpc_answer *answer, void *user, struct err *err)
{
    struct chat_verdict *v = user;
    struct refusal r;
    json_t *json = json_loadb(answer->body.data, answer->body.len, 0, NULL);
    int rc;
    v->next = CHAT_GIVE_UP;
    if (answer->status == 200) {
        rc = json ? read_answer(json, v, err)
                  : refuse(v, 200, ERR_UNAVAILABLE, CHAT_GIVE_UP, err, "gave an answer that was cut on its way.");
    } else {
        read_refusal(answer, json, &r);
        rc = judge_refusal(&r, v, err);
    }
    json_decref(json);
    return rc;
}
