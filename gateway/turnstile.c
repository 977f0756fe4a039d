#include "gateway/turnstile.h"

#include <pthread.h>
#include <stdlib.h>
#include "lib/clock.h"
#include "lib/log.h"

struct share {
    int most, taken;
    int64_t moved_ms; /* when a place of it was taken or left last */
};

struct turnstile {
    pthread_mutex_t lock; /* of all below */
    pthread_cond_t moved;
    struct share calls, documents; /* a document is a call as well */
    int unanswered; /* questions */
    int64_t answered_ms; /* when an answer came last */
    bool hangs;
};

struct turnstile *turnstile_new(int threads)
{
    struct turnstile *t = calloc(1, sizeof *t);
    if (!t) return NULL;
    t->calls.most = (3 * threads + 7) / 8;
    t->documents.most = t->calls.most > 1 ? 2 * t->calls.most / 3 : 1;
    pthread_mutex_init(&t->lock, NULL);
    clock_cond_init(&t->moved);
    return t;
}

void turnstile_destroy(struct turnstile **turnstile)
{
    struct turnstile *t = *turnstile;
    if (!t) return;
    pthread_mutex_destroy(&t->lock);
    pthread_cond_destroy(&t->moved);
    free(t);
    *turnstile = NULL;
}

static void move(struct share *s, int by)
{
    s->taken += by;
    s->moved_ms = clock_ms();
}

/* What there is no place in, or NULL. */
static const struct share *full(const struct turnstile *t, bool document)
{
    if (t->calls.taken >= t->calls.most) return &t->calls;
    return document && t->documents.taken >= t->documents.most ? &t->documents : NULL;
}

static int64_t waits_until(const struct share *s, int64_t came_ms)
{
    const int64_t still_ms = s->moved_ms + TURNSTILE_STILL_MS, line_ms = came_ms + TURNSTILE_LINE_MS;
    return still_ms < line_ms ? still_ms : line_ms;
}

int turnstile_enter(struct turnstile *t, bool document, struct err *err)
{
    const struct share *in_the_way;
    const int64_t came_ms = clock_ms();
    pthread_mutex_lock(&t->lock);
    while (!t->hangs && (in_the_way = full(t, document)) && clock_ms() < waits_until(in_the_way, came_ms))
        (void)clock_cond_wait(&t->moved, &t->lock, waits_until(in_the_way, came_ms));
    const bool hangs = t->hangs, enters = !hangs && !full(t, document);
    if (enters) move(&t->calls, 1);
    if (enters && document) move(&t->documents, 1);
    pthread_mutex_unlock(&t->lock);
    if (enters) return 0;
    return err_set(err, ERR_UNAVAILABLE, hangs ? "persist-svc does not answer" : "enough calls to persist-svc are in hand");
}

void turnstile_leave(struct turnstile *t, bool document)
{
    pthread_mutex_lock(&t->lock);
    move(&t->calls, -1);
    if (document) move(&t->documents, -1);
    pthread_cond_broadcast(&t->moved);
    pthread_mutex_unlock(&t->lock);
}

static void set_hangs(struct turnstile *t, bool hangs)
{
    if (t->hangs == hangs) return;
    t->hangs = hangs;
    if (hangs)
        log_warn("records_hang", F_INT("calls", t->calls.taken));
    else
        log_info("records_hang_ended", F_INT("calls", t->calls.taken));
    pthread_cond_broadcast(&t->moved);
}

int64_t turnstile_ask(struct turnstile *t)
{
    pthread_mutex_lock(&t->lock);
    t->unanswered++;
    pthread_mutex_unlock(&t->lock);
    return clock_ms();
}

void turnstile_heard(struct turnstile *t, int64_t asked_ms, int status)
{
    const int64_t now_ms = clock_ms();
    const bool prompt = now_ms - asked_ms < TURNSTILE_PROMPT_MS, silent = status == TURNSTILE_SILENCE;
    const bool answers = status != TURNSTILE_OUR_FAULT && (prompt || (!silent && status < 500));
    pthread_mutex_lock(&t->lock);
    t->unanswered--;
    if (answers) t->answered_ms = now_ms;
    if (answers) set_hangs(t, false);
    if (silent && !answers && t->answered_ms < asked_ms) set_hangs(t, true);
    pthread_mutex_unlock(&t->lock);
}

bool turnstile_in_doubt(struct turnstile *t)
{
    pthread_mutex_lock(&t->lock);
    const bool unheard = t->unanswered > 0 && clock_ms() - t->answered_ms >= TURNSTILE_DOUBT_MS;
    const bool doubt = t->hangs || unheard;
    pthread_mutex_unlock(&t->lock);
    return doubt;
}
