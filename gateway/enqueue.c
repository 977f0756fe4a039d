#include "gateway/enqueue.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "gateway/batch.h"
#include "lib/auto.h"
#include "lib/clock.h"
#include "lib/digest.h"
#include "lib/fault.h"
#include "lib/log.h"
#include "lib/scripts.h"
#include "proto/stages.h"

#define INSIST_MS 10000 /* how long the question is repeated */
#define TRY_MS    3000
#define PAUSE_MS  100

static int by_digest(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* What an Idempotency-Key stands for: the documents, in whatever order they came. */
static int print_of(const struct intake_file *files, int n, char hex[DIGEST_HEX])
{
    AUTO_FREE const char **digests = calloc((size_t)n, sizeof *digests);
    digest_t *d = digest_new();
    if (digests && d) {
        for (int i = 0; i < n; i++) digests[i] = files[i].digest;
        qsort(digests, (size_t)n, sizeof *digests, by_digest);
        for (int i = 0; i < n; i++) digest_add(d, digests[i], strlen(digests[i]));
    }
    if (d) digest_end(&d, hex);
    return digests && *hex ? 0 : -1;
}

char *enqueue_request(const struct caller *caller, const char *batch, bool new_batch,
                      const struct intake_options *options, const struct intake_file *files, int n,
                      json_t *errors, int64_t idem_ms)
{
    static const char *const first[] = STAGES_FIRST;
    json_t *jobs = json_array(), *opens = json_array();
    for (size_t i = 0; i < COUNT_OF(first); i++) json_array_append_new(opens, json_string(first[i]));
    for (int i = 0; i < n; i++)
        json_array_append_new(jobs,
                              json_pack("{s:s,s:s,s:s,s:I,s:s,s:s}", "id", files[i].id, "name", files[i].name,
                                        "digest", files[i].digest, "size", (json_int_t)files[i].size, "mime",
                                        files[i].mime, "ocr", options->ocr));
    json_t *request = json_pack("{s:s,s:b,s:s,s:i,s:b,s:i,s:O,s:o,s:o}", "batch", batch, "new_batch",
                                new_batch, "owner", caller->owner, "class", (int)options->class, "seal", new_batch,
                                "expected", 0, "errors", errors, "first", opens, "jobs", jobs);
    bool complete = request && json_array_size(jobs) == (size_t)n;
    if (complete && *caller->email) complete = json_object_set_new(request, "mail", json_string(caller->email)) == 0;
    if (complete && *options->key) {
        char print[DIGEST_HEX] = "";
        complete = print_of(files, n, print) == 0;
        json_object_set_new(
            request, "idem",
            json_pack("{s:s,s:s,s:I}", "key", options->key, "print", print, "ttl_ms", (json_int_t)idem_ms));
    }
    char *text = complete ? json_dumps(request, JSON_COMPACT) : NULL;
    json_decref(request);
    return text;
}

static enum enqueue_end refused(const char *why, struct err *err)
{
    if (strcmp(why, "conflict") == 0)
        err_code(err, ERR_INPUT, "conflict", "This idempotency key was used for other documents.");
    else if (strcmp(why, "closed_batch") == 0)
        err_code(err, ERR_INPUT, "conflict", "The batch is closed.");
    else if (strcmp(why, "unknown_batch") == 0)
        err_code(err, ERR_INPUT, "not_found", "There is no such batch.");
    else
        err_set(err, ERR_BUG, "enqueue answered something unknown");
    return ENQUEUE_REFUSED;
}

static enum enqueue_end read_answer(const char *text, json_t **answer, struct err *err)
{
    json_t *whole = json_loads(text, 0, NULL), *inner = json_object_get(whole, "answer");
    const char *why = json_string_value(json_object_get(whole, "error"));
    enum enqueue_end end = json_is_true(json_object_get(whole, "replay")) ? ENQUEUE_REPLAY : ENQUEUE_ACCEPTED;
    if (json_is_object(inner))
        *answer = json_incref(inner);
    else
        end = refused(why ? why : "", err);
    json_decref(whole);
    return end;
}

/* *sent: from here on a failure does not mean that nothing was opened. */
static int call_once(struct gateway *g, unsigned shard, const char *request, int64_t until_ms, bool *sent,
                     redis_reply_t **reply, struct err *err)
{
    char key[SHARD_KEY_MAX];
    const int64_t one = clock_ms() + TRY_MS, deadline = one < until_ms ? one : until_ms;
    const char *argv[] = {request};
    redis_t *r = redis_pool_take(g->redis, deadline, err);
    if (!r) return -1;
    int rc = redis_connect(r, deadline, err);
    if (rc == 0) {
        *sent = true;
        rc =
            redis_call_script(r, deadline, &script_enqueue, shard_key(key, shard), 1, argv, NULL, reply, err);
    }
    redis_pool_put(g->redis, &r);
    return rc;
}

enum enqueue_end enqueue(struct gateway *g, const struct caller *caller, struct intake *in, json_t **answer,
                         struct err *err)
{
    char batch[ID_TEXT];
    int n;
    const struct intake_options *options = intake_options(in);
    const struct intake_file *files = intake_files(in, &n);
    const unsigned shard = intake_shard(in);
    const bool new_batch = !*options->batch;
    bool sent = false;
    if (new_batch)
        batch_new_id(shard, batch);
    else
        memcpy(batch, options->batch, sizeof batch);
    AUTO_FREE char *request =
        enqueue_request(caller, batch, new_batch, options, files, n, intake_errors(in), g->settings->idem_ms);
    if (!request) {
        err_set(err, ERR_NOMEM, "out of memory");
        return ENQUEUE_REFUSED;
    }
    for (const int64_t until = clock_ms() + INSIST_MS;;) {
        redis_reply_t *reply = NULL;
        const bool sent_before = sent;
        FAULT(before_enqueue);
        if (call_once(g, shard, request, until, &sent, &reply, err) == 0) {
            FAULT(after_enqueue);
            const enum enqueue_end end = read_answer(redis_str(reply), answer, err);
            redis_reply_free(reply);
            return end;
        }
        /* An answer that says no is definite, unless an earlier call's is still missing. */
        const bool passing = err->kind == ERR_UNAVAILABLE || err->kind == ERR_TIMEOUT;
        if (!passing || strcmp(err->code, "redis_full") == 0)
            return sent_before ? ENQUEUE_UNKNOWN : ENQUEUE_REFUSED;
        if (clock_ms() + PAUSE_MS >= until) return sent ? ENQUEUE_UNKNOWN : ENQUEUE_REFUSED;
        const struct timespec pause = {.tv_nsec = PAUSE_MS * 1000000L};
        nanosleep(&pause, NULL);
    }
}
