/* dead: buried tasks: what they died of, another try, or forgetting them (proto/redis/README.md, `dead`).
 *
 * To the outside a buried task is "<stage>:<job or batch>:<index>".  To kick one opens all of its job that was
 * not done; a notice, which belongs to no job's state, is opened by itself. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "gateway/answers.h"
#include "gateway/ask.h"
#include "gateway/newest.h"
#include "gateway/routes.h"
#include "gateway/standing.h"
#include "lib/auto.h"
#include "lib/clock.h"
#include "proto/stages.h"

#define LIST_DEFAULT 100
#define KICK_MAX     10000 /* of one request */

struct buried {
    char stage[16], id[ID_TEXT], index[12];
};

/* "page <job> 3" in Redis, "page:<job>:3" outside. */
static bool parse(const char *text, char separator, struct buried *b)
{
    char copy[64], *save = NULL, *rest;
    const char between[] = {separator, '\0'};
    long long index;
    if (snprintf(copy, sizeof copy, "%s", text) >= (int)sizeof copy) return false;
    const char *stage = strtok_r(copy, between, &save), *id = strtok_r(NULL, between, &save);
    const char *number = strtok_r(NULL, between, &save);
    rest = strtok_r(NULL, between, &save);
    if (!number || rest || !id_valid(id) || text_number(number, INT32_MAX, &index) == -1) return false;
    snprintf(b->stage, sizeof b->stage, "%s", stage);
    snprintf(b->id, sizeof b->id, "%s", id);
    snprintf(b->index, sizeof b->index, "%lld", index);
    return true;
}

static json_t *describe(const struct newest *entry, const char *why, const char *filename)
{
    struct buried b;
    char task[112], at[CLOCK_RFC3339_MAX];
    if (!parse(entry->member, ' ', &b)) return NULL;
    json_t *w = json_loads(why, 0, NULL);
    const char *code = json_string_value(json_object_get(w, "code"));
    const char *text = json_string_value(json_object_get(w, "text"));
    const bool of_batch = strcmp(b.stage, "notify") == 0 && strcmp(b.index, "1") == 0;
    snprintf(task, sizeof task, "%s:%s:%s", b.stage, b.id, b.index);
    json_t *d = json_pack("{s:s,s:s,s:s?,s:s?,s:i,s:s?,s:s,s:s,s:s}", "task", task, "stage", b.stage, "job_id",
                          of_batch ? NULL : b.id, "batch_id", of_batch ? b.id : NULL, "index", atoi(b.index),
                          "filename", *filename ? filename : NULL, "code", code ? code : "internal", "error",
                          text ? text : "", "buried_at", clock_rfc3339(entry->at_ms, at));
    json_decref(w);
    return d;
}

/* Why it was buried, and the name of the document, for each. */
static int read_why(struct gateway *g, const struct newest *entries, int n, redis_reply_t **replies,
                    struct err *err)
{
    struct asked {
        char shard[SHARD_KEY_MAX], why[ASK_KEY_MAX], job[ASK_KEY_MAX];
        const char *words[2][3];
    };
    AUTO_FREE struct asked *a = calloc((size_t)n, sizeof *a);
    AUTO_FREE struct redis_command *commands = calloc((size_t)n * 2, sizeof *commands);
    if (!a || !commands) return err_set(err, ERR_NOMEM, "out of memory");
    for (int i = 0; i < n; i++) {
        struct buried b = {0};
        snprintf(a[i].why, sizeof a[i].why, "%sdeadwhy", shard_key(a[i].shard, entries[i].shard));
        if (parse(entries[i].member, ' ', &b)) ask_job_key(a[i].job, b.id);
        memcpy(a[i].words[0], (const char *[]){"HGET", a[i].why, entries[i].member}, sizeof a[i].words[0]);
        memcpy(a[i].words[1], (const char *[]){"HGET", a[i].job, "name"}, sizeof a[i].words[1]);
        for (int k = 0; k < 2; k++) commands[2 * i + k] = (struct redis_command){3, a[i].words[k], NULL};
    }
    return ask_redis(g, commands, 2 * n, replies, err);
}

static json_t *list(struct gateway *g, const struct newest *entries, int n, struct err *err)
{
    AUTO_FREE redis_reply_t **replies = calloc((size_t)n * 2 + 1, sizeof *replies);
    if (!replies) err_set(err, ERR_NOMEM, "out of memory");
    if (!replies || (n && read_why(g, entries, n, replies, err) == -1)) return NULL;
    json_t *tasks = json_array();
    for (int i = 0; i < n; i++) {
        json_t *one = describe(&entries[i], redis_str(replies[2 * i]), redis_str(replies[2 * i + 1]));
        if (one) json_array_append_new(tasks, one);
    }
    ask_free(replies, 2 * n);
    return tasks;
}

void dead_list(struct request *rq)
{
    struct newest_wish wish;
    char next[NEWEST_CURSOR_MAX];
    int n;
    struct err err = {0};
    if (newest_wish(rq, LIST_DEFAULT, &wish) == -1) return;
    AUTO_FREE struct newest *entries = calloc((size_t)wish.limit, sizeof *entries);
    if (!entries) err_set(&err, ERR_NOMEM, "out of memory");
    json_t *tasks = NULL;
    if (entries && newest_page(rq->gateway, "dead", wish.since_ms, wish.cursor, wish.limit, entries, &n, next,
                               &err) == 0)
        tasks = list(rq->gateway, entries, n, &err);
    if (!tasks)
        http_fail(rq, &err);
    else
        http_json(rq, 200, json_pack("{s:o,s:s?}", "tasks", tasks, "next_cursor", *next ? next : NULL), NULL);
}

/* --- kick and drop --- */

static int call(struct gateway *g, const char *verb, const struct buried *b, char answer[16], struct err *err)
{
    const char *argv[] = {verb, b->stage, b->id, b->index};
    redis_reply_t *reply = NULL;
    int rc = ask_script(g, &script_admin, id_shard(b->id), 4, argv, &reply, err);
    if (rc == 0) snprintf(answer, 16, "%s", redis_str(reply));
    redis_reply_free(reply);
    return rc;
}

/* Only what is on the list: a job that ended otherwise is not the list's to begin again. */
static int kick_job(struct gateway *g, const struct buried *b, char answer[16], struct err *err)
{
    char shard[SHARD_KEY_MAX], job[ASK_KEY_MAX], dead[ASK_KEY_MAX], member[80];
    const char *ask_owner[] = {"HGET", ask_job_key(job, b->id), "state"}, *ask_dead[] = {"ZSCORE", dead, member};
    const struct redis_command commands[] = {{3, ask_owner, NULL}, {3, ask_dead, NULL}};
    redis_reply_t *replies[2] = {0}, *reply = NULL;
    snprintf(dead, sizeof dead, "%sdead", shard_key(shard, id_shard(b->id)));
    snprintf(member, sizeof member, "%s %s %s", b->stage, b->id, b->index);
    snprintf(answer, 16, "unknown");
    if (ask_redis(g, commands, 2, replies, err) == -1) return -1;
    const char *argv[] = {b->id, standing_job_owner(replies[0]), ""};
    const bool listed = redis_type(replies[1]) != REDIS_NIL;
    int rc = listed ? ask_script(g, &script_rerun, id_shard(b->id), 3, argv, &reply, err) : 0;
    if (reply) snprintf(answer, 16, "%s", redis_str(reply));
    ask_free(replies, 2);
    redis_reply_free(reply);
    return rc;
}

static int kick(struct gateway *g, const struct buried *b, char answer[16], struct err *err)
{
    return strcmp(b->stage, "notify") == 0 ? call(g, "kick", b, answer, err) : kick_job(g, b, answer, err);
}

static void act(struct request *rq, int (*verb)(struct gateway *, const struct buried *, char[16], struct err *))
{
    struct buried b;
    char answer[16];
    struct err err = {0};
    if (!parse(rq->arg[0], ':', &b))
        http_not_found(rq);
    else if (verb(rq->gateway, &b, answer, &err) == -1)
        http_fail(rq, &err);
    else if (strcmp(answer, "state") == 0)
        http_error(rq, 409, "conflict", "Its job goes on already.");
    else if (strcmp(answer, "ok") != 0)
        http_not_found(rq);
    else {
        answers_forget(rq->gateway->answers, b.id);
        http_json(rq, 202, json_pack("{s:b,s:s}", "success", 1, "task", rq->arg[0]), NULL);
    }
}

void dead_kick(struct request *rq)
{
    act(rq, kick);
}

static int drop(struct gateway *g, const struct buried *b, char answer[16], struct err *err)
{
    return call(g, "drop", b, answer, err);
}

void dead_drop(struct request *rq)
{
    act(rq, drop);
}

/* All of them, or those of one stage.  Kicking a job takes all its buried tasks off the list at once, so of
 * those that were read with it the later ones are not there any more: that is no failure. */
void dead_kick_all(struct request *rq)
{
    char stage[16] = "", cursor[NEWEST_CURSOR_MAX] = "", next[NEWEST_CURSOR_MAX], answer[16];
    struct err err = {0};
    int n, seen = 0, kicked = 0, rc = 0;
    if (http_query(rq, "stage", stage, sizeof stage) == -1 || (*stage && stage_find(stage) == -1)) {
        http_error(rq, 400, "bad_request", "There is no such stage.");
        return;
    }
    AUTO_FREE struct newest *entries = calloc(KICK_MAX, sizeof *entries);
    if (!entries) rc = err_set(&err, ERR_NOMEM, "out of memory");
    /* The whole list first: kicking moves it. */
    while (rc == 0 && seen + NEWEST_MAX <= KICK_MAX) {
        rc = newest_page(rq->gateway, "dead", 0, cursor, NEWEST_MAX, entries + seen, &n, next, &err);
        if (rc == 0) seen += n;
        memcpy(cursor, next, sizeof cursor);
        if (!*next) break;
    }
    for (int i = 0; rc == 0 && i < seen; i++) {
        struct buried b;
        if (!parse(entries[i].member, ' ', &b) || (*stage && strcmp(stage, b.stage) != 0)) continue;
        rc = kick(rq->gateway, &b, answer, &err);
        kicked += rc == 0 && strcmp(answer, "ok") == 0;
    }
    if (rc == -1)
        http_fail(rq, &err);
    else
        http_json(rq, 202, json_pack("{s:b,s:i}", "success", 1, "kicked", kicked), NULL);
}
