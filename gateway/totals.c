#include "gateway/totals.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "gateway/ask.h"
#include "lib/clock.h"

#define SAMPLES 13 /* a minute, and one to compare with */

struct sample {
    int64_t at_ms, value[STAGE_NAMES_N][TOTALS];
};

struct totals {
    pthread_mutex_t lock;
    struct sample ring[SAMPLES];
    int n; /* samples taken so far; the newest is ring[(n - 1) % SAMPLES] */
};

struct totals *totals_new(void)
{
    struct totals *t = calloc(1, sizeof *t);
    if (t) pthread_mutex_init(&t->lock, NULL);
    return t;
}

void totals_destroy(struct totals **t)
{
    if (*t) pthread_mutex_destroy(&(*t)->lock);
    free(*t);
    *t = NULL;
}

/* "<what>:<stage>" */
static void add(struct sample *s, const char *field, int64_t value)
{
    static const char *const names[TOTALS] = {"done", "retry", "throttled", "lost", "buried"};
    const size_t len = strcspn(field, ":");
    for (int w = 0; field[len] && w < TOTALS; w++) {
        if (strlen(names[w]) != len || memcmp(names[w], field, len) != 0) continue;
        for (int i = 0; i < STAGE_NAMES_N; i++)
            if (strcmp(stage_names[i].name, field + len + 1) == 0) s->value[i][w] += value;
    }
}

int totals_sample(struct totals *t, struct gateway *g, struct err *err)
{
    struct sample s = {.at_ms = clock_ms()};
    /* Only this thread writes. */
    if (t->n && s.at_ms - t->ring[(t->n - 1) % SAMPLES].at_ms < TOTALS_EVERY_MS) return 0;
    for (unsigned shard = 0; shard < (unsigned)g->settings->shards; shard++) {
        char prefix[SHARD_KEY_MAX], key[ASK_KEY_MAX];
        const char *argv[] = {"HGETALL", key};
        const struct redis_command command = {2, argv, NULL};
        redis_reply_t *reply = NULL;
        snprintf(key, sizeof key, "%stotals", shard_key(prefix, shard));
        if (ask_redis(g, &command, 1, &reply, err) == -1) return -1;
        for (size_t i = 0; i + 1 < redis_len(reply); i += 2)
            add(&s, redis_str(redis_at(reply, i)), redis_int(redis_at(reply, i + 1)));
        redis_reply_free(reply);
    }
    pthread_mutex_lock(&t->lock);
    t->ring[t->n++ % SAMPLES] = s;
    pthread_mutex_unlock(&t->lock);
    return 0;
}

struct totals_of totals_of(struct totals *t, int stage)
{
    struct totals_of of = {0};
    pthread_mutex_lock(&t->lock);
    if (t->n) {
        const struct sample *last = &t->ring[(t->n - 1) % SAMPLES];
        const struct sample *first = &t->ring[t->n > SAMPLES ? t->n % SAMPLES : 0];
        const double seconds = (double)(last->at_ms - first->at_ms) / 1000;
        memcpy(of.now, last->value[stage], sizeof of.now);
        const int64_t done = last->value[stage][TOTAL_DONE] - first->value[stage][TOTAL_DONE];
        if (seconds > 0 && done > 0) of.per_s = (double)done / seconds; /* less than before: Redis was emptied */
    }
    pthread_mutex_unlock(&t->lock);
    return of;
}
