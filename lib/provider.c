#include "lib/provider.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/httpc_pool.h"
#include "lib/metrics.h"
#include "lib/retry_after.h"

/* Given less time than this, no answer says more about our own haste than about the provider. */
#define FAIR_MS 2000

static struct metric calls = METRIC_COUNTER1("sheaf_provider_calls_total",
                                             "calls to other services by what became of them", "provider,outcome");
static struct metric milliseconds =
    METRIC_COUNTER1("sheaf_provider_milliseconds_total", "time spent in calls to other services", "provider");

struct provider {
    char name[THROTTLE_NAME_MAX], title[48];
    char *ca_file; /* NULL: the system's */
    bool awaited;
    httpc_pool_t *clients;
    throttle_t *throttle;
};

provider_t *provider_new(const struct settings *settings, const struct provider_options *o, struct err *err)
{
    provider_t *p = calloc(1, sizeof *p);
    if (!p) {
        err_set(err, ERR_NOMEM, "a provider");
        return NULL;
    }
    (void)snprintf(p->name, sizeof p->name, "%s", o->name);
    (void)snprintf(p->title, sizeof p->title, "%s", o->title);
    p->awaited = o->awaited;
    struct throttle_options throttle = {.name = o->name,
                                        .types = o->types,
                                        .threads = o->calls,
                                        .rates = {o->calls_rate, o->units_rate}};
    if (settings->ca_file && !(p->ca_file = strdup(settings->ca_file)))
        err_set(err, ERR_NOMEM, "a provider");
    else
        p->clients = httpc_pool_new(o->calls, err);
    if (p->clients) p->throttle = throttle_new(settings, &throttle, err);
    if (!p->throttle) provider_destroy(&p);
    return p;
}

void provider_destroy(provider_t **p)
{
    if (!*p) return;
    throttle_destroy(&(*p)->throttle);
    httpc_pool_destroy(&(*p)->clients);
    free((*p)->ca_file);
    free(*p);
    *p = NULL;
}

const char *provider_title(const provider_t *p)
{
    return p->title;
}

int64_t provider_paused_until_ms(provider_t *p)
{
    return throttle_paused_until_ms(p->throttle, NULL);
}

int provider_rounds_failed(provider_t *p)
{
    return throttle_opened(p->throttle);
}

static void count(const char *name, const char *outcome)
{
    char label[THROTTLE_NAME_MAX + 32];
    (void)snprintf(label, sizeof label, "%s,%s", name, outcome);
    metric_add(&calls, label, 1);
}

void provider_count(const char *name, const char *outcome, int64_t took_ms)
{
    metric_add(&milliseconds, name, took_ms);
    count(name, outcome);
}

/* Nobody was there to take the call, or what stands before the provider says so (521 to 523: Cloudflare found it down, did not get
 * through to it, or knows no way): no request can be at fault. */
static bool is_away(const struct err *err)
{
    if (httpc_nobody_there(err)) return true;
    return err->kind == ERR_UNAVAILABLE && (err->sys == 502 || err->sys == 503 || (err->sys >= 521 && err->sys <= 523));
}

/* Waiting as long as the breaker says, with what happened for whoever looks. */
static void wait_out(const struct provider *p, const char *why, struct err *err)
{
    char text[sizeof err->text];
    const int64_t paused_ms = throttle_paused_until_ms(p->throttle, NULL) - clock_ms();
    (void)snprintf(text, sizeof text, "%.*s (%.60s).", (int)strlen(why) - 1, why, err->text);
    (void)throttle_told(text, paused_ms > PROVIDER_AWAY_MS ? paused_ms : PROVIDER_AWAY_MS, err);
}

/* Tells everybody what the end of a call means for the next ones. */
static void conclude(provider_t *p, int rc, bool fair, struct err *err)
{
    char why[THROTTLE_WHY_MAX];
    if (rc == 0) {
        throttle_done(p->throttle);
        return;
    }
    switch (err->kind) {
    case ERR_THROTTLED:
        if (err->retry_after_ms <= 0) err->retry_after_ms = PROVIDER_WAIT_MS;
        (void)snprintf(why, sizeof why, "Waiting for %s, which asked for a pause.", p->title);
        throttle_pause(p->throttle, err->retry_after_ms, why);
        (void)throttle_told(why, err->retry_after_ms, err);
        break;
    case ERR_UNAVAILABLE:
    case ERR_TIMEOUT:
        (void)snprintf(why, sizeof why, "Waiting for %s, which does not answer as it should.", p->title);
        if (fair || err->kind == ERR_UNAVAILABLE)
            throttle_fail(p->throttle, why);
        else
            throttle_drop(p->throttle);
        if (p->awaited && is_away(err)) wait_out(p, why, err);
        break;
    case ERR_CANCELLED:
    case ERR_NOMEM:
        throttle_drop(p->throttle);
        break;
    default:
        throttle_done(p->throttle);
    }
}

/* A transport's failure in words that begin with who it was. */
static void name_provider(const struct provider *p, struct err *err)
{
    char text[sizeof err->text];
    if (err->kind != ERR_UNAVAILABLE && err->kind != ERR_TIMEOUT && err->kind != ERR_CONFIG) return;
    (void)snprintf(text, sizeof text, "%s: %.150s", p->title, err->text);
    memcpy(err->text, text, sizeof text);
}

/* A good answer is handed on as it comes; what a bad one says is kept for the judge. */
struct handing {
    const struct provider_request *request;
    struct httpc_answer *answer;
};

#define REFUSAL_MAX 65536

static int hand_head(void *user, int status, const char *headers)
{
    struct handing *h = user;
    h->answer->status = status;
    buf_puts(&h->answer->headers, headers);
    return h->answer->headers.bad ? -1 : 0;
}

static int hand_data(void *user, const void *data, size_t len)
{
    struct handing *h = user;
    if (h->answer->status / 100 == 2) return h->request->keep(h->request->keep_user, data, len);
    if (h->answer->body.len + len <= REFUSAL_MAX) buf_add(&h->answer->body, data, len);
    return h->answer->body.bad ? -1 : 0;
}

static int fetch(const struct provider *p, httpc_t *client, const struct provider_request *request, struct httpc_answer *answer,
                 struct err *err)
{
    struct httpc_request http = request->http;
    http.ca_file = p->ca_file;
    if (!request->keep) return httpc_call(client, &http, answer, err);
    struct handing handing = {request, answer};
    const struct httpc_sink sink = {hand_head, hand_data, &handing};
    buf_add(&answer->body, "", 0);
    return httpc_stream(client, &http, &sink, err);
}

static int call(provider_t *p, httpc_t *client, const struct provider_request *request,
                struct httpc_answer *answer, struct err *err)
{
    const int64_t cost[THROTTLE_RATES] = {1, request->units};
    struct httpc_answer got = {0};
    if (throttle_admit(p->throttle, cost, request->http.deadline_ms, err) == -1) {
        count(p->name, "held_back");
        return -1;
    }
    int64_t began_ms = clock_ms();
    int rc = fetch(p, client, request, &got, err);
    if (rc == -1)
        name_provider(p, err);
    else if (request->judge)
        rc = request->judge(&got, request->user, err);
    else
        rc = provider_judge_status(p->title, &got, err);
    provider_count(p->name, rc == 0 ? "ok" : err_kind_name(err->kind), clock_ms() - began_ms);
    conclude(p, rc, request->http.deadline_ms - began_ms >= FAIR_MS, err);
    if (rc == 0)
        *answer = got;
    else
        httpc_answer_done(&got);
    return rc;
}

int provider_call(provider_t *p, const struct provider_request *request, struct httpc_answer *answer, struct err *err)
{
    struct err why = {0}; /* always wanted: it decides what the others are told */
    httpc_t *client = httpc_pool_take(p->clients, request->http.deadline_ms, &why);
    if (!client) {
        /* We are too many ourselves, which is no fault of this call. */
        if (why.kind == ERR_TIMEOUT) (void)throttle_told(why.text, PROVIDER_AWAY_MS, err);
        else if (err) *err = why;
        return -1;
    }
    int rc = call(p, client, request, answer, &why);
    httpc_pool_put(p->clients, &client);
    if (rc == -1 && err) *err = why;
    return rc;
}

static int refuse(struct err *err, enum err_kind kind, int status, const char *title, const char *text)
{
    err_code(err, kind, "provider_refused", "%s %s (HTTP %d).", title, text, status);
    if (err) err->sys = status;
    return -1;
}

int provider_judge_status(const char *title, const struct httpc_answer *answer, struct err *err)
{
    int status = answer->status;
    if (status >= 200 && status < 300) return 0;
    switch (status) {
    case 429:
        err_set(err, ERR_THROTTLED, "Waiting for %s, which asked for a pause.", title);
        if (err) {
            err->sys = status;
            err->retry_after_ms = retry_after_of(answer->headers.data ? answer->headers.data : "", clock_wall_ms());
        }
        return -1;
    case 401:
    case 402:
    case 403:
    case 407:
        return refuse(err, ERR_CONFIG, status, title, "does not accept the key it was given, or it may not do this");
    case 404:
    case 405:
    case 410:
        return refuse(err, ERR_CONFIG, status, title, "does not know the address it was asked at");
    case 413:
    case 414:
    case 431:
        return refuse(err, ERR_LIMIT, status, title, "finds what it was sent too large");
    default:
        break;
    }
    if (status == 408 || status == 425 || (status >= 500 && status != 501 && status != 505) || status < 200) {
        err_set(err, ERR_UNAVAILABLE, "%s has trouble of its own (HTTP %d).", title, status);
        if (err) err->sys = status;
        return -1;
    }
    if (status < 400) return refuse(err, ERR_CONFIG, status, title, "sends us to another address");
    return refuse(err, ERR_INPUT, status, title, "refused the request");
}
