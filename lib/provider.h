/* provider: the manners of every call to a service that is somebody else's (Vision, Groq, Supabase, S3, …).
 *
 * One provider_t per service and process, shared by all work threads.  provider_call() is the one way out:
 *
 *   a client of the pool (keep-alive, HTTP/2 where offered; its size caps the calls in flight)
 *   → throttle: paused by anybody's 429, breaker open, or faster than the rate?   ERR_THROTTLED, no attempt spent
 *   → the call, within its deadline
 *   → judge: the provider's own table of answers, a pure function
 *   → throttle is told, and the outcome counted
 *
 * What a judge says decides what happens next, here and to the task:
 *
 *   0                           the answer can be used
 *   ERR_THROTTLED               all replicas wait for retry_after_ms (0: PROVIDER_WAIT_MS), nothing is spent
 *   ERR_UNAVAILABLE ERR_TIMEOUT an attempt is spent; five in a row open the breaker for everybody.  Of a provider that is
 *                               `awaited`, and cannot be connected to or is said to be away by what stands before it
 *                               (502, 503, 521 to 523), ERR_THROTTLED is made: nobody's fault, nothing is spent
 *   ERR_INPUT ERR_LIMIT         this request will never do; says nothing against the provider
 *   ERR_CONFIG                  key, model, address: a person must act; likewise
 *
 * A judge puts the HTTP status into err->sys, so that a caller can tell a 401 (new token, once more) from others.
 * Nothing here or in a judge's texts repeats a header, a body or an address with a key in it: they reach logs and
 * people.  Adding a provider: its judge with a test line for each answer it documents, provider_new() in its open.
 */
#ifndef SHEAF_PROVIDER_H
#define SHEAF_PROVIDER_H

#include <stdbool.h>
#include <stdint.h>
#include "lib/err.h"
#include "lib/httpc.h"
#include "lib/settings.h"
#include "lib/throttle.h"

#define PROVIDER_WAIT_MS 10000 /* asked to wait, but not told how long */
#define PROVIDER_AWAY_MS 2000  /* until an awaited one that is away is tried again, before its breaker opens */

typedef struct provider provider_t;

struct provider_options {
    const char *name;  /* "groq": in keys and metrics; [a-z0-9-] */
    const char *title; /* "Groq": for people */
    const char *types; /* task types that need it, comma-separated: what a pause is shown at */
    int calls;         /* most in flight from this process; who has waited for a place in vain is ERR_THROTTLED */
    bool awaited;      /* there is no way without it, so its outage is waited out at no cost */
    struct throttle_rate calls_rate, units_rate; /* of all replicas together; units are the caller's (tokens, images) */
};

/* Texts are copied. NULL with *err. */
provider_t *provider_new(const struct settings *settings, const struct provider_options *options, struct err *err);
void provider_destroy(provider_t **p);

/* A pure function of the answer: 0, or -1 with *err as above.  `user` is the request's. */
typedef int provider_judge(const struct httpc_answer *answer, void *user, struct err *err);

struct provider_request {
    struct httpc_request http; /* deadline_ms: the task's, or less */
    provider_judge *judge;     /* NULL: provider_judge_status() */
    void *user;                /* the judge's */
    int64_t units;             /* what it takes of units_rate */
    /* Not NULL: the body of a 2xx answer goes here piece by piece instead of into the answer; -1 breaks the call off. */
    int (*keep)(void *keep_user, const void *data, size_t len);
    void *keep_user;
};

/* 0 with an answer that the judge accepted; httpc_answer_done() is the caller's.  On -1 there is none. */
int provider_call(provider_t *p, const struct provider_request *request, struct httpc_answer *answer, struct err *err);

const char *provider_title(const provider_t *p);
/* In the metrics: a call that went another way than by HTTP. `outcome`: "ok" or an err_kind_name(). */
void provider_count(const char *name, const char *outcome, int64_t took_ms);
/* For stage_type.paused_until_ms: see throttle.h. */
int64_t provider_paused_until_ms(provider_t *p);
/* How many rounds of calls in a row it did not answer as it should; for who can do without it. */
int provider_rounds_failed(provider_t *p);

/* The classes that statuses have where a provider's own table does not know better: 2xx; 408 425 5xx to be tried
 * again (501 and 505 are refusals); 429 a wait; 401 403 402 407 a matter of keys; 404 405 410 of addresses; 413 414 431 a limit. `title` begins the text. */
int provider_judge_status(const char *title, const struct httpc_answer *answer, struct err *err);

#endif
