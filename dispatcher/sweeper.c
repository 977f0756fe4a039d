#include "dispatcher/sweeper.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dispatcher/pipeline.h"
#include "lib/blob.h"
#include "lib/clock.h"
#include "lib/log.h"
#include "lib/redis.h"
#include "lib/scripts.h"
#include "proto/ids.h"

#define EVERY_MS     30000
#define OPEN_IDLE_MS "600000"     /* a batch without an upload closes after 10 minutes (CONTRACT, section 2) */
#define DEAD_MOST    "10000"
#define DEAD_AGE_MS  "7776000000" /* 90 days */
#define SHORT_LIFE_MS 86400000    /* of blobs that no job ever took (blob.h) */
#define SWEEP_BUDGET 2000
#define DUE_MAX      100          /* what reap.lua answers at most */

struct sweeper {
    const struct settings *settings;
    redis_t *redis;
    blob_store_t *blobs;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    bool stop;
};

static int drop(struct sweeper *s, const char *member)
{
    char job[ID_TEXT], what[8], name[BLOB_NAME_MAX];
    struct err err = {0};
    if (sscanf(member, "%36s %7s", job, what) != 2 || !id_valid(job)) return 0; /* takes it off the list */
    int failed = !strcmp(what, "upload") ? blob_drop(s->blobs, blob_upload_name(name, job), &err)
                                         : blob_drop_job(s->blobs, job, &err);
    if (failed) log_warn("blob_drop", F_STR("job", job), F_ERR(&err));
    return failed;
}

/* One call of reap: tells what was dropped, learns what may be. Returns how many members of `due` are gone now. */
static int reap(struct sweeper *s, unsigned shard, char due[DUE_MAX][48], int n_done)
{
    const char *argv[4 + DUE_MAX] = {OPEN_IDLE_MS, DEAD_MOST, DEAD_AGE_MS};
    struct buf types = BUF_INIT;
    char key[SHARD_KEY_MAX];
    redis_reply_t *reply;
    struct err err;
    int n = 0, gone = 0;
    for (int row = 0; row < PIPELINE_TYPES; row++) buf_printf(&types, "%s ", pipeline[row].type);
    argv[3] = types.bad ? "" : types.data;
    for (int i = 0; i < n_done; i++) argv[4 + i] = due[i];
    if (!redis_call_script(s->redis, clock_ms() + 5000, &script_reap, shard_key(key, shard), 4 + n_done, argv, NULL, &reply, &err)) {
        for (size_t i = 0; i < redis_len(reply) && n < DUE_MAX; i++)
            snprintf(due[n++], 48, "%s", redis_str(redis_at(reply, i)));
        redis_reply_free(reply);
    }
    buf_done(&types);
    for (int i = 0; i < n; i++)
        if (!drop(s, due[i])) memmove(due[gone++], due[i], 48);
    return gone;
}

static void sweep(struct sweeper *s)
{
    char due[DUE_MAX][48];
    for (unsigned shard = 0; shard < (unsigned)s->settings->shards; shard++) {
        int gone = reap(s, shard, due, 0);
        for (int round = 0; gone && round < 50; round++) gone = reap(s, shard, due, gone);
    }
    (void)blob_sweep(s->blobs, SHORT_LIFE_MS, SWEEP_BUDGET);
}

static void *run(void *user)
{
    struct sweeper *s = user;
    pthread_mutex_lock(&s->lock);
    while (!s->stop) {
        for (int64_t until_ms = clock_ms() + EVERY_MS; !s->stop && clock_cond_wait(&s->wake, &s->lock, until_ms) == 0;) {
        }
        if (s->stop) break;
        pthread_mutex_unlock(&s->lock);
        sweep(s);
        pthread_mutex_lock(&s->lock);
    }
    pthread_mutex_unlock(&s->lock);
    return NULL;
}

sweeper_t *sweeper_start(const struct settings *settings, const char *name, struct err *err)
{
    sweeper_t *s = calloc(1, sizeof *s);
    if (!s) {
        err_set(err, ERR_NOMEM, "no memory for the sweeper");
        return NULL;
    }
    s->settings = settings;
    pthread_mutex_init(&s->lock, NULL);
    clock_cond_init(&s->wake);
    struct redis_options options = {.url = settings->redis_url, .ca_file = settings->redis_ca_file, .name = name};
    s->redis = redis_new(&options, err);
    s->blobs = s->redis ? blob_open(settings, err) : NULL;
    if (s->blobs && pthread_create(&s->thread, NULL, run, s) == 0) return s;
    if (s->blobs) err_set(err, ERR_UNAVAILABLE, "no thread for the sweeper");
    blob_close(&s->blobs);
    redis_destroy(&s->redis);
    free(s);
    return NULL;
}

void sweeper_stop(sweeper_t **s)
{
    if (!*s) return;
    pthread_mutex_lock(&(*s)->lock);
    (*s)->stop = true;
    pthread_cond_signal(&(*s)->wake);
    pthread_mutex_unlock(&(*s)->lock);
    pthread_join((*s)->thread, NULL);
    blob_close(&(*s)->blobs);
    redis_destroy(&(*s)->redis);
    free(*s);
    *s = NULL;
}
