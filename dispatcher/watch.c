#include "dispatcher/watch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dispatcher/pipeline.h"
#include "lib/clock.h"
#include "lib/log.h"
#include "lib/scripts.h"
#include "lib/svc.h"

void watch_init(struct watch *w, const struct settings *settings, redis_t *redis)
{
    *w = (struct watch){.settings = settings, .redis = redis};
}

static void value_of(const char *info, const char *name, char *out, size_t size)
{
    size_t len = strlen(name);
    *out = 0;
    for (const char *line = info; line; line = strchr(line, '\n')) {
        if (*line == '\n') line++;
        if (strncmp(line, name, len) || line[len] != ':') continue;
        snprintf(out, size, "%.*s", (int)strcspn(line + len + 1, "\r\n"), line + len + 1);
        return;
    }
}

void watch_parse(const char *info, struct watch_info *out)
{
    char text[32];
    value_of(info, "redis_version", out->version, sizeof out->version);
    value_of(info, "run_id", out->run_id, sizeof out->run_id);
    value_of(info, "maxmemory_policy", out->policy, sizeof out->policy);
    value_of(info, "used_memory", text, sizeof text);
    out->used = strtoll(text, NULL, 10);
    value_of(info, "maxmemory", text, sizeof text);
    out->max = strtoll(text, NULL, 10);
    value_of(info, "aof_enabled", text, sizeof text);
    out->aof = *text ? *text == '1' : -1;
}

static void judge(struct watch *w, const struct watch_info *info)
{
    if (atoi(info->version) < 7 && *info->version)
        err_set(&w->refused, ERR_CONFIG, "Redis %s is too old: 7.0 or newer is needed", info->version);
    if (!strncmp(info->policy, "allkeys-", 8) && !w->settings->redis_evict_ok)
        err_set(&w->refused, ERR_CONFIG,
                "Redis may evict any key (maxmemory-policy %s), so jobs could be lost: set noeviction", info->policy);
    if (!strncmp(info->policy, "volatile-", 9)) log_warn("redis_policy", F_STR("maxmemory_policy", info->policy));
    if (info->aof != 1) log_warn("redis_persistence", F_STR("aof", info->aof ? "unknown" : "off"));
}

static void on_info(void *user, const redis_reply_t *reply)
{
    struct watch *w = user;
    struct watch_info info;
    if (!reply || redis_type(reply) == REDIS_ERROR) return;
    watch_parse(redis_str(reply), &info);
    if (!w->asked) judge(w, &info);
    if (w->asked && strcmp(w->run_id, info.run_id)) log_warn("redis_restarted", F_STR("version", info.version));
    w->asked = true;
    snprintf(w->run_id, sizeof w->run_id, "%s", info.run_id);
    bool full = info.max > 0 && (double)info.used > (double)info.max * w->settings->max_memory_share;
    if (full != w->full) log_warn(full ? "redis_full" : "redis_room", F_INT("used", info.used), F_INT("max", info.max));
    w->full = full;
}

static void on_shards(void *user, const redis_reply_t *reply)
{
    struct watch *w = user;
    if (!reply || redis_type(reply) != REDIS_STRING || redis_int(reply) == w->settings->shards) return;
    err_set(&w->refused, ERR_CONFIG, "this Redis was set up with %lld shards, SHEAF_SHARDS says %lld",
            (long long)redis_int(reply), (long long)w->settings->shards);
}

static void send(struct watch *w, const char *const *argv, int argc, redis_handler *handler)
{
    (void)redis_send(w->redis, argc, argv, NULL, handler, w);
}

/* Levels that an operator set for a while: our own, and those that the workers are told with the next HEARTBEAT. */
#define LEVEL_KEYS                                                                                                     \
    "sheaf:log:dispatcher", "sheaf:log:ocr-svc", "sheaf:log:llm-svc", "sheaf:log:persist-svc", "sheaf:log:notify-svc"

static void on_levels(void *user, const redis_reply_t *reply)
{
    static const char *const keys[] = {LEVEL_KEYS};
    struct watch *w = user;
    enum log_level level;
    const char *between = "{\"log\":{";
    if (!reply || redis_type(reply) != REDIS_ARRAY) return;
    svc_log_level(w->settings, redis_str(redis_at(reply, 0)));
    buf_clear(&w->levels);
    for (size_t i = 1; i < sizeof keys / sizeof *keys; i++) {
        const char *name = redis_str(redis_at(reply, i));
        if (log_level_parse(name, &level)) continue;
        buf_printf(&w->levels, "%s\"%s\":\"%s\"", between, keys[i] + strlen("sheaf:log:"), name);
        between = ",";
    }
    if (w->levels.len) buf_puts(&w->levels, "}}");
}

void watch_ask(struct watch *w)
{
    send(w, (const char *const[]){"INFO"}, 1, on_info);
    send(w, (const char *const[]){"MGET", LEVEL_KEYS}, 6, on_levels);
}

void watch_done(struct watch *w)
{
    buf_done(&w->levels);
}

/* What the scripts must know of the settings; every dispatcher writes the same. */
static void write_policy(struct watch *w)
{
    char finished[24], failed[24], batch[24], key[SHARD_KEY_MAX + 8], prefix[SHARD_KEY_MAX];
    struct buf graph = BUF_INIT;
    pipeline_graph(&graph);
    snprintf(finished, sizeof finished, "%lld", (long long)w->settings->keep_finished_ms);
    snprintf(failed, sizeof failed, "%lld", (long long)w->settings->keep_failed_ms);
    snprintf(batch, sizeof batch, "%lld", (long long)w->settings->keep_batch_ms);
    for (unsigned shard = 0; !graph.bad && shard < (unsigned)w->settings->shards; shard++) {
        snprintf(key, sizeof key, "%spolicy", shard_key(prefix, shard));
        send(w, (const char *const[]){"HSET", key, "notify", w->settings->notify_when, "graph", graph.data, "keep_finished",
                                      finished, "keep_failed", failed, "keep_batch", batch},
             12, NULL);
    }
    buf_done(&graph);
}

void watch_connected(struct watch *w)
{
    char shards[24];
    w->back_ms = clock_ms(); /* not only when INFO says that it was away: what is asked at once is asked before its answer */
    snprintf(shards, sizeof shards, "%lld", (long long)w->settings->shards);
    send(w, (const char *const[]){"SET", "sheaf:shards", shards, "NX"}, 4, NULL);
    send(w, (const char *const[]){"GET", "sheaf:shards"}, 2, on_shards);
    watch_ask(w);
    write_policy(w);
}
