#include "gateway/answers.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "gateway/status.h"
#include "lib/auto.h"
#include "lib/clock.h"
#include "lib/digest.h"
#include "lib/metrics.h"
#include "proto/ids.h"

static struct metric reads = METRIC_COUNTER1("sheaf_status_reads_total", "questions for a job's or batch's status, by where the answer came from", "from");

struct slot {
    char id[ID_TEXT], owner[37];
    enum answer_kind kind; /* ids of jobs and batches look alike */
    uint64_t generation; /* of what was forgotten here: a text that was begun before is old */
    int64_t until_ms;
    struct answer answer;
};

struct answers {
    pthread_mutex_t lock;
    size_t bytes;
    uint64_t generation; /* of all slots: raised instead of theirs when all is forgotten, so that unused ones stay unused memory */
    struct slot slot[ANSWERS_SLOTS];
};

struct answers *answers_new(void)
{
    struct answers *a = calloc(1, sizeof *a);
    if (a) pthread_mutex_init(&a->lock, NULL);
    return a;
}

void answer_done(struct answer *a)
{
    buf_done(&a->text);
}

void answers_destroy(struct answers **answers)
{
    struct answers *a = *answers;
    if (!a) return;
    for (int i = 0; i < ANSWERS_SLOTS; i++) answer_done(&a->slot[i].answer);
    pthread_mutex_destroy(&a->lock);
    free(a);
    *answers = NULL;
}

/* Both only grow, so the sum is the same only while both are. */
static uint64_t generation_of(const struct answers *a, const struct slot *s)
{
    return a->generation + s->generation;
}

/* Ids end in random digits. */
static struct slot *slot_of(struct answers *a, const char *id)
{
    char tail[9] = "";
    const size_t len = strlen(id);
    if (len >= 8) memcpy(tail, id + len - 8, 8);
    return &a->slot[strtoul(tail, NULL, 16) % ANSWERS_SLOTS];
}

static void clear(struct answers *a, struct slot *s)
{
    a->bytes -= s->answer.text.len;
    answer_done(&s->answer);
    s->until_ms = 0;
}

static void forget_all(struct answers *a)
{
    a->generation++;
    for (struct slot *s = a->slot; s < a->slot + ANSWERS_SLOTS; s++)
        if (s->until_ms) clear(a, s);
}

void answers_forget(struct answers *a, const char *id)
{
    pthread_mutex_lock(&a->lock);
    if (id) {
        struct slot *s = slot_of(a, id);
        s->generation++;
        clear(a, s);
    } else {
        forget_all(a);
    }
    pthread_mutex_unlock(&a->lock);
}

static bool copy(const struct answer *from, struct answer *to)
{
    *to = *from;
    to->text = BUF_INIT;
    buf_add(&to->text, from->text.data, from->text.len);
    return !to->text.bad;
}

/* 1 found.  *generation: to be given back with what is read now. */
static int find(struct answers *a, const struct caller *caller, enum answer_kind kind, const char *id, struct answer *out,
                uint64_t *generation)
{
    int found = 0;
    pthread_mutex_lock(&a->lock);
    const struct slot *s = slot_of(a, id);
    *generation = generation_of(a, s);
    if (s->until_ms > clock_ms() && s->kind == kind && strcmp(s->id, id) == 0 && strcmp(s->owner, caller->owner) == 0)
        found = copy(&s->answer, out);
    pthread_mutex_unlock(&a->lock);
    return found;
}

static void keep(struct answers *a, const struct caller *caller, enum answer_kind kind, const char *id,
                 const struct answer *answer, uint64_t generation)
{
    if (answer->text.len > ANSWERS_TEXT_MAX) return;
    pthread_mutex_lock(&a->lock);
    struct slot *s = slot_of(a, id);
    if (generation_of(a, s) == generation) {
        clear(a, s);
        if (a->bytes + answer->text.len <= ANSWERS_BYTES && copy(answer, &s->answer)) {
            snprintf(s->id, sizeof s->id, "%s", id);
            memcpy(s->owner, caller->owner, sizeof s->owner);
            s->kind = kind;
            s->until_ms = clock_ms() + ANSWERS_MS;
            a->bytes += s->answer.text.len;
        } else {
            answer_done(&s->answer);
        }
    }
    pthread_mutex_unlock(&a->lock);
}

static int render(const struct status *status, struct answer *out, struct err *err)
{
    char hex[DIGEST_HEX];
    AUTO_FREE char *text = json_dumps(status->json, JSON_COMPACT | JSON_REAL_PRECISION(10));
    *out = (struct answer){.version = status->version, .done = status->done};
    if (text) buf_puts(&out->text, text);
    if (!text || out->text.bad) {
        answer_done(out);
        return err_set(err, ERR_NOMEM, "out of memory");
    }
    digest_hex(text, out->text.len, hex);
    snprintf(out->etag, sizeof out->etag, "\"%.16s\"", hex);
    return 1;
}

int answers_get(struct gateway *g, const struct caller *caller, enum answer_kind kind, const char *id,
                struct answer *out, struct err *err)
{
    struct status status;
    uint64_t generation;
    *out = (struct answer){0};
    if (!id_valid(id)) return 0;
    if (find(g->answers, caller, kind, id, out, &generation)) {
        metric_add(&reads, "memory", 1);
        return 1;
    }
    metric_add(&reads, "redis", 1);
    const int rc = kind == ANSWER_JOB ? status_read_job(g, caller, id, &status, err)
                                      : status_read_batch(g, caller, id, &status, err);
    if (rc == -1 || !status.json) return rc;
    const int made = render(&status, out, err);
    json_decref(status.json);
    if (made == 1) keep(g->answers, caller, kind, id, out, generation);
    return made;
}
