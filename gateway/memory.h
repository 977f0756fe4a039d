/* memory: does Redis have room for more work.  The main loop asks it once a second; uploads ask
 * memory_full(). */
#ifndef SHEAF_GATEWAY_MEMORY_H
#define SHEAF_GATEWAY_MEMORY_H

#include <stdbool.h>
#include <stdint.h>
#include "lib/err.h"
#include "lib/redis.h"
#include "lib/settings.h"

struct memory;

struct memory *memory_new(const struct settings *s);
void memory_destroy(struct memory **m);

/* Reads INFO and remembers it; the first answer is also checked: ERR_CONFIG when Redis may evict any key and
 * that was not allowed.  One thread (the main loop). */
int memory_check(struct memory *m, redis_pool_t *redis, struct err *err);
/* Above SHEAF_FULL_AT of maxmemory. Any thread. */
bool memory_full(const struct memory *m);

/* Pure: what INFO says. */
struct memory_info {
    int64_t used, max; /* bytes; max 0: no limit */
    char policy[32];
    int aof; /* 1 on, 0 off, -1 not said */
};
void memory_parse(const char *info, struct memory_info *out);

#endif
