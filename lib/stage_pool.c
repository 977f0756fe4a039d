/* Where a service's CPU goes that does nothing with its tasks (perf, as in dispatcher/dispatch.c): two fifths to the kernel, to wake a thread, the loop
 * and libzmq; a quarter to reading the body, and in all a seventh to malloc and free.  Two thirds of that are jansson's, a value at a time: a work
 * function wants its body as JSON.  The task, what is held of it and the message make the rest, 1 of 100 each.  A real stage's work is thousands
 * of times all of it, so nothing here is pooled. */
#include "lib/stage_pool.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/auto.h"
#include "lib/buf.h"
#include "lib/clock.h"
#include "lib/fault.h"

#define BEAT_MS 200

struct queue {
    struct stage_inner *first, **end;
};

/* The threads of one task type, and what they are given. */
struct crew {
    struct stage_pool *pool;
    const struct stage_type *type;
    pthread_mutex_t lock; /* guards waiting, stop */
    pthread_cond_t more;
    struct queue waiting;
    bool stop;
};

struct stage_pool {
    const struct stage_service *service;
    void *shared;
    const struct settings *settings;
    blob_store_t *blobs;
    int event_fd;
    struct crew crews[STAGE_TYPES_MAX];
    pthread_t *threads;
    int n_threads;

    pthread_mutex_t lock; /* guards all below */
    pthread_cond_t changed;
    struct queue finished;
    int opened, failed, ended;
    struct err failure;
};

static void queue_init(struct queue *q)
{
    q->first = NULL;
    q->end = &q->first;
}

static void queue_push(struct queue *q, struct stage_inner *work)
{
    work->next = NULL;
    *q->end = work;
    q->end = &work->next;
}

static struct stage_inner *queue_pop(struct queue *q)
{
    struct stage_inner *work = q->first;
    if (!work) return NULL;
    q->first = work->next;
    if (!q->first) q->end = &q->first;
    return work;
}

static struct stage_inner *queue_take_all(struct queue *q)
{
    struct stage_inner *all = q->first;
    queue_init(q);
    return all;
}

struct stage_inner *stage_inner_new(const struct wire_header *task, int type, const char *body,
                                    size_t body_len)
{
    struct stage_inner *work = calloc(1, sizeof(*work) + body_len + 1);
    if (!work) return NULL;
    memcpy(work->body, body, body_len);
    work->body_len = body_len;
    work->task = *task;
    work->type = type;
    return work;
}

void stage_inner_free(struct stage_inner *work)
{
    if (!work) return;
    free(work->answer);
    free(work);
}

char *stage_answer_of_err(const struct err *err, size_t *len)
{
    AUTO(buf_done) struct buf b = BUF_INIT;
    buf_puts(&b, "{\"code\":");
    buf_json_string(&b, err->code);
    buf_puts(&b, ",\"text\":");
    buf_json_string(&b, err->text);
    buf_printf(&b, ",\"after_ms\":%lld}", (long long)err->retry_after_ms);
    return buf_take(&b, len);
}

static enum wire_outcome outcome_of(enum err_kind kind)
{
    switch (kind) {
    case ERR_INPUT:
    case ERR_LIMIT:
    case ERR_CONFIG:
        return OUTCOME_REFUSED;
    case ERR_THROTTLED:
        return OUTCOME_THROTTLED;
    default:
        return OUTCOME_RETRY;
    }
}

static void answer_failure(struct stage_inner *work, enum wire_outcome outcome)
{
    work->outcome = (uint8_t)outcome;
    work->answer = stage_answer_of_err(&work->err, &work->answer_len);
    /* Without memory for a text the outcome alone says enough: no body means {}. */
    if (!work->answer) work->answer_len = 0;
}

/* A stage's own result, put into text; what breaks the contract is the stage's bug, and would be so again. */
static void answer_done(struct stage_inner *work, const json_t *result)
{
    char *text = result ? json_dumps(result, JSON_COMPACT) : strdup("{}");
    size_t len = text ? strlen(text) : 0;
    if (text && len <= STAGE_RESULT_MAX && (!result || json_is_object(result))) {
        work->outcome = OUTCOME_DONE;
        work->answer = text;
        work->answer_len = len;
        return;
    }
    free(text);
    if (!text && (!result || json_is_object(result))) {
        err_set(&work->err, ERR_NOMEM, "the result's text");
        answer_failure(work, OUTCOME_RETRY);
        return;
    }
    err_set(&work->err, ERR_BUG,
            "the stage's result has %zu bytes or is not an object; at most %d are allowed", len,
            STAGE_RESULT_MAX);
    answer_failure(work, OUTCOME_REFUSED);
}

static void answer_error(struct stage_inner *work)
{
    if (work->err.kind == ERR_CANCELLED) {
        if (atomic_load(&work->cancelled)) return; /* nobody asked any more: nothing is said */
        /* stage_cancelled() is true past the deadline as well, and then somebody does wait. */
        err_code(&work->err, ERR_TIMEOUT, "timeout", "the time for this step was up");
    }
    answer_failure(work, outcome_of(work->err.kind));
}

static void fill_task(const struct crew *crew, struct stage_inner *work, const json_t *body,
                      struct stage_task *task)
{
    *task = (struct stage_task){.index = work->task.index,
                                .token = work->task.token,
                                .deadline_ms = work->deadline_ms,
                                .body = body,
                                .blobs = crew->pool->blobs,
                                .settings = crew->pool->settings,
                                .inner = work};
    memcpy(task->type, work->task.type, WIRE_TYPE);
    id_from_bytes(work->task.job, task->job);
    token_format(&task->token, task->token_text);
}

static void do_work(struct crew *crew, void *thread, struct stage_inner *work)
{
    int64_t began_ms = clock_ms();
    if (atomic_load(&work->cancelled)) return;
    if (began_ms >= work->deadline_ms) {
        err_code(&work->err, ERR_TIMEOUT, "timeout", "the time for this step was up before it began");
        answer_failure(work, OUTCOME_RETRY);
        return;
    }
    const char *text = work->body_len ? work->body : "{}";
    json_t *body = json_loadb(text, strlen(text), 0, NULL);
    if (!json_is_object(body) || strlen(text) < work->body_len) {
        json_decref(body);
        err_code(&work->err, ERR_INPUT, "bad_task", "the task's body is not a JSON object");
        answer_failure(work, OUTCOME_REFUSED);
        return;
    }
    struct stage_task task;
    json_t *result = NULL;
    fill_task(crew, work, body, &task);
    atomic_store(&work->begun, true);
    FAULT(work_begun);
    if (crew->type->work(thread, &task, &result, &work->err) == 0) {
        answer_done(work, result);
        json_decref(result);
    } else {
        answer_error(work);
    }
    json_decref(body);
    work->took_ms = clock_ms() - began_ms;
}

static struct stage_inner *next_work(struct crew *crew)
{
    pthread_mutex_lock(&crew->lock);
    while (!crew->waiting.first && !crew->stop) pthread_cond_wait(&crew->more, &crew->lock);
    struct stage_inner *work = crew->stop ? NULL : queue_pop(&crew->waiting);
    pthread_mutex_unlock(&crew->lock);
    return work;
}

static void wake_loop(int event_fd)
{
    uint64_t one = 1;
    /* Full means that the loop has not read earlier ones: it will wake all the same. */
    (void)!write(event_fd, &one, sizeof(one));
}

static void hand_in(struct stage_pool *pool, struct stage_inner *work)
{
    pthread_mutex_lock(&pool->lock);
    bool first = !pool->finished.first;
    queue_push(&pool->finished, work);
    pthread_mutex_unlock(&pool->lock);
    /* The loop takes all there is, so only the first of a batch needs to wake it. */
    if (first) wake_loop(pool->event_fd);
}

static int open_thread(struct crew *crew, void **thread)
{
    struct stage_pool *pool = crew->pool;
    struct err err = {0};
    int rc =
        pool->service->thread_open ? pool->service->thread_open(pool->shared, crew->type, thread, &err) : 0;
    pthread_mutex_lock(&pool->lock);
    pool->opened++;
    if (rc == -1 && pool->failed++ == 0) pool->failure = err;
    pthread_cond_signal(&pool->changed);
    pthread_mutex_unlock(&pool->lock);
    return rc;
}

static void *thread_main(void *arg)
{
    struct crew *crew = arg;
    struct stage_pool *pool = crew->pool;
    void *thread = NULL;
    if (open_thread(crew, &thread) == 0) {
        for (struct stage_inner *work; (work = next_work(crew));) {
            do_work(crew, thread, work);
            FAULT(work_done);
            hand_in(pool, work);
        }
    }
    if (thread && pool->service->thread_close) pool->service->thread_close(thread);
    pthread_mutex_lock(&pool->lock);
    pool->ended++;
    pthread_cond_signal(&pool->changed);
    pthread_mutex_unlock(&pool->lock);
    return NULL;
}

static void init_locks(struct stage_pool *pool)
{
    pthread_mutex_init(&pool->lock, NULL);
    clock_cond_init(&pool->changed);
    for (int i = 0; i < pool->service->n_types; i++) {
        struct crew *crew = &pool->crews[i];
        crew->pool = pool;
        crew->type = &pool->service->types[i];
        queue_init(&crew->waiting);
        pthread_mutex_init(&crew->lock, NULL);
        pthread_cond_init(&crew->more, NULL);
    }
    queue_init(&pool->finished);
}

static int start_threads(struct stage_pool *pool, struct err *err)
{
    for (int i = 0; i < pool->service->n_types; i++) {
        for (int k = 0; k < pool->service->types[i].threads; k++) {
            int sys = pthread_create(&pool->threads[pool->n_threads], NULL, thread_main, &pool->crews[i]);
            if (sys) return err_sys(err, ERR_UNAVAILABLE, sys, "a work thread");
            pool->n_threads++;
        }
    }
    return 0;
}

static int wait_until_open(struct stage_pool *pool, void (*beat)(void *), void *beat_arg, struct err *err)
{
    pthread_mutex_lock(&pool->lock);
    while (pool->opened < pool->n_threads) {
        (void)clock_cond_wait(&pool->changed, &pool->lock, clock_ms() + BEAT_MS);
        if (beat) beat(beat_arg);
    }
    int rc = pool->failed ? -1 : 0;
    if (rc == -1 && err) *err = pool->failure;
    pthread_mutex_unlock(&pool->lock);
    return rc;
}

stage_pool_t *stage_pool_start(const struct stage_service *service, void *shared,
                               const struct settings *settings, blob_store_t *blobs, int event_fd,
                               void (*beat)(void *), void *beat_arg, struct err *err)
{
    int total = 0;
    for (int i = 0; i < service->n_types; i++) total += service->types[i].threads;
    stage_pool_t *pool = calloc(1, sizeof(*pool));
    if (pool) pool->threads = calloc((size_t)total + 1, sizeof(*pool->threads));
    if (!pool || !pool->threads) {
        free(pool);
        err_set(err, ERR_NOMEM, "the work threads");
        return NULL;
    }
    pool->service = service;
    pool->shared = shared;
    pool->settings = settings;
    pool->blobs = blobs;
    pool->event_fd = event_fd;
    init_locks(pool);
    if (start_threads(pool, err) == 0 && wait_until_open(pool, beat, beat_arg, err) == 0) return pool;
    (void)stage_pool_stop(&pool, INT32_MAX); /* they are opening, not working: that ends by itself */
    return NULL;
}

void stage_pool_give(stage_pool_t *pool, struct stage_inner *work)
{
    struct crew *crew = &pool->crews[work->type];
    pthread_mutex_lock(&crew->lock);
    queue_push(&crew->waiting, work);
    pthread_cond_signal(&crew->more);
    pthread_mutex_unlock(&crew->lock);
}

struct stage_inner *stage_pool_take(stage_pool_t *pool)
{
    pthread_mutex_lock(&pool->lock);
    struct stage_inner *all = queue_take_all(&pool->finished);
    pthread_mutex_unlock(&pool->lock);
    return all;
}

static void free_all(struct stage_inner *work)
{
    while (work) {
        struct stage_inner *next = work->next;
        stage_inner_free(work);
        work = next;
    }
}

static bool wait_until_ended(struct stage_pool *pool, int64_t wait_ms)
{
    int64_t until_ms = clock_ms() + wait_ms;
    pthread_mutex_lock(&pool->lock);
    while (pool->ended < pool->n_threads && clock_cond_wait(&pool->changed, &pool->lock, until_ms) == 0) {
    }
    bool all = pool->ended == pool->n_threads;
    pthread_mutex_unlock(&pool->lock);
    return all;
}

bool stage_pool_stop(stage_pool_t **poolp, int64_t wait_ms)
{
    stage_pool_t *pool = *poolp;
    *poolp = NULL;
    if (!pool) return true;
    for (int i = 0; i < pool->service->n_types; i++) {
        struct crew *crew = &pool->crews[i];
        pthread_mutex_lock(&crew->lock);
        crew->stop = true;
        pthread_cond_broadcast(&crew->more);
        pthread_mutex_unlock(&crew->lock);
    }
    if (!wait_until_ended(pool, wait_ms)) return false;
    for (int i = 0; i < pool->n_threads; i++) pthread_join(pool->threads[i], NULL);
    for (int i = 0; i < pool->service->n_types; i++) {
        free_all(pool->crews[i].waiting.first);
        pthread_cond_destroy(&pool->crews[i].more);
        pthread_mutex_destroy(&pool->crews[i].lock);
    }
    free_all(pool->finished.first);
    pthread_cond_destroy(&pool->changed);
    pthread_mutex_destroy(&pool->lock);
    free(pool->threads);
    free(pool);
    return true;
}
