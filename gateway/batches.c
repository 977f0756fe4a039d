/* batches: a batch that takes the uploads of several requests. */
#include <string.h>
#include <stdio.h>
#include "gateway/answers.h"
#include "gateway/ask.h"
#include "gateway/batch.h"
#include "gateway/records.h"
#include "gateway/routes.h"
#include "gateway/status.h"
#include "lib/auto.h"
#include "lib/clock.h"
#include "lib/digest.h"

#define EXPECTED_MAX 100000
#define BODY_MAX     4096

unsigned batch_any_shard(const struct settings *s)
{
    uint8_t one;
    random_bytes(&one, 1);
    return one % (unsigned)s->shards;
}

void batch_new_id(unsigned shard, char out[ID_TEXT])
{
    uint8_t noise[10];
    random_bytes(noise, sizeof noise);
    id_make(out, shard, clock_wall_ms(), noise);
}

void batch_cookie(const char *id, char out[BATCH_COOKIE_MAX])
{
    snprintf(out, BATCH_COOKIE_MAX, "Set-Cookie: sheaf_batch=%s; Path=/; HttpOnly; SameSite=Lax\r\n", id);
}

/* "ok" or "unknown", in `answer`. */
static int call_batch(struct request *rq, const char *verb, const char *id, const char *expected,
                      char answer[16], struct err *err)
{
    const char *argv[] = {verb, id, rq->caller.owner, expected};
    redis_reply_t *reply = NULL;
    int rc = ask_script(rq->gateway, &script_batch, id_shard(id), expected ? 4 : 3, argv, &reply, err);
    if (rc == 0) snprintf(answer, 16, "%s", redis_str(reply));
    redis_reply_free(reply);
    return rc;
}

void batch_touch(struct gateway *g, const char *owner, const char *id)
{
    const char *argv[] = {"touch", id, owner};
    redis_reply_t *reply = NULL;
    (void)ask_script(g, &script_batch, id_shard(id), 3, argv, &reply, NULL);
    redis_reply_free(reply);
}

/* {"expected":n}; an empty body is none expected. -1: refused, answered. */
static int read_expected(struct request *rq, long long *expected)
{
    AUTO(buf_done) struct buf body = BUF_INIT;
    if (http_body(rq, BODY_MAX, &body) == -1) return -1;
    *expected = 0;
    if (body.len == 0) return 0;
    json_t *json = json_loadb(body.data, body.len, 0, NULL), *value = json_object_get(json, "expected");
    const bool good = json_is_object(json) && (!value || json_is_null(value) || json_is_integer(value));
    if (good && value) *expected = json_integer_value(value);
    json_decref(json);
    if (good && *expected >= 0 && *expected <= EXPECTED_MAX) return 0;
    http_error(rq, 400, "bad_request", "The body is {\"expected\":n}, with n from 0 to %d.", EXPECTED_MAX);
    return -1;
}

void batches_open(struct request *rq)
{
    char id[ID_TEXT], expected[24], answer[16], cookie[BATCH_COOKIE_MAX];
    long long n;
    struct err err = {0};
    if (read_expected(rq, &n) == -1) return;
    batch_new_id(batch_any_shard(rq->gateway->settings), id);
    snprintf(expected, sizeof expected, "%lld", n);
    if (call_batch(rq, "open", id, expected, answer, &err) == -1) {
        http_fail(rq, &err);
        return;
    }
    batch_cookie(id, cookie);
    http_json(rq, 201, json_pack("{s:b,s:s}", "success", 1, "batch_id", id), cookie);
}

void batches_close(struct request *rq)
{
    char answer[16];
    const char *id = rq->arg[0];
    struct err err = {0};
    if (!id_valid(id))
        http_not_found(rq);
    else if (call_batch(rq, "close", id, NULL, answer, &err) == -1)
        http_fail(rq, &err);
    else if (strcmp(answer, "ok") != 0)
        http_not_found(rq);
    else {
        answers_forget(rq->gateway->answers, id);
        http_json(rq, 200, json_pack("{s:b,s:s}", "success", 1, "batch_id", id), NULL);
    }
}

/* The batch with its records: how far it is, from Redis, and what came of it, from persist-svc: the first 1000, and how many there are. */
void batches_show(struct request *rq)
{
    char target[96];
    int answered;
    struct status status;
    struct err err = {0};
    if (status_read_batch(rq->gateway, &rq->caller, rq->arg[0], &status, &err) == -1) {
        http_fail(rq, &err);
        return;
    }
    if (!status.json) {
        http_not_found(rq);
        return;
    }
    snprintf(target, sizeof target, "/api/batches/%.40s/records", rq->arg[0]);
    json_t *answer = records_ask(rq->gateway->records, &rq->caller, target, &answered);
    if (answer) {
        json_object_set(status.json, "records", json_object_get(answer, "records"));
        json_object_set(status.json, "records_total", json_object_get(answer, "total"));
        http_json(rq, 200, status.json, NULL);
    } else {
        json_decref(status.json);
        http_records_away(rq);
    }
    json_decref(answer);
}
