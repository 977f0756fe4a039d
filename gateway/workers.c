/* workers: who is alive, and how much waits, by stage. */
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "gateway/memory.h"
#include "gateway/routes.h"
#include "gateway/totals.h"
#include "gateway/workers.h"
#include "lib/auto.h"
#include "lib/clock.h"
#include "lib/scripts.h"
#include "proto/stages.h"

#define INSTANCES_MAX 512  /* looked at; a larger fleet is counted by its metrics */
#define LISTED_MAX    2000 /* delayed and buried tasks that are counted, per shard */

struct depth {
    int64_t waiting, in_flight, later, dead, oldest_ms; /* oldest_ms: when the oldest began to wait; 0 none */
    int64_t workers, room, in_hand;
    bool paused;
};

static int stage_index(const char *name, size_t len)
{
    for (int i = 0; i < STAGE_NAMES_N; i++)
        if (strlen(stage_names[i].name) == len && memcmp(stage_names[i].name, name, len) == 0) return i;
    return -1;
}

/* --- what waits --- */

enum { PER_STAGE = 5, PER_SHARD = 3, COMMANDS = PER_STAGE * STAGE_NAMES_N + PER_SHARD };

/* The packed text of a task ends in the moment it began to wait (proto/redis/README.md). */
static int64_t since_of(const redis_reply_t *entries)
{
    const char *packed =
        redis_str(redis_at(redis_at(redis_at(entries, 0), 1), 1)); /* [[id, ["t", packed]]] */
    const char *last = strrchr(packed, ' ');
    return last ? strtoll(last + 1, NULL, 10) : 0;
}

static void add_stage(struct depth *d, redis_reply_t *const *r)
{
    /* What was handed back is pending under a name of its own until it is taken again. */
    const int64_t in_stream = redis_int(r[0]), pending = redis_int(redis_at(r[1], 0)),
                  returned = redis_int(r[2]);
    if (redis_int(r[4])) d->paused = true;
    const int64_t since = since_of(r[3]), held = pending > returned ? pending - returned : 0;
    d->in_flight += held;
    d->waiting += in_stream > held ? in_stream - held : 0;
    if (since && (!d->oldest_ms || since < d->oldest_ms)) d->oldest_ms = since;
}

/* Counts a list of "<type> …" by its first words. */
static void add_members(struct depth *depths, const redis_reply_t *members, size_t field)
{
    for (size_t i = 0; i < redis_len(members); i++) {
        const char *text = redis_str(redis_at(members, i));
        const int stage = stage_index(text, strcspn(text, " "));
        if (stage >= 0) ++*(int64_t *)((char *)&depths[stage] + field);
    }
}

static void add_waiting(struct depth *depths, const redis_reply_t *hash)
{
    for (size_t i = 0; i + 1 < redis_len(hash); i += 2) {
        const char *type = redis_str(redis_at(hash, i));
        const int stage = stage_index(type, strlen(type));
        if (stage >= 0) depths[stage].waiting += redis_int(redis_at(hash, i + 1));
    }
}

static int read_shard(redis_t *redis, unsigned shard, int64_t deadline, struct depth *depths, struct err *err)
{
    char prefix[SHARD_KEY_MAX], last[16], keys[2 * STAGE_NAMES_N + PER_SHARD + 1][SHARD_KEY_MAX + 32];
    const char *words[COMMANDS][6];
    struct redis_command commands[COMMANDS];
    redis_reply_t *replies[COMMANDS] = {0};
    int n = 0, k = 0;
    shard_key(prefix, shard);
    snprintf(last, sizeof last, "%d", LISTED_MAX - 1);
    char *paused = keys[k++];
    snprintf(paused, sizeof keys[0], "%spaused", prefix);
    for (int i = 0; i < STAGE_NAMES_N; i++) {
        char *tasks = keys[k++], *returned = keys[k++];
        snprintf(tasks, sizeof keys[0], "%stasks:%s", prefix, stage_names[i].name);
        snprintf(returned, sizeof keys[0], "%sreturned:%s", prefix, stage_names[i].name);
        const char *const lines[PER_STAGE][6] = {{"XLEN", tasks},
                                                 {"XPENDING", tasks, "dispatchers"},
                                                 {"LLEN", returned},
                                                 {"XRANGE", tasks, "-", "+", "COUNT", "1"},
                                                 {"SISMEMBER", paused, stage_names[i].name}};
        static const int argc[PER_STAGE] = {2, 3, 2, 6, 3};
        for (int c = 0; c < PER_STAGE; c++, n++) {
            memcpy(words[n], lines[c], sizeof lines[c]);
            commands[n] = (struct redis_command){argc[c], words[n], NULL};
        }
    }
    static const char *const rest[PER_SHARD] = {"waiting", "later", "dead"};
    for (int i = 0; i < PER_SHARD; i++, n++) {
        char *key = keys[k++];
        snprintf(key, sizeof keys[0], "%s%s", prefix, rest[i]);
        const char *const line[6] = {i ? "ZRANGE" : "HGETALL", key, "0", last};
        memcpy(words[n], line, sizeof line);
        commands[n] = (struct redis_command){i ? 4 : 2, words[n], NULL};
    }
    if (redis_pipeline(redis, deadline, commands, n, replies, err) == -1) return -1;
    for (int i = 0; i < STAGE_NAMES_N; i++) add_stage(&depths[i], replies + PER_STAGE * i);
    redis_reply_t **behind = replies + PER_STAGE * STAGE_NAMES_N;
    add_waiting(depths, behind[0]);
    add_members(depths, behind[1], offsetof(struct depth, later));
    add_members(depths, behind[2], offsetof(struct depth, dead));
    for (int i = 0; i < n; i++) redis_reply_free(replies[i]);
    return 0;
}

/* --- who is alive --- */

static void add_types(struct depth *depths, const json_t *types)
{
    const char *type;
    json_t *room;
    json_object_foreach((json_t *)types, type, room)
    {
        const int stage = stage_index(type, strlen(type));
        if (stage < 0) continue;
        depths[stage].workers++;
        depths[stage].room += json_integer_value(json_object_get(room, "room"));
        depths[stage].in_hand += json_integer_value(json_object_get(room, "in_hand"));
    }
}

/* The instances of a kind whose sign of life has not run out, as they describe themselves. */
static json_t *read_alive(redis_t *redis, const char *kind, int64_t deadline, struct err *err)
{
    char set[32];
    redis_reply_t *names = NULL, *values = NULL;
    int n = 0;
    json_t *list = json_array();
    AUTO_FREE char(*keys)[96] = calloc(INSTANCES_MAX, sizeof *keys);
    AUTO_FREE const char **argv = calloc(INSTANCES_MAX + 1, sizeof *argv);
    if (!keys || !argv) {
        err_set(err, ERR_NOMEM, "out of memory");
        goto failed;
    }
    argv[0] = "MGET";
    snprintf(set, sizeof set, "sheaf:%ss", kind);
    if (redis_do(redis, deadline, &names, err, "SMEMBERS", set, NULL) == -1) goto failed;
    for (size_t i = 0; i < redis_len(names) && n < INSTANCES_MAX; i++, n++) {
        snprintf(keys[n], sizeof keys[0], "sheaf:%s:%s", kind, redis_str(redis_at(names, i)));
        argv[n + 1] = keys[n];
    }
    if (n && redis_call(redis, deadline, n + 1, argv, NULL, &values, err) == -1) goto failed;
    for (int i = 0; i < n; i++) {
        json_t *one = json_loads(redis_str(redis_at(values, (size_t)i)), 0, NULL);
        if (!json_is_object(one)) {
            json_decref(one);
            continue;
        }
        json_object_set_new(one, "instance", json_string(redis_str(redis_at(names, (size_t)i))));
        json_array_append_new(list, one);
    }
    redis_reply_free(names);
    redis_reply_free(values);
    return list;
failed:
    redis_reply_free(names);
    json_decref(list);
    return NULL;
}

struct picture {
    struct depth depths[STAGE_NAMES_N];
    json_t *workers, *dispatchers;
};

static int look(struct gateway *g, struct picture *p, struct err *err)
{
    const int64_t deadline = clock_ms() + REDIS_ANSWER_MS;
    int rc = 0;
    redis_t *redis = redis_pool_take(g->redis, deadline, err);
    if (!redis) return -1;
    for (unsigned s = 0; rc == 0 && s < (unsigned)g->settings->shards; s++)
        rc = read_shard(redis, s, deadline, p->depths, err);
    if (rc == 0 && !(p->workers = read_alive(redis, "worker", deadline, err))) rc = -1;
    if (rc == 0 && !(p->dispatchers = read_alive(redis, "dispatcher", deadline, err))) rc = -1;
    redis_pool_put(g->redis, &redis);
    for (size_t i = 0; rc == 0 && i < json_array_size(p->workers); i++)
        add_types(p->depths, json_object_get(json_array_get(p->workers, i), "types"));
    return rc;
}

static double oldest_s(const struct depth *d)
{
    const int64_t age = clock_wall_ms() - d->oldest_ms;
    return d->oldest_ms && age > 0 ? (double)age / 1000 : 0;
}

static void picture_done(struct picture *p)
{
    json_decref(p->workers);
    json_decref(p->dispatchers);
}

int workers_in_flight(struct gateway *g, const char *stage, int64_t *n, struct err *err)
{
    AUTO(picture_done) struct picture p = {0};
    if (look(g, &p, err) == -1) return -1;
    const int i = stage_index(stage, strlen(stage));
    *n = i >= 0 ? p.depths[i].in_flight : 0;
    return 0;
}

int workers_look(struct gateway *g, struct workers_stage stages[STAGE_NAMES_N], json_t **workers, struct err *err)
{
    AUTO(picture_done) struct picture p = {0};
    if (look(g, &p, err) == -1) return -1;
    for (int i = 0; i < STAGE_NAMES_N; i++)
        stages[i] = (struct workers_stage){p.depths[i].waiting, p.depths[i].workers, p.depths[i].paused};
    *workers = json_incref(p.workers);
    return 0;
}

/* Work that nobody is there for stands still until somebody comes. */
static bool is_stuck(const struct picture *p, const struct depth *d)
{
    return d->waiting + d->in_flight > 0 && (d->workers == 0 || json_array_size(p->dispatchers) == 0);
}

void workers_status(struct request *rq)
{
    AUTO(picture_done) struct picture p = {0};
    struct err err = {0};
    if (look(rq->gateway, &p, &err) == -1) {
        http_fail(rq, &err);
        return;
    }
    json_t *stages = json_array();
    for (int i = 0; i < STAGE_NAMES_N; i++) {
        const struct depth *d = &p.depths[i];
        json_array_append_new(stages, json_pack("{s:s,s:s,s:I,s:I,s:I,s:f,s:b,s:b}", "stage", stage_names[i].name,
                                                "service", stage_names[i].service, "workers",
                                                (json_int_t)d->workers, "waiting", (json_int_t)d->waiting,
                                                "in_flight", (json_int_t)d->in_flight, "oldest_s",
                                                oldest_s(d), "stuck", is_stuck(&p, d), "paused", d->paused));
    }
    http_json(rq, 200,
              json_pack("{s:b,s:s,s:o,s:O,s:O}", "success", 1, "redis",
                        memory_full(rq->gateway->memory) ? "full" : "ok", "stages", stages, "workers",
                        p.workers, "dispatchers", p.dispatchers),
              NULL);
}

void workers_queues(struct request *rq)
{
    AUTO(picture_done) struct picture p = {0};
    struct err err = {0};
    if (look(rq->gateway, &p, &err) == -1) {
        http_fail(rq, &err);
        return;
    }
    json_t *stages = json_array();
    for (int i = 0; i < STAGE_NAMES_N; i++) {
        const struct depth *d = &p.depths[i];
        const struct totals_of t = totals_of(rq->gateway->totals, i);
        json_array_append_new(
            stages,
            json_pack("{s:s,s:I,s:I,s:I,s:I,s:f,s:I,s:I,s:b,s:f,s:I,s:I,s:I,s:I}", "stage", stage_names[i].name,
                      "waiting", (json_int_t)d->waiting, "in_flight", (json_int_t)d->in_flight, "later",
                      (json_int_t)d->later, "dead", (json_int_t)d->dead, "oldest_s", oldest_s(d), "room",
                      (json_int_t)d->room, "in_hand", (json_int_t)d->in_hand, "paused", d->paused, "per_minute",
                      60 * t.per_s, "done", (json_int_t)t.now[TOTAL_DONE], "retried",
                      (json_int_t)t.now[TOTAL_RETRY], "lost", (json_int_t)t.now[TOTAL_LOST],
                      "failed", (json_int_t)t.now[TOTAL_BURIED]));
    }
    http_json(rq, 200, json_pack("{s:o}", "stages", stages), NULL);
}
