#include "gateway/ask.h"

#include <stdio.h>
#include "lib/clock.h"

char *ask_job_key(char out[ASK_KEY_MAX], const char *id)
{
    char shard[SHARD_KEY_MAX];
    snprintf(out, ASK_KEY_MAX, "%sjob:%.36s", shard_key(shard, id_shard(id)), id);
    return out;
}

void ask_free(redis_reply_t **replies, int n)
{
    for (int i = 0; i < n; i++) {
        redis_reply_free(replies[i]);
        replies[i] = NULL;
    }
}

int ask_redis(struct gateway *g, const struct redis_command *commands, int n, redis_reply_t **replies,
              struct err *err)
{
    const int64_t deadline = clock_ms() + REDIS_ANSWER_MS;
    redis_t *r = redis_pool_take(g->redis, deadline, err);
    if (!r) return -1;
    int rc = redis_pipeline(r, deadline, commands, n, replies, err);
    redis_pool_put(g->redis, &r);
    if (rc == -1) return -1;
    for (int i = 0; rc == 0 && i < n; i++)
        if (redis_is_error(replies[i], NULL)) rc = redis_reply_err(replies[i], err);
    if (rc == -1) ask_free(replies, n);
    return rc;
}

int ask_script(struct gateway *g, const struct redis_script *script, unsigned shard, int argc,
               const char *const *argv, redis_reply_t **reply, struct err *err)
{
    char key[SHARD_KEY_MAX];
    const int64_t deadline = clock_ms() + REDIS_ANSWER_MS;
    redis_t *r = redis_pool_take(g->redis, deadline, err);
    if (!r) return -1;
    int rc =
        redis_call_script(r, deadline, script, shard_key(key, shard), argc, argv, NULL, reply, err);
    redis_pool_put(g->redis, &r);
    return rc;
}
