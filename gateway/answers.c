#include "gateway/answers.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "gateway/status.h"
#include "gateway/view.h"
#include "lib/clock.h"
#include "lib/digest.h"
#include "lib/metrics.h"
#include "proto/ids.h"

_Static_assert(ANSWERS_BYTES >= 4 * STATUS_JOBS_SHOWN * VIEW_LINE_MAX, "four batches of the largest are kept, whatever their jobs say");

static struct metric reads = METRIC_COUNTER1("sheaf_status_reads_total", "questions for a job's or batch's status, by where the answer came from", "from");

/* Ids of jobs and batches look alike. */
struct asked {
    enum answer_kind kind;
    char id[ID_TEXT], owner[37];
};

struct slot {
    struct asked kept, in_hand;
    uint64_t ticket;    /* of the reading in hand; 0: there is none */
    uint64_t changes;   /* told by events: what was begun before may miss them */
    uint64_t forgotten; /* what was begun before is not kept */
    int64_t until_ms;    /* 0: nothing is kept */
    struct answer answer;
};

struct answers {
    pthread_mutex_t lock;
    pthread_cond_t read; /* a reading has ended */
    size_t bytes;
    uint64_t tickets;
    uint64_t forgotten; /* of all slots: raised instead of theirs when all is forgotten, so that unused ones stay unused memory */
    struct slot slot[ANSWERS_SLOTS];
};

/* What a thread reads, in the name of all who ask the same meanwhile. */
struct reading {
    struct asked what;
    struct slot *slot;
    uint64_t ticket, changes, forgotten; /* as they were when it began */
};

struct answers *answers_new(void)
{
    struct answers *a = calloc(1, sizeof *a);
    if (!a) return NULL;
    pthread_mutex_init(&a->lock, NULL);
    clock_cond_init(&a->read);
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
    pthread_cond_destroy(&a->read);
    free(a);
    *answers = NULL;
}

/* Both only grow, so the sum is the same only while both are. */
static uint64_t forgotten(const struct answers *a, const struct slot *s)
{
    return a->forgotten + s->forgotten;
}

static bool same(const struct asked *a, const struct asked *b)
{
    return a->kind == b->kind && strcmp(a->id, b->id) == 0 && strcmp(a->owner, b->owner) == 0;
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
    a->bytes -= s->answer.text.cap;
    answer_done(&s->answer);
    s->until_ms = 0;
}

/* Those that end by then. */
static void clear_until(struct answers *a, int64_t ms)
{
    for (struct slot *s = a->slot; s < a->slot + ANSWERS_SLOTS; s++)
        if (s->until_ms && s->until_ms <= ms) clear(a, s);
}

void answers_tidy(struct answers *a)
{
    pthread_mutex_lock(&a->lock);
    clear_until(a, clock_ms());
    pthread_mutex_unlock(&a->lock);
}

void answers_forget(struct answers *a, const char *id)
{
    pthread_mutex_lock(&a->lock);
    if (id) {
        struct slot *s = slot_of(a, id);
        s->forgotten++;
        clear(a, s);
    } else {
        a->forgotten++;
        clear_until(a, INT64_MAX);
    }
    pthread_mutex_unlock(&a->lock);
}

void answers_changed(struct answers *a, const char *id)
{
    pthread_mutex_lock(&a->lock);
    struct slot *s = slot_of(a, id);
    s->changes++;
    s->answer.stale = true;
    if (s->answer.text.len < ANSWERS_LARGE) clear(a, s);
    pthread_mutex_unlock(&a->lock);
}

static bool copy(const struct answer *from, struct answer *to)
{
    char *data = malloc(from->text.len + 1);
    if (!data) return false;
    memcpy(data, from->text.data, from->text.len + 1);
    *to = *from;
    to->text = (struct buf){.data = data, .len = from->text.len, .cap = from->text.len + 1};
    return true;
}

/* --- who reads --- */

static bool is_kept(const struct slot *s, const struct asked *what)
{
    return s->until_ms > clock_ms() && same(&s->kept, what);
}

static bool is_in_hand(const struct slot *s, const struct asked *what)
{
    return s->ticket && same(&s->in_hand, what);
}

/* True: *out is what was kept, or what another thread has read meanwhile.  Else it is the caller's to read, and *r to be given to end(). */
static bool find(struct answers *a, struct reading *r, struct answer *out)
{
    const int64_t until_ms = clock_ms() + ANSWERS_WAIT_MS;
    pthread_mutex_lock(&a->lock);
    struct slot *s = r->slot = slot_of(a, r->what.id);
    while (!is_kept(s, &r->what) && is_in_hand(s, &r->what) && clock_cond_wait(&a->read, &a->lock, until_ms) == 0) continue;
    const bool found = is_kept(s, &r->what) && copy(&s->answer, out);
    if (!found) {
        s->in_hand = r->what;
        s->ticket = r->ticket = ++a->tickets;
        r->changes = s->changes;
        r->forgotten = forgotten(a, s);
    }
    pthread_mutex_unlock(&a->lock);
    return found;
}

/* Room for so many bytes: what ends first goes first. */
static void make_room(struct answers *a, size_t len)
{
    if (a->bytes + len > ANSWERS_BYTES) clear_until(a, clock_ms());
    while (a->bytes + len > ANSWERS_BYTES) {
        struct slot *first = NULL;
        for (struct slot *s = a->slot; s < a->slot + ANSWERS_SLOTS; s++)
            if (s->until_ms && (!first || s->until_ms < first->until_ms)) first = s;
        if (!first) return;
        clear(a, first);
    }
}

static void keep(struct answers *a, const struct reading *r, struct answer *answer)
{
    struct slot *s = r->slot;
    struct answer kept;
    answer->stale = s->changes != r->changes;
    if (forgotten(a, s) != r->forgotten || (answer->stale && answer->text.len < ANSWERS_LARGE)) return;
    if (answer->text.len >= ANSWERS_BYTES || !copy(answer, &kept)) return;
    clear(a, s);
    make_room(a, kept.text.cap);
    s->answer = kept;
    s->kept = r->what;
    s->until_ms = clock_ms() + ANSWERS_MS;
    a->bytes += kept.text.cap;
}

/* answer NULL: there is none to be kept. */
static void end(struct answers *a, const struct reading *r, struct answer *answer)
{
    pthread_mutex_lock(&a->lock);
    if (answer) keep(a, r, answer);
    if (r->slot->ticket == r->ticket) r->slot->ticket = 0;
    pthread_cond_broadcast(&a->read);
    pthread_mutex_unlock(&a->lock);
}

/* --- reading --- */

int answer_make(const struct status *status, struct answer *out, struct err *err)
{
    char hex[DIGEST_HEX];
    char *text = json_dumps(status->json, JSON_COMPACT | JSON_REAL_PRECISION(10));
    if (!text) return err_set(err, ERR_NOMEM, "out of memory");
    const size_t len = strlen(text);
    *out = (struct answer){.text = {.data = text, .len = len, .cap = len + 1}, .version = status->version, .done = status->done};
    digest_hex(text, len, hex);
    snprintf(out->etag, sizeof out->etag, "\"%.16s\"", hex);
    return 1;
}

static int read_now(struct gateway *g, const struct caller *caller, enum answer_kind kind, const char *id, struct answer *out,
                    struct err *err)
{
    struct status status;
    const int rc = kind == ANSWER_JOB ? status_read_job(g, caller, id, &status, err)
                                      : status_read_batch(g, caller, id, &status, err);
    if (rc == -1 || !status.json) return rc;
    const int made = answer_make(&status, out, err);
    json_decref(status.json);
    return made;
}

int answers_get(struct gateway *g, const struct caller *caller, enum answer_kind kind, const char *id,
                struct answer *out, struct err *err)
{
    struct reading r = {.what = {.kind = kind}};
    *out = (struct answer){0};
    if (!id_valid(id)) return 0;
    snprintf(r.what.id, sizeof r.what.id, "%s", id);
    memcpy(r.what.owner, caller->owner, sizeof r.what.owner);
    if (find(g->answers, &r, out)) {
        metric_add(&reads, "memory", 1);
        return 1;
    }
    metric_add(&reads, "redis", 1);
    const int rc = read_now(g, caller, kind, id, out, err);
    end(g->answers, &r, rc == 1 ? out : NULL);
    return rc;
}
