/* watch: what kind of Redis this is, asked after every connect and once a second: whether it may be used at all
 * (version, eviction policy, shard count), whether it was away, how full it is. One thread. */
#ifndef SHEAF_DISPATCHER_WATCH_H
#define SHEAF_DISPATCHER_WATCH_H

#include <stdbool.h>
#include <stdint.h>
#include "lib/buf.h"
#include "lib/err.h"
#include "lib/redis.h"
#include "lib/settings.h"

struct watch {
    const struct settings *settings;
    redis_t *redis;
    char run_id[48];
    bool asked;                 /* the first answer has come */
    bool full;                  /* above the watermark: growing types are not taken */
    int64_t back_ms;            /* clock_ms() of the last connect: when we began, or it came back, restarted or not */
    struct buf levels;          /* body of HEARTBEAT: {"log":{"<service>":"<level>"}}, empty when none is set */
    struct err refused;         /* kind != ERR_NONE: this Redis may not be used */
};

void watch_init(struct watch *w, const struct settings *settings, redis_t *redis);
void watch_connected(struct watch *w); /* after each connect: shards, policy for the scripts, INFO */
void watch_ask(struct watch *w);       /* once a second: INFO, levels of the log */
void watch_done(struct watch *w);

/* The lines of INFO that matter, taken apart. Pure. */
struct watch_info {
    char version[24], run_id[48], policy[32];
    int64_t used, max;
    int aof; /* 1 on, 0 off, -1 not said (managed) */
};
void watch_parse(const char *info, struct watch_info *out);

#endif
