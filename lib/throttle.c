#include "lib/throttle.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lib/auto.h"
#include "lib/clock.h"
#include "lib/embed.h"
#include "lib/lone_script.h"
#include "lib/metrics.h"

EMBED(lua_throttle, "proto/redis/throttle.lua");

#define ASK_MS       500  /* for an answer of Redis, which takes a fraction of a millisecond */
#define LOOK_MS      500
#define WAIT_HERE_MS 1000 /* a shorter wait is not worth putting the task back */

static struct metric blind =
    METRIC_COUNTER1("sheaf_provider_unshared_total", "calls made without asking Redis, which was away", "provider");
static struct metric paused_ms =
    METRIC_GAUGE1("sheaf_provider_paused_milliseconds", "how long calls still wait by agreement", "provider");

struct throttle {
    char name[THROTTLE_NAME_MAX], key[THROTTLE_NAME_MAX + 16], types[64];
    struct throttle_rate rates[THROTTLE_RATES];
    lone_script_t *script;
    pthread_t watcher;
    bool watching;

    pthread_mutex_t lock; /* guards all below */
    pthread_cond_t stopped;
    bool stop;
    int64_t until_ms;
    int opened;
    char why[THROTTLE_WHY_MAX];
};

struct verdict {
    int64_t wait_ms;
    bool paused;
    int opened;
    char why[THROTTLE_WHY_MAX];
};

static int ask(throttle_t *t, int argc, const char *const *argv, struct verdict *v)
{
    redis_reply_t *reply = NULL;
    if (lone_script_ask(t->script, clock_ms() + ASK_MS, t->key, argc, argv, &reply, NULL) == -1) return -1;
    v->wait_ms = redis_int(redis_at(reply, 0));
    v->paused = redis_int(redis_at(reply, 1)) == 1;
    (void)snprintf(v->why, sizeof v->why, "%s", redis_str(redis_at(reply, 2)));
    v->opened = (int)redis_int(redis_at(reply, 3));
    redis_reply_free(reply);
    return 0;
}

/* What Redis says replaces what we thought: a pause that was lifted there is over here too. */
static void learn(throttle_t *t, const struct verdict *v)
{
    int64_t until_ms = v->paused ? clock_ms() + v->wait_ms : 0;
    pthread_mutex_lock(&t->lock);
    t->until_ms = until_ms;
    t->opened = v->opened;
    (void)snprintf(t->why, sizeof t->why, "%s", v->why);
    pthread_mutex_unlock(&t->lock);
    metric_set(&paused_ms, t->name, v->paused ? v->wait_ms : 0);
}

static void *watch(void *arg)
{
    throttle_t *t = arg;
    pthread_mutex_lock(&t->lock);
    while (!t->stop) {
        struct verdict v;
        pthread_mutex_unlock(&t->lock);
        if (ask(t, 1, (const char *const[]){"look"}, &v) == 0) learn(t, &v);
        pthread_mutex_lock(&t->lock);
        for (int64_t until_ms = clock_ms() + LOOK_MS;
             !t->stop && clock_cond_wait(&t->stopped, &t->lock, until_ms) == 0;) {
        }
    }
    pthread_mutex_unlock(&t->lock);
    return NULL;
}

/* So that whoever shows pauses to people knows what to look for. */
static void make_known(throttle_t *t)
{
    redis_reply_t *reply = NULL;
    redis_pool_t *pool = lone_script_pool(t->script);
    redis_t *r = redis_pool_take(pool, clock_ms() + ASK_MS, NULL);
    if (!r) return;
    if (redis_do(r, clock_ms() + ASK_MS, &reply, NULL, "SADD", "sheaf:throttles", t->name, NULL) == 0)
        redis_reply_free(reply);
    redis_pool_put(pool, &r);
}

throttle_t *throttle_new(const struct settings *settings, const struct throttle_options *options, struct err *err)
{
    throttle_t *t = calloc(1, sizeof *t);
    if (!t) {
        err_set(err, ERR_NOMEM, "a provider");
        return NULL;
    }
    pthread_mutex_init(&t->lock, NULL);
    clock_cond_init(&t->stopped);
    (void)snprintf(t->name, sizeof t->name, "%s", options->name);
    (void)snprintf(t->key, sizeof t->key, "sheaf:throttle:%s", t->name);
    (void)snprintf(t->types, sizeof t->types, "%s", options->types ? options->types : "");
    memcpy(t->rates, options->rates, sizeof t->rates);
    t->script = lone_script_new(settings, "throttle", lua_throttle, options->threads + 1, err);
    if (!t->script) {
        throttle_destroy(&t);
        return NULL;
    }
    make_known(t);
    int sys = pthread_create(&t->watcher, NULL, watch, t);
    if (sys) {
        err_sys(err, ERR_UNAVAILABLE, sys, "a thread that watches %s", t->name);
        throttle_destroy(&t);
        return NULL;
    }
    t->watching = true;
    return t;
}

void throttle_destroy(throttle_t **tp)
{
    throttle_t *t = *tp;
    if (!t) return;
    *tp = NULL;
    if (t->watching) {
        pthread_mutex_lock(&t->lock);
        t->stop = true;
        pthread_cond_broadcast(&t->stopped);
        pthread_mutex_unlock(&t->lock);
        pthread_join(t->watcher, NULL);
    }
    lone_script_destroy(&t->script);
    pthread_cond_destroy(&t->stopped);
    pthread_mutex_destroy(&t->lock);
    free(t);
}

int64_t throttle_paused_until_ms(throttle_t *t, char why[THROTTLE_WHY_MAX])
{
    pthread_mutex_lock(&t->lock);
    int64_t until_ms = t->until_ms;
    if (why) memcpy(why, t->why, THROTTLE_WHY_MAX);
    pthread_mutex_unlock(&t->lock);
    return until_ms;
}

int throttle_opened(throttle_t *t)
{
    pthread_mutex_lock(&t->lock);
    int opened = t->opened;
    pthread_mutex_unlock(&t->lock);
    return opened;
}

int throttle_told(const char *why, int64_t wait_ms, struct err *err)
{
    char at[CLOCK_RFC3339_MAX];
    clock_rfc3339(clock_wall_ms() + wait_ms, at);
    err_set(err, ERR_THROTTLED, "%s It goes on at about %.8s UTC.", why, at + 11);
    if (err) err->retry_after_ms = wait_ms;
    return -1;
}

static int told_to_wait(const struct throttle *t, const struct verdict *v, struct err *err)
{
    char why[THROTTLE_WHY_MAX];
    (void)snprintf(why, sizeof why, "Waiting for its turn at %s, so as not to ask faster than allowed.", t->name);
    return throttle_told(v->paused ? v->why : why, v->wait_ms, err);
}

/* The arguments of `admit`, built in `numbers`; how many. */
static int admit_args(const throttle_t *t, const int64_t cost[THROTTLE_RATES], int64_t call_ms,
                      char numbers[][24], const char **argv)
{
    int n = 0, argc = 0;
    argv[argc++] = "admit";
    (void)snprintf(numbers[n], 24, "%" PRId64, call_ms);
    argv[argc++] = numbers[n++];
    for (int i = 0; i < THROTTLE_RATES; i++) {
        if (t->rates[i].per_minute <= 0) continue;
        const int64_t values[] = {t->rates[i].per_minute, t->rates[i].burst, cost[i]};
        for (size_t k = 0; k < COUNT_OF(values); k++) {
            (void)snprintf(numbers[n], 24, "%" PRId64, values[k]);
            argv[argc++] = numbers[n++];
        }
    }
    return argc;
}

/* Redis is away: what was learned before still holds. */
static void judge_alone(throttle_t *t, struct verdict *v)
{
    metric_add(&blind, t->name, 1);
    v->wait_ms = throttle_paused_until_ms(t, v->why) - clock_ms();
    v->paused = v->wait_ms > 0;
    if (!v->paused) v->wait_ms = 0;
}

int throttle_admit(throttle_t *t, const int64_t cost[THROTTLE_RATES], int64_t call_deadline_ms, struct err *err)
{
    char numbers[1 + 3 * THROTTLE_RATES][24];
    const char *argv[2 + 3 * THROTTLE_RATES];
    for (int64_t began_ms = clock_ms();;) {
        struct verdict v;
        int64_t now_ms = clock_ms(), left_ms = call_deadline_ms - now_ms;
        if (left_ms <= 0) return err_set(err, ERR_TIMEOUT, "the time for the call to %s was up", t->name);
        int argc = admit_args(t, cost, left_ms, numbers, argv);
        if (ask(t, argc, argv, &v) == -1) judge_alone(t, &v);
        else if (v.paused) learn(t, &v);
        if (v.wait_ms <= 0) return 0;
        bool too_long = now_ms - began_ms + v.wait_ms > WAIT_HERE_MS || v.wait_ms >= left_ms;
        if (too_long) return told_to_wait(t, &v, err);
        struct timespec nap = {.tv_nsec = (long)v.wait_ms % 1000 * 1000000, .tv_sec = (time_t)(v.wait_ms / 1000)};
        (void)nanosleep(&nap, NULL); /* a signal goes to the loop's descriptor, not here */
    }
}

static void tell(throttle_t *t, int argc, const char *const *argv)
{
    struct verdict v;
    if (ask(t, argc, argv, &v) == 0) learn(t, &v);
}

void throttle_done(throttle_t *t)
{
    tell(t, 1, (const char *const[]){"done"});
}

void throttle_drop(throttle_t *t)
{
    tell(t, 1, (const char *const[]){"drop"});
}

void throttle_fail(throttle_t *t, const char *why)
{
    tell(t, 3, (const char *const[]){"fail", t->types, why});
}

void throttle_pause(throttle_t *t, int64_t ms, const char *why)
{
    char text[24];
    struct verdict v = {.wait_ms = ms, .paused = true};
    (void)snprintf(v.why, sizeof v.why, "%s", why);
    learn(t, &v); /* first here, where it is known, also when Redis is away */
    (void)snprintf(text, sizeof text, "%" PRId64, ms);
    tell(t, 4, (const char *const[]){"pause", text, t->types, why});
}
