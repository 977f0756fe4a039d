/* throttle: when a provider may be called, agreed upon with all replicas through Redis (proto/redis/throttle.lua).
 *
 * For lib/provider, which asks before each call and tells what became of it; and for the stage loop, which gives no
 * room while a provider is paused.  A thread of its own looks at Redis twice a second, so that a pause that another
 * replica was told reaches this one.  Without Redis calls go on by what this process knows by itself.  Any thread.
 */
#ifndef SHEAF_THROTTLE_H
#define SHEAF_THROTTLE_H

#include <stdint.h>
#include "lib/err.h"
#include "lib/settings.h"

#define THROTTLE_RATES    2
#define THROTTLE_NAME_MAX 24
#define THROTTLE_WHY_MAX  120

struct throttle_rate {
    int64_t per_minute; /* 0: no limit */
    int64_t burst;      /* most at once after a rest */
};

typedef struct throttle throttle_t;

struct throttle_options {
    const char *name;  /* of the provider, in keys: [a-z0-9-] */
    const char *types; /* task types that need it, comma-separated: what a pause is shown at */
    int threads;       /* that may ask at the same time */
    struct throttle_rate rates[THROTTLE_RATES];
};

/* Texts are copied. NULL: ERR_CONFIG (REDIS_URL), ERR_NOMEM. */
throttle_t *throttle_new(const struct settings *settings, const struct throttle_options *options, struct err *err);
void throttle_destroy(throttle_t **t);

/* May a call go out that costs so much of each rate and ends by call_deadline_ms?  A short wait is waited out here;
 * for a longer one -1 with ERR_THROTTLED. */
int throttle_admit(throttle_t *t, const int64_t cost[THROTTLE_RATES], int64_t call_deadline_ms, struct err *err);
/* What became of the call; one of them after each throttle_admit() that said yes. */
void throttle_done(throttle_t *t);                 /* it was answered, be it with a refusal */
void throttle_fail(throttle_t *t, const char *why); /* it was not, or with a fault of the provider's own */
void throttle_pause(throttle_t *t, int64_t ms, const char *why);
void throttle_drop(throttle_t *t); /* broken off by us */

/* Fills *err with ERR_THROTTLED, the reason and when it goes on, as throttle_admit() does; returns -1. */
int throttle_told(const char *why, int64_t wait_ms, struct err *err);

/* Moment (clock_ms) until which nothing goes out; in the past: none. `why` (NULL: not wanted) is a sentence for people. */
int64_t throttle_paused_until_ms(throttle_t *t, char why[THROTTLE_WHY_MAX]);
/* How often in a row the breaker opened: since a call was answered last, so many rounds were not. 0: it is closed. */
int throttle_opened(throttle_t *t);

#endif
