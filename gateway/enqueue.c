#include "gateway/enqueue.h"

#include <inttypes.h>
#include <stdio.h>
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

/* What all tasks of a job say about its document: the beginning of their body (proto/STAGES.md). */
static char *about_of(const char *owner, const char *batch, const struct intake_file *file)
{
    json_t *about = json_pack("{s:s,s:s,s:s,s:s,s:I,s:s}", "owner", owner, "batch", batch, "name", file->name, "digest",
                              file->digest, "size", (json_int_t)file->size, "mime", file->mime);
    char *text = about ? json_dumps(about, JSON_COMPACT) : NULL;
    json_decref(about);
    return text;
}

static char *number(int64_t n)
{
    char text[24];
    snprintf(text, sizeof text, "%" PRId64, n);
    return strdup(text);
}

int enqueue_words(struct enqueue_words *out, const struct caller *caller, const char *batch, bool new_batch,
                  const struct intake_options *options, const struct intake_file *files, int n, const json_t *errors,
                  int64_t idem_ms)
{
    static const char *const first[] = STAGES_FIRST;
    char print[DIGEST_HEX] = "", stages[128] = "";
    for (size_t i = 0, len = 0; i < COUNT_OF(first); i++)
        len += (size_t)snprintf(stages + len, sizeof stages - len, "%s%s", i ? " " : "", first[i]);
    *out = (struct enqueue_words){.word = calloc((size_t)(ENQUEUE_HEAD + n * ENQUEUE_JOB), sizeof *out->word)};
    if (!out->word || (*options->key && print_of(files, n, print))) return -1;
    char **w = out->word;
    out->n = ENQUEUE_HEAD + n * ENQUEUE_JOB;
    *w++ = strdup(batch);
    *w++ = number(new_batch);
    *w++ = strdup(caller->owner);
    *w++ = number(options->class);
    *w++ = number(new_batch); /* sealed: a plain upload's batch takes no other */
    *w++ = number(0);         /* expected: only a batch that was opened beforehand has a number */
    *w++ = strdup(caller->email);
    *w++ = strdup(options->key);
    *w++ = strdup(print);
    *w++ = number(idem_ms);
    *w++ = json_array_size(errors) ? json_dumps(errors, JSON_COMPACT) : strdup("null");
    *w++ = strdup(stages);
    for (int i = 0; i < n; i++) {
        *w++ = strdup(files[i].id);
        *w++ = strdup(files[i].digest);
        *w++ = strdup(files[i].name);
        *w++ = about_of(caller->owner, batch, &files[i]);
    }
    for (int i = 0; i < out->n; i++)
        if (!out->word[i]) return -1;
    return 0;
}

void enqueue_words_done(struct enqueue_words *words)
{
    for (int i = 0; words->word && i < words->n; i++) free(words->word[i]);
    free(words->word);
    *words = (struct enqueue_words){0};
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
static int call_once(struct gateway *g, unsigned shard, const struct enqueue_words *words, int64_t until_ms, bool *sent,
                     redis_reply_t **reply, struct err *err)
{
    char key[SHARD_KEY_MAX];
    const int64_t one = clock_ms() + TRY_MS, deadline = one < until_ms ? one : until_ms;
    redis_t *r = redis_pool_take(g->redis, deadline, err);
    if (!r) return -1;
    int rc = redis_connect(r, deadline, err);
    if (rc == 0) {
        *sent = true;
        rc =
            redis_call_script(r, deadline, &script_enqueue, shard_key(key, shard), words->n, (const char *const *)words->word, NULL,
                              reply, err);
    }
    redis_pool_put(g->redis, &r);
    return rc;
}

static enum enqueue_end insist(struct gateway *g, unsigned shard, const struct enqueue_words *words, json_t **answer, struct err *err)
{
    bool sent = false;
    for (const int64_t until = clock_ms() + INSIST_MS;;) {
        redis_reply_t *reply = NULL;
        const bool sent_before = sent;
        FAULT(before_enqueue);
        if (call_once(g, shard, words, until, &sent, &reply, err) == 0) {
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

enum enqueue_end enqueue(struct gateway *g, const struct caller *caller, struct intake *in, json_t **answer,
                         struct err *err)
{
    char batch[ID_TEXT];
    int n;
    const struct intake_options *options = intake_options(in);
    const struct intake_file *files = intake_files(in, &n);
    const unsigned shard = intake_shard(in);
    const bool new_batch = !*options->batch;
    if (new_batch)
        batch_new_id(shard, batch);
    else
        memcpy(batch, options->batch, sizeof batch);
    struct enqueue_words words;
    enum enqueue_end end = ENQUEUE_REFUSED;
    if (enqueue_words(&words, caller, batch, new_batch, options, files, n, intake_errors(in), g->settings->idem_ms))
        err_set(err, ERR_NOMEM, "out of memory");
    else
        end = insist(g, shard, &words, answer, err);
    enqueue_words_done(&words);
    return end;
}
