/* shards: their number is written into Redis by whoever starts first; another setting is refused. */
#ifndef SHEAF_GATEWAY_SHARDS_H
#define SHEAF_GATEWAY_SHARDS_H

#include "lib/err.h"
#include "lib/redis.h"
#include "lib/settings.h"

/* ERR_CONFIG when Redis holds another number. */
int shards_check(const struct settings *s, redis_pool_t *redis, struct err *err);

#endif
