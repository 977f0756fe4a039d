#include "llm-svc/batch_schools.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "lib/clock.h"
#include "lib/embed.h"
#include "lib/log.h"
#include "lib/redis.h"
#include "lib/scripts.h"
#include "llm-svc/schools.h"
#include "proto/ids.h"

EMBED(lua_heard, "proto/redis/heard.lua");

#define ASK_MS 1000 /* Redis answers at once, or is away */
#define TOLD   8    /* names of one document: more are a list of schools, and no stack of forms */
#define LEAST  2    /* other documents that must say a name: one may be misread surely */

struct batch_schools {
    struct redis_script script;
    redis_pool_t *redis;
};

batch_schools_t *batch_schools_open(const struct settings *settings, int threads, struct err *err)
{
    struct redis_options options = {.url = settings->redis_url, .ca_file = settings->redis_ca_file, .name = "schools"};
    batch_schools_t *b = calloc(1, sizeof *b);
    if (!b) {
        err_set(err, ERR_NOMEM, "out of memory");
        return NULL;
    }
    b->script = (struct redis_script){.name = "heard", .source = lua_heard};
    redis_script_init(&b->script);
    b->redis = redis_pool_new(&options, threads, err);
    if (!b->redis) batch_schools_close(&b);
    return b;
}

void batch_schools_close(batch_schools_t **b)
{
    if (!*b) return;
    redis_pool_destroy(&(*b)->redis);
    free(*b);
    *b = NULL;
}

/* NULL: Redis is away, which is said in the log by the service that cannot work without it. */
static redis_reply_t *ask(batch_schools_t *b, const char *batch, int argc, const char *const *argv)
{
    char shard[SHARD_KEY_MAX], key[SHARD_KEY_MAX + ID_TEXT + 16];
    redis_reply_t *reply = NULL;
    struct err why = {0};
    int64_t deadline_ms = clock_ms() + ASK_MS;
    if (!batch || !id_valid(batch)) return NULL;
    (void)snprintf(key, sizeof key, "%sbatch:%s:heard", shard_key(shard, id_shard(batch)), batch);
    redis_t *r = redis_pool_take(b->redis, deadline_ms, &why);
    if (!r) return NULL;
    if (redis_call_script(r, deadline_ms, &b->script, key, argc, argv, NULL, &reply, &why)) log_debug("schools_unasked", F_ERR(&why));
    redis_pool_put(b->redis, &r);
    return reply;
}

void batch_schools_say(batch_schools_t *b, const char *batch, const char *job, const struct schools *schools)
{
    const char *argv[2 + TOLD] = {"say", job};
    int n = schools_most_named(schools, TOLD, argv + 2);
    redis_reply_free(ask(b, batch, 2 + n, argv));
}

int batch_schools_look(batch_schools_t *b, const char *batch, const char *job, struct schools *schools)
{
    redis_reply_t *reply = ask(b, batch, 2, (const char *const[]){"look", job});
    int rc = 0;
    for (size_t i = 0; !rc && i + 1 < redis_len(reply); i += 2) {
        int documents = (int)redis_int(redis_at(reply, i + 1));
        if (documents >= LEAST) rc = schools_add(schools, redis_str(redis_at(reply, i)), documents);
    }
    redis_reply_free(reply);
    return rc;
}
