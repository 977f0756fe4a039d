#include "llm-svc/batch_schools.h"

#include <stdio.h>
#include "lib/clock.h"
#include "lib/embed.h"
#include "lib/log.h"
#include "lib/scripts.h"
#include "llm-svc/schools.h"
#include "proto/ids.h"

EMBED(lua_heard, "proto/redis/heard.lua");

#define ASK_MS 1000 /* Redis answers at once, or is away */
#define TOLD   8    /* names of one document: more are a list of schools, and no stack of forms */
#define LEAST  2    /* other documents that must say a name: one may be misread surely */

batch_schools_t *batch_schools_open(const struct settings *settings, int threads, struct err *err)
{
    return lone_script_new(settings, "heard", lua_heard, threads, err);
}

void batch_schools_close(batch_schools_t **b)
{
    lone_script_destroy(b);
}

/* NULL: Redis is away, which is said in the log by the service that cannot work without it. */
static redis_reply_t *ask(batch_schools_t *b, const char *batch, int argc, const char *const *argv)
{
    char shard[SHARD_KEY_MAX], key[SHARD_KEY_MAX + ID_TEXT + 16];
    redis_reply_t *reply = NULL;
    struct err why = {0};
    if (!batch || !id_valid(batch)) return NULL;
    (void)snprintf(key, sizeof key, "%sbatch:%s:heard", shard_key(shard, id_shard(batch)), batch);
    if (lone_script_ask(b, clock_ms() + ASK_MS, key, argc, argv, &reply, &why) == -1) log_debug("schools_unasked", F_ERR(&why));
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
