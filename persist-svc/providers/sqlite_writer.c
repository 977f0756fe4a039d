#include "persist-svc/providers/sqlite_writer.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include "lib/clock.h"
#include "lib/fault.h"
#include "lib/metrics.h"

#define TURN_MAX    64 /* works in one transaction: bounds how long the first of them waits */
#define STACK_BYTES (256 * 1024)

struct call {
    sqlite_work *work;
    void *arg;
    struct err err;
    int rc;
    bool done;
    struct call *next;
};

struct sqlite_writer {
    struct db *db;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t queued, finished;
    struct call *first, **last;
    bool stopping;
    _Atomic int64_t paused_until_ms;
};

static struct metric commits =
    METRIC_COUNTER1("sheaf_records_commits_total", "transactions of the records database", "outcome");
static struct metric writes =
    METRIC_COUNTER1("sheaf_records_writes_total", "saves and changes, many to a transaction", "outcome");

static struct call *take_turn(sqlite_writer_t *w)
{
    pthread_mutex_lock(&w->lock);
    while (!w->first && !w->stopping) pthread_cond_wait(&w->queued, &w->lock);
    struct call *turn = w->first, *end = turn;
    for (int n = 1; end && end->next && n < TURN_MAX; n++) end = end->next;
    if (end) {
        w->first = end->next;
        if (!w->first) w->last = &w->first;
        end->next = NULL;
    }
    pthread_mutex_unlock(&w->lock);
    return turn;
}

static void finish_turn(sqlite_writer_t *w, struct call *turn)
{
    pthread_mutex_lock(&w->lock);
    /* A caller may return, and its call be gone, as soon as it is done: read next first. */
    for (struct call *next; turn; turn = next) {
        next = turn->next;
        metric_add(&writes, turn->rc == 0 ? "done" : "failed", 1);
        turn->done = true;
    }
    pthread_cond_broadcast(&w->finished);
    pthread_mutex_unlock(&w->lock);
}

static void fail_turn(struct call *turn, const struct err *err)
{
    for (; turn; turn = turn->next) {
        if (turn->rc == -1) continue; /* keeps its own reason */
        turn->rc = -1;
        turn->err = *err;
    }
}

/* 0: the transaction goes on, whether or not the work succeeded. -1: SQLite gave up the whole transaction. */
static int run_one(struct db *db, struct call *call, struct err *err)
{
    if (db_exec(db, "SAVEPOINT work", err) == -1) return -1;
    call->rc = call->work(db, call->arg, &call->err);
    if (call->rc == 0) return db_exec(db, "RELEASE work", err);
    if (sqlite3_get_autocommit(
            db->handle)) { /* a full disk or lack of memory rolls back everything by itself */
        *err = call->err;
        return -1;
    }
    if (db_exec(db, "ROLLBACK TO work", err) == -1) return -1;
    return db_exec(db, "RELEASE work", err);
}

static void run_turn(sqlite_writer_t *w, struct call *turn)
{
    struct db *db = w->db;
    struct err err = {0};
    int rc = db_exec(db, "BEGIN IMMEDIATE", &err);
    for (struct call *call = turn; rc == 0 && call; call = call->next) rc = run_one(db, call, &err);
    FAULT(row_written);
    if (rc == 0) rc = db_exec(db, "COMMIT", &err);
    FAULT(rows_committed);
    if (rc == -1) {
        if (!sqlite3_get_autocommit(db->handle)) (void)db_exec(db, "ROLLBACK", NULL);
        fail_turn(turn, &err);
    }
    if (err.kind == ERR_THROTTLED) w->paused_until_ms = clock_ms() + err.retry_after_ms;
    metric_add(&commits, rc == 0 ? "done" : "failed", 1);
}

static void *write_turns(void *arg)
{
    sqlite_writer_t *w = arg;
    for (struct call *turn; (turn = take_turn(w));) {
        run_turn(w, turn);
        finish_turn(w, turn);
    }
    return NULL;
}

sqlite_writer_t *sqlite_writer_start(struct db *db, struct err *err)
{
    sqlite_writer_t *w = calloc(1, sizeof *w);
    if (!w) {
        err_set(err, ERR_NOMEM, "out of memory");
        return NULL;
    }
    w->db = db;
    w->last = &w->first;
    pthread_mutex_init(&w->lock, NULL);
    pthread_cond_init(&w->queued, NULL);
    pthread_cond_init(&w->finished, NULL);
    pthread_attr_t attr;
    pthread_attr_init(&attr);
    pthread_attr_setstacksize(&attr, STACK_BYTES);
    int code = pthread_create(&w->thread, &attr, write_turns, w);
    pthread_attr_destroy(&attr);
    if (code) {
        err_sys(err, ERR_UNAVAILABLE, code, "thread that writes records");
        free(w);
        return NULL;
    }
    return w;
}

void sqlite_writer_stop(sqlite_writer_t **writer)
{
    sqlite_writer_t *w = *writer;
    if (!w) return;
    pthread_mutex_lock(&w->lock);
    w->stopping = true;
    pthread_cond_signal(&w->queued);
    pthread_mutex_unlock(&w->lock);
    pthread_join(w->thread, NULL);
    pthread_cond_destroy(&w->finished);
    pthread_cond_destroy(&w->queued);
    pthread_mutex_destroy(&w->lock);
    free(w);
    *writer = NULL;
}

int64_t sqlite_writer_paused_until_ms(sqlite_writer_t *w)
{
    return w->paused_until_ms;
}

int sqlite_writer_call(sqlite_writer_t *w, sqlite_work *work, void *arg, struct err *err)
{
    struct call call = {.work = work, .arg = arg};
    pthread_mutex_lock(&w->lock);
    *w->last = &call;
    w->last = &call.next;
    pthread_cond_signal(&w->queued);
    while (!call.done) pthread_cond_wait(&w->finished, &w->lock);
    pthread_mutex_unlock(&w->lock);
    if (call.rc == -1 && err) *err = call.err;
    return call.rc;
}
