#include "dispatcher/sweeper.h"

#include <pthread.h>
#include <stdatomic.h>
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
#define AGAIN_MS     2000         /* while there is more than one sweep takes: then it has less than a tenth of Redis */
#define OPEN_IDLE_MS "600000"     /* a batch without an upload closes after 10 minutes (CONTRACT, section 2) */
#define DEAD_MOST    "10000"
#define DEAD_AGE_MS  "7776000000" /* 90 days */
#define SHORT_LIFE_MS 86400000    /* of blobs that no job ever took (blob.h) */
#define SWEEP_BUDGET 2000
#define DUE_MAX      100
#define DUE_MOST     "100"        /* what reap.lua answers at most */
#define ROUNDS_MOST  50           /* of one shard, before it is the next one's turn */
#define ROUND_MS     10000        /* what was named so long ago may be wanted again: rerun.lua counts on its being gone after 30 s, or not removed */
#define MEMBER_MAX   56           /* "<job> upload later" */

struct sweeper {
    const struct settings *settings;
    redis_t *redis;
    blob_store_t *blobs;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    atomic_bool stop;
};

/* Members of a shard's `sweep`: first what may go, then what was tried. */
struct due {
    int n;
    int64_t until_ms; /* none of them is begun later */
    char member[DUE_MAX][MEMBER_MAX];
};

/* How a sweep went. */
struct swept {
    int gone, kept;
    struct err why; /* the last one was kept */
};

static int drop(struct sweeper *s, const char *member, struct err *err)
{
    char job[ID_TEXT], what[8], name[BLOB_NAME_MAX];
    if (sscanf(member, "%36s %7s", job, what) != 2 || !id_valid(job)) return 0; /* takes it off the list */
    return !strcmp(what, "upload") ? blob_drop(s->blobs, blob_upload_name(name, job), err) : blob_drop_job(s->blobs, job, err);
}

/* One call of reap: tells what became of the last ones, learns what may go next, which is ours alone for a while: so `most` "0" when it is not to be
 * begun at once. */
static void reap(struct sweeper *s, unsigned shard, const char *most, struct due *due)
{
    const char *argv[5 + DUE_MAX] = {OPEN_IDLE_MS, DEAD_MOST, DEAD_AGE_MS};
    struct buf types = BUF_INIT;
    char key[SHARD_KEY_MAX];
    redis_reply_t *reply;
    struct err err;
    const int told = due->n;
    due->n = 0;
    due->until_ms = clock_ms() + ROUND_MS;
    for (int row = 0; row < PIPELINE_TYPES; row++) buf_printf(&types, "%s ", pipeline[row].type);
    argv[3] = types.bad ? "" : types.data;
    argv[4] = most;
    for (int i = 0; i < told; i++) argv[5 + i] = due->member[i];
    if (!redis_call_script(s->redis, clock_ms() + 5000, &script_reap, shard_key(key, shard), 5 + told, argv, NULL, &reply, &err)) {
        for (size_t i = 0; i < redis_len(reply) && due->n < DUE_MAX; i++)
            snprintf(due->member[due->n++], MEMBER_MAX, "%s", redis_str(redis_at(reply, i)));
        redis_reply_free(reply);
    }
    buf_done(&types);
}

static void drop_all(struct sweeper *s, struct due *due, struct swept *swept)
{
    int tried = 0;
    for (; tried < due->n && clock_ms() < due->until_ms && !atomic_load(&s->stop); tried++) {
        char *member = due->member[tried];
        const size_t len = strlen(member);
        if (!drop(s, member, &swept->why)) {
            swept->gone++;
            continue;
        }
        swept->kept++;
        snprintf(member + len, MEMBER_MAX - len, " later");
    }
    due->n = tried;
}

/* True: it has more, and it is worth going on at once. */
static bool sweep_shard(struct sweeper *s, unsigned shard)
{
    struct due due = {0};
    struct swept swept = {0};
    bool more = true;
    for (int round = 0; more && round < ROUNDS_MOST && !atomic_load(&s->stop); round++) {
        reap(s, shard, DUE_MOST, &due);
        more = due.n > 0;
        drop_all(s, &due, &swept);
    }
    if (due.n) reap(s, shard, "0", &due);
    if (swept.kept) log_warn("blob_drop", F_INT("kept", swept.kept), F_INT("gone", swept.gone), F_ERR(&swept.why));
    return more && swept.gone;
}

/* Returns how long to wait for the next. */
static int64_t sweep(struct sweeper *s)
{
    bool more = false;
    (void)blob_sweep(s->blobs, SHORT_LIFE_MS, SWEEP_BUDGET);
    for (unsigned shard = 0; shard < (unsigned)s->settings->shards; shard++) more |= sweep_shard(s, shard);
    return more ? AGAIN_MS : EVERY_MS;
}

static void *run(void *user)
{
    struct sweeper *s = user;
    int64_t wait_ms = EVERY_MS;
    pthread_mutex_lock(&s->lock);
    while (!s->stop) {
        for (int64_t until_ms = clock_ms() + wait_ms; !s->stop && clock_cond_wait(&s->wake, &s->lock, until_ms) == 0;) {
        }
        if (s->stop) break;
        pthread_mutex_unlock(&s->lock);
        wait_ms = sweep(s);
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
