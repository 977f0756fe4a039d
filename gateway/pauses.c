#include "gateway/pauses.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "gateway/ask.h"
#include "lib/clock.h"

#define FRESH_MS      1000
#define PROVIDERS_MAX 16

struct pause {
    char types[64], why[128];
    int64_t until_ms; /* wall clock */
};

struct pauses {
    pthread_mutex_t lock; /* guards all below */
    int64_t read_ms;
    struct pause list[PROVIDERS_MAX];
    int n;
};

struct pauses *pauses_new(void)
{
    struct pauses *p = calloc(1, sizeof *p);
    if (p) pthread_mutex_init(&p->lock, NULL);
    return p;
}

void pauses_destroy(struct pauses **p)
{
    if (!*p) return;
    pthread_mutex_destroy(&(*p)->lock);
    free(*p);
    *p = NULL;
}

static int read_names(struct gateway *g, char names[PROVIDERS_MAX][48], int *n)
{
    static const char *const argv[] = {"SMEMBERS", "sheaf:throttles"};
    const struct redis_command command = {2, argv, NULL};
    redis_reply_t *reply = NULL;
    if (ask_redis(g, &command, 1, &reply, NULL) == -1) return -1;
    for (size_t i = 0; i < redis_len(reply) && *n < PROVIDERS_MAX; i++)
        (void)snprintf(names[(*n)++], sizeof names[0], "sheaf:throttle:%.24s", redis_str(redis_at(reply, i)));
    redis_reply_free(reply);
    return 0;
}

/* The lock is held: others want the same answer. */
static void read_again(struct gateway *g, struct pauses *p)
{
    char names[PROVIDERS_MAX][48];
    const char *argv[PROVIDERS_MAX][5];
    struct redis_command commands[PROVIDERS_MAX];
    redis_reply_t *replies[PROVIDERS_MAX] = {0};
    int n = 0;
    p->n = 0;
    if (read_names(g, names, &n) == -1 || n == 0) return;
    for (int i = 0; i < n; i++) {
        const char *const words[] = {"HMGET", names[i], "until", "types", "why"};
        memcpy(argv[i], words, sizeof words);
        commands[i] = (struct redis_command){5, argv[i], NULL};
    }
    if (ask_redis(g, commands, n, replies, NULL) == -1) return;
    for (int i = 0; i < n; i++) {
        struct pause *pause = &p->list[p->n];
        pause->until_ms = redis_int(redis_at(replies[i], 0));
        (void)snprintf(pause->types, sizeof pause->types, "%s", redis_str(redis_at(replies[i], 1)));
        (void)snprintf(pause->why, sizeof pause->why, "%s", redis_str(redis_at(replies[i], 2)));
        if (pause->until_ms > clock_wall_ms()) p->n++;
    }
    ask_free(replies, n);
}

static bool names_type(const char *types, const char *type)
{
    for (size_t len; *types; types += len + (types[len] == ',')) {
        len = strcspn(types, ",");
        if (len == strlen(type) && strncmp(types, type, len) == 0) return true;
    }
    return false;
}

static const struct pause *pause_of_stage(const struct pauses *p, const char *stage)
{
    for (int k = 0; k < p->n; k++)
        if (names_type(p->list[k].types, stage)) return &p->list[k];
    return NULL;
}

static const struct pause *pause_of_job(const struct pauses *p, const char *const value[JOB_BRIEF])
{
    const struct pause *found = NULL;
    for (int i = 0; i < STAGE_NAMES_N && !found; i++)
        if (strtoll(value[JOB_OPENED + i], NULL, 10) > strtoll(value[JOB_DONE + i], NULL, 10))
            found = pause_of_stage(p, stage_names[i].name);
    return found;
}

/* The lock is held. */
static void refresh(struct gateway *g)
{
    if (clock_ms() - g->pauses->read_ms < FRESH_MS) return;
    read_again(g, g->pauses);
    g->pauses->read_ms = clock_ms();
}

static bool tell(const struct pause *pause, char text[PAUSES_TEXT_MAX])
{
    char at[CLOCK_RFC3339_MAX];
    if (pause)
        (void)snprintf(text, PAUSES_TEXT_MAX, "%s It goes on at about %.8s UTC.", pause->why, clock_rfc3339(pause->until_ms, at) + 11);
    return pause != NULL;
}

void pauses_explain(struct gateway *g, const char *const value[JOB_BRIEF], json_t *job)
{
    char text[PAUSES_TEXT_MAX];
    bool live = strcmp(value[JOB_STATE], "queued") == 0 || strcmp(value[JOB_STATE], "started") == 0;
    if (!job || !live || *value[JOB_MSG]) return;
    pthread_mutex_lock(&g->pauses->lock);
    refresh(g);
    bool waits = tell(pause_of_job(g->pauses, value), text);
    pthread_mutex_unlock(&g->pauses->lock);
    if (waits) json_object_set_new(job, "status_message", json_string(text));
}

bool pauses_of(struct gateway *g, const char *stage, char text[PAUSES_TEXT_MAX])
{
    pthread_mutex_lock(&g->pauses->lock);
    refresh(g);
    bool waits = tell(pause_of_stage(g->pauses, stage), text);
    pthread_mutex_unlock(&g->pauses->lock);
    return waits;
}
