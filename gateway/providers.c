/* providers: by whom each stage is done, and what is known of those whom we call: are they paused, is their breaker open. */
#include <stdio.h>
#include <string.h>
#include "gateway/ask.h"
#include "gateway/pauses.h"
#include "gateway/routes.h"
#include "gateway/workers.h"
#include "lib/auto.h"
#include "proto/stages.h"

/* --- the services that are called --- */

/* As throttle.lua sees it: open for a while, then a first call is let through and the others wait for what becomes of it. */
static const char *breaker(bool opened, bool paused)
{
    return !opened ? "closed" : paused ? "open" : "half_open";
}

/* One provider in use, as lib/throttle keeps it; `now_ms` is Redis's clock. */
static json_t *describe(const char *name, const redis_reply_t *r, int64_t now_ms)
{
    const int64_t until_ms = redis_int(redis_at(r, 0));
    const bool paused = until_ms > now_ms, opened = redis_int(redis_at(r, 4)) > 0;
    return json_pack("{s:s,s:b,s:f,s:s?,s:s,s:s,s:I}", "provider", name, "paused", paused, "paused_s",
                     paused ? (double)(until_ms - now_ms) / 1000 : 0.0, "why", paused ? redis_str(redis_at(r, 1)) : NULL, "breaker",
                     breaker(opened, paused), "stages", redis_str(redis_at(r, 2)), "failures", (json_int_t)redis_int(redis_at(r, 3)));
}

static int read_providers(struct gateway *g, json_t *list, struct err *err)
{
    static const char *const all[] = {"SMEMBERS", "sheaf:throttles"}, *const time_of[] = {"TIME"};
    const struct redis_command commands[] = {{2, all, NULL}, {1, time_of, NULL}};
    redis_reply_t *replies[2] = {0};
    int rc = ask_redis(g, commands, 2, replies, err);
    const int64_t now_ms = redis_int(redis_at(replies[1], 0)) * 1000 + redis_int(redis_at(replies[1], 1)) / 1000;
    for (size_t i = 0; rc == 0 && i < redis_len(replies[0]); i++) {
        char key[128];
        const char *name = redis_str(redis_at(replies[0], i));
        const char *argv[] = {"HMGET", key, "until", "why", "types", "fails", "opened"};
        const struct redis_command command = {COUNT_OF(argv), argv, NULL};
        redis_reply_t *reply = NULL;
        snprintf(key, sizeof key, "sheaf:throttle:%s", name);
        rc = ask_redis(g, &command, 1, &reply, err);
        if (rc == 0) json_array_append_new(list, describe(name, reply, now_ms));
        redis_reply_free(reply);
    }
    ask_free(replies, 2);
    return rc;
}

/* --- the stages --- */

static void add_names(json_t *list, const char *names)
{
    for (size_t len; *names; names += len + (names[len] == ',')) {
        bool there = false;
        len = strcspn(names, ",");
        for (size_t i = 0; i < json_array_size(list); i++) {
            const char *one = json_string_value(json_array_get(list, i));
            there = there || (strlen(one) == len && strncmp(one, names, len) == 0);
        }
        if (len && !there) json_array_append_new(list, json_stringn(names, len));
    }
}

/* Whom its living workers call: they know, the gateway's own settings may be others. */
static json_t *via(const json_t *workers, const char *stage)
{
    json_t *list = json_array();
    for (size_t i = 0; i < json_array_size(workers); i++) {
        const json_t *type = json_object_get(json_object_get(json_array_get(workers, i), "types"), stage);
        const char *names = json_string_value(json_object_get(type, "via"));
        add_names(list, names ? names : "");
    }
    return list;
}

static json_t *stages(struct gateway *g, const struct workers_stage *look, const json_t *workers)
{
    json_t *list = json_array();
    for (int i = 0; i < STAGE_NAMES_N; i++) {
        char why[PAUSES_TEXT_MAX] = "";
        if (look[i].paused)
            snprintf(why, sizeof why, "It is paused by an operator.");
        else if (!pauses_of(g, stage_names[i].name, why) && look[i].waiting > 0 && look[i].workers == 0)
            snprintf(why, sizeof why, "It waits for a worker: there is none.");
        json_array_append_new(list, json_pack("{s:s,s:s,s:s,s:o,s:I,s:I,s:s?}", "stage", stage_names[i].name, "title", stage_names[i].title,
                                              "service", stage_names[i].service, "via", via(workers, stage_names[i].name), "workers",
                                              (json_int_t)look[i].workers, "waiting", (json_int_t)look[i].waiting, "waits_for",
                                              *why ? why : NULL));
    }
    return list;
}

void admin_providers(struct request *rq)
{
    struct err err = {0};
    struct workers_stage look[STAGE_NAMES_N];
    json_t *providers = json_array(), *workers = NULL;
    if (read_providers(rq->gateway, providers, &err) == -1 || workers_look(rq->gateway, look, &workers, &err) == -1) {
        json_decref(providers);
        http_fail(rq, &err);
        return;
    }
    http_json(rq, 200,
              json_pack("{s:o,s:o,s:o}", "stages", stages(rq->gateway, look, workers), "providers", providers, "workers", workers), NULL);
}
