#include "gateway/shards.h"

#include <stdio.h>
#include "lib/clock.h"

#define ANSWER_MS 1000
#define KEY       "sheaf:shards"

int shards_check(const struct settings *s, redis_pool_t *redis, struct err *err)
{
    char mine[8];
    const int64_t deadline = clock_ms() + ANSWER_MS;
    redis_reply_t *reply = NULL;
    snprintf(mine, sizeof mine, "%d", (int)s->shards);
    redis_t *r = redis_pool_take(redis, deadline, err);
    if (!r) return -1;
    /* With GET it answers what stood there before; a full Redis may refuse to write but not to read. */
    int rc = redis_do(r, deadline, &reply, err, "SET", KEY, mine, "NX", "GET", NULL);
    if (rc == -1) rc = redis_do(r, deadline, &reply, err, "GET", KEY, NULL);
    redis_pool_put(redis, &r);
    if (rc == 0 && redis_type(reply) != REDIS_NIL && redis_int(reply) != s->shards)
        rc = err_set(err, ERR_CONFIG, "SHEAF_SHARDS=%s, but this Redis was begun with %lld shards.", mine,
                     (long long)redis_int(reply));
    redis_reply_free(reply);
    return rc;
}
