#include "gateway/memory.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include "lib/clock.h"
#include "lib/log.h"
#include "lib/metrics.h"

#define INFO_MS 1000

static struct metric used_bytes = METRIC_GAUGE("sheaf_redis_used_bytes", "memory that Redis uses");
static struct metric max_bytes =
    METRIC_GAUGE("sheaf_redis_max_bytes", "memory that Redis may use; 0: no limit");

struct memory {
    const struct settings *settings;
    atomic_bool full;
    bool checked;
};

struct memory *memory_new(const struct settings *s)
{
    struct memory *m = calloc(1, sizeof *m);
    if (m) m->settings = s;
    return m;
}

void memory_destroy(struct memory **m)
{
    free(*m);
    *m = NULL;
}

bool memory_full(const struct memory *m)
{
    return atomic_load(&m->full);
}

/* The text behind "\nname:", or NULL. */
static const char *field(const char *info, const char *name)
{
    const size_t len = strlen(name);
    for (const char *at = info; (at = strstr(at, name)); at += len)
        if ((at == info || at[-1] == '\n') && at[len] == ':') return at + len + 1;
    return NULL;
}

void memory_parse(const char *info, struct memory_info *out)
{
    const char *used = field(info, "used_memory"), *max = field(info, "maxmemory");
    const char *policy = field(info, "maxmemory_policy"), *aof = field(info, "aof_enabled");
    memset(out, 0, sizeof *out);
    if (used) out->used = strtoll(used, NULL, 10);
    if (max) out->max = strtoll(max, NULL, 10);
    if (policy) {
        size_t len = strcspn(policy, "\r\n");
        if (len >= sizeof out->policy) len = sizeof out->policy - 1;
        memcpy(out->policy, policy, len);
    }
    out->aof = aof ? *aof == '1' : -1;
}

static int check_once(struct memory *m, const struct memory_info *info, struct err *err)
{
    const bool any_key = strncmp(info->policy, "allkeys-", 8) == 0;
    if (any_key && !m->settings->redis_evict_ok)
        return err_set(err, ERR_CONFIG,
                       "Redis has maxmemory-policy %s and could throw jobs away; set noeviction, or "
                       "SHEAF_REDIS_ALLOW_EVICTION=yes.",
                       info->policy);
    if (any_key || strncmp(info->policy, "volatile-", 9) == 0)
        log_warn("redis_may_evict", F_STR("policy", info->policy), F_STR("better", "noeviction"));
    if (info->aof != 1)
        log_warn("redis_without_aof", F_STR("appendonly", info->aof == 0 ? "no" : "not known"),
                 F_STR("risk", "what was accepted is lost when Redis restarts"));
    m->checked = true;
    return 0;
}

int memory_check(struct memory *m, redis_pool_t *redis, struct err *err)
{
    const int64_t deadline = clock_ms() + INFO_MS;
    static const char *const sections[][2] = {{"INFO", "memory"}, {"INFO", "persistence"}};
    const struct redis_command commands[] = {{2, sections[0], NULL}, {2, sections[1], NULL}};
    redis_reply_t *replies[2] = {0};
    struct memory_info info, more;
    redis_t *r = redis_pool_take(redis, deadline, err);
    if (!r) return -1;
    int rc = redis_pipeline(r, deadline, commands, m->checked ? 1 : 2, replies, err);
    redis_pool_put(redis, &r);
    if (rc == -1) return -1;
    memory_parse(redis_str(replies[0]), &info);
    if (!m->checked) {
        memory_parse(redis_str(replies[1]), &more);
        info.aof = more.aof;
        rc = redis_is_error(replies[0], NULL) ? redis_reply_err(replies[0], err) : check_once(m, &info, err);
        redis_reply_free(replies[1]);
    }
    redis_reply_free(replies[0]);
    if (rc == -1) return -1;
    const bool full = info.max > 0 && (double)info.used > m->settings->max_memory_share * (double)info.max;
    if (full != atomic_exchange(&m->full, full))
        log_warn(full ? "redis_full" : "redis_has_room", F_INT("used_bytes", info.used),
                 F_INT("max_bytes", info.max));
    metric_set(&used_bytes, NULL, info.used);
    metric_set(&max_bytes, NULL, info.max);
    return 0;
}
