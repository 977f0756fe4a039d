/* admin: what an operator does to stages and logs. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "gateway/ask.h"
#include "gateway/loglevel.h"
#include "gateway/routes.h"
#include "gateway/workers.h"
#include "lib/auto.h"
#include "lib/clock.h"
#include "lib/log.h"
#include "lib/svc.h"
#include "proto/stages.h"

#define DRAIN_WAIT_MS 10000
#define DRAIN_LOOK_MS 100
#define BODY_MAX      4096
#define LOG_MINUTES   60

static const char *const services[] = {"gateway", "dispatcher", "ocr-svc", "llm-svc", "persist-svc", "notify-svc"};

/* --- stages --- */

static const char *known_stage(struct request *rq)
{
    const int i = stage_find(rq->arg[0]);
    if (i >= 0) return stage_names[i].name;
    http_not_found(rq);
    return NULL;
}

static int tell_shards(struct gateway *g, const char *verb, const char *stage, struct err *err)
{
    const char *argv[] = {verb, stage};
    int rc = 0;
    for (unsigned s = 0; rc == 0 && s < (unsigned)g->settings->shards; s++) {
        redis_reply_t *reply = NULL;
        rc = ask_script(g, &script_admin, s, 2, argv, &reply, err);
        redis_reply_free(reply);
    }
    if (rc == 0) log_info("stage_changed", F_STR("stage", stage), F_STR("verb", verb));
    return rc;
}

static void change(struct request *rq, const char *verb, bool paused)
{
    struct err err = {0};
    const char *stage = known_stage(rq);
    if (!stage) return;
    if (tell_shards(rq->gateway, verb, stage, &err) == -1)
        http_fail(rq, &err);
    else
        http_json(rq, 200, json_pack("{s:b,s:s,s:b}", "success", 1, "stage", stage, "paused", paused), NULL);
}

void admin_pause(struct request *rq)
{
    change(rq, "pause", true);
}

void admin_resume(struct request *rq)
{
    change(rq, "resume", false);
}

/* Pauses, and waits a while until nothing of the stage is in hand: then its workers may be taken away. */
void admin_drain(struct request *rq)
{
    struct err err = {0};
    const char *stage = known_stage(rq);
    const int64_t until = clock_ms() + DRAIN_WAIT_MS;
    int64_t in_flight = 0;
    if (!stage) return;
    int rc = tell_shards(rq->gateway, "pause", stage, &err);
    while (rc == 0 && (rc = workers_in_flight(rq->gateway, stage, &in_flight, &err)) == 0 && in_flight > 0 &&
           clock_ms() < until) {
        const struct timespec pause = {.tv_nsec = DRAIN_LOOK_MS * 1000000L};
        nanosleep(&pause, NULL);
    }
    if (rc == -1)
        http_fail(rq, &err);
    else
        http_json(rq, in_flight ? 202 : 200,
                  json_pack("{s:b,s:s,s:b,s:I,s:b}", "success", 1, "stage", stage, "paused", 1, "in_flight",
                            (json_int_t)in_flight, "drained", in_flight == 0),
                  NULL);
}

/* --- the log --- */

int loglevel_follow(struct gateway *g, struct err *err)
{
    static const char *const argv[] = {"GET", "sheaf:log:gateway"};
    const struct redis_command command = {2, argv, NULL};
    redis_reply_t *reply = NULL;
    if (ask_redis(g, &command, 1, &reply, err) == -1) return -1;
    svc_log_level(g->settings, redis_str(reply));
    redis_reply_free(reply);
    return 0;
}

static bool is_service(const char *name)
{
    for (size_t i = 0; i < COUNT_OF(services); i++)
        if (strcmp(name, services[i]) == 0) return true;
    return false;
}

/* One service's, or all services'; level NULL: back to the configured one. */
static int set_level(struct gateway *g, const char *service, const char *level, json_int_t minutes,
                     struct err *err)
{
    char keys[COUNT_OF(services)][40], seconds[24];
    const char *words[COUNT_OF(services)][5];
    struct redis_command commands[COUNT_OF(services)];
    redis_reply_t *replies[COUNT_OF(services)] = {0};
    int n = 0;
    snprintf(seconds, sizeof seconds, "%lld", (long long)minutes * 60);
    for (size_t i = 0; i < COUNT_OF(services); i++) {
        if (service && strcmp(service, services[i]) != 0) continue;
        snprintf(keys[n], sizeof keys[n], "sheaf:log:%s", services[i]);
        memcpy(words[n], (const char *[]){level ? "SET" : "DEL", keys[n], level, "EX", seconds}, sizeof words[n]);
        commands[n] = (struct redis_command){level ? 5 : 2, words[n], NULL};
        n++;
    }
    if (ask_redis(g, commands, n, replies, err) == -1) return -1;
    ask_free(replies, n);
    return loglevel_follow(g, err);
}

/* {"level":"debug"│null, "service":"ocr-svc", "minutes":60} */
void admin_log(struct request *rq)
{
    AUTO(buf_done) struct buf body = BUF_INIT;
    enum log_level parsed;
    struct err err = {0};
    if (http_body(rq, BODY_MAX, &body) == -1) return;
    json_t *json = json_loadb(body.data ? body.data : "", body.len, 0, NULL);
    json_t *named = json_object_get(json, "service"), *wanted = json_object_get(json, "level");
    json_t *life = json_object_get(json, "minutes");
    const char *service = json_string_value(named), *level = json_string_value(wanted);
    const json_int_t minutes = json_is_integer(life) ? json_integer_value(life) : LOG_MINUTES;
    if (!wanted || (level ? log_level_parse(level, &parsed) == -1 : !json_is_null(wanted)))
        http_error(rq, 400, "bad_request", "level is error, warn, info, debug, or null for the configured one.");
    else if (named && !json_is_null(named) && (!service || !is_service(service)))
        http_error(rq, 400, "bad_request", "There is no such service.");
    else if ((life && !json_is_integer(life)) || minutes < 1 || minutes > 1440)
        http_error(rq, 400, "bad_request", "minutes is a number from 1 to 1440.");
    else if (set_level(rq->gateway, service, level, minutes, &err) == -1)
        http_fail(rq, &err);
    else
        http_json(rq, 200,
                  json_pack("{s:b,s:s?,s:s?,s:o}", "success", 1, "service", service, "level", level, "minutes",
                            level ? json_integer(minutes) : json_null()),
                  NULL);
    json_decref(json);
}
