#include "gateway/events.h"

#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include "lib/clock.h"
#include "lib/log.h"
#include "lib/metrics.h"
#include "lib/redis.h"

#define CHANNEL     "sheaf:events"
#define POLL_MAX_MS 1000

static struct metric streams = METRIC_GAUGE("sheaf_event_streams", "event streams that are open");
static struct metric refused =
    METRIC_COUNTER("sheaf_event_streams_refused_total", "event streams refused: enough were open");

struct watch {
    char job[ID_TEXT], batch[ID_TEXT];
    bool changed;
    pthread_cond_t woken;
    struct watch *next;
};

struct events {
    pthread_mutex_t lock; /* of everything below but the connection */
    pthread_t thread;
    struct watch *first;
    int n, max, stop_fd;
    bool ended;
    redis_t *redis; /* the thread's */
};

/* --- the channel --- */

static bool word(const char **at, const char *end, char *out, size_t max)
{
    const char *stop = memchr(*at, ' ', (size_t)(end - *at));
    if (!stop) stop = end;
    const size_t len = (size_t)(stop - *at);
    if (len == 0 || len >= max) return false;
    memcpy(out, *at, len);
    out[len] = '\0';
    *at = stop < end ? stop + 1 : end;
    return true;
}

bool events_parse(const char *line, size_t len, struct event *event)
{
    char kind[4], seq[24];
    const char *at = line, *end = line + len;
    memset(event, 0, sizeof *event);
    if (!word(&at, end, kind, sizeof kind)) return false;
    if (strcmp(kind, "b") == 0) return word(&at, end, event->batch, sizeof event->batch);
    return strcmp(kind, "j") == 0 && word(&at, end, event->job, sizeof event->job) &&
           word(&at, end, seq, sizeof seq) && word(&at, end, event->batch, sizeof event->batch);
}

static void wake(struct watch *w)
{
    w->changed = true;
    pthread_cond_signal(&w->woken);
}

static void wake_all(struct events *e)
{
    pthread_mutex_lock(&e->lock);
    for (struct watch *w = e->first; w; w = w->next) wake(w);
    pthread_mutex_unlock(&e->lock);
}

static void tell(struct events *e, const struct event *event)
{
    for (struct watch *w = e->first; w; w = w->next) {
        const bool its_job = *w->job && strcmp(w->job, event->job) == 0;
        const bool its_batch = *w->batch && strcmp(w->batch, event->batch) == 0;
        if (its_job || its_batch) wake(w);
    }
}

static void on_message(void *user, const redis_reply_t *reply)
{
    struct events *e = user;
    const redis_reply_t *payload = redis_at(reply, 2);
    const char *line = redis_str(payload), *end = line + redis_len(payload);
    struct event event;
    if (!reply || redis_type(payload) != REDIS_STRING) return;
    pthread_mutex_lock(&e->lock);
    while (e->first && line < end) {
        const char *stop = memchr(line, '\n', (size_t)(end - line));
        if (!stop) stop = end;
        if (events_parse(line, (size_t)(stop - line), &event)) tell(e, &event);
        line = stop + 1;
    }
    pthread_mutex_unlock(&e->lock);
}

static bool has_ended(struct events *e)
{
    pthread_mutex_lock(&e->lock);
    const bool ended = e->ended;
    pthread_mutex_unlock(&e->lock);
    return ended;
}

static void *listen_loop(void *user)
{
    struct events *e = user;
    uint64_t generation = 0;
    while (!has_ended(e)) {
        struct pollfd fds[] = {{.fd = e->stop_fd, .events = POLLIN},
                               {.fd = redis_fd(e->redis), .events = redis_events(e->redis)}};
        int64_t wait = redis_next_ms(e->redis);
        if (wait != INT64_MAX) wait -= clock_ms();
        if (wait < 0) wait = 0;
        (void)poll(fds, 2, wait > POLL_MAX_MS ? POLL_MAX_MS : (int)wait);
        redis_process(e->redis, fds[1].revents);
        if (redis_connected(e->redis) && redis_generation(e->redis) != generation) {
            generation = redis_generation(e->redis);
            wake_all(e);
        }
    }
    return NULL;
}

/* --- life --- */

struct events *events_start(const struct settings *s, const char *name, int watches_max, struct err *err)
{
    const struct redis_options options = {.url = s->redis_url, .ca_file = s->redis_ca_file, .name = name};
    struct events *e = calloc(1, sizeof *e);
    if (!e) {
        err_set(err, ERR_NOMEM, "out of memory");
        return NULL;
    }
    pthread_mutex_init(&e->lock, NULL);
    e->max = watches_max > 0 ? watches_max : 1;
    e->stop_fd = eventfd(0, EFD_CLOEXEC);
    e->redis = redis_new(&options, err);
    if (e->redis) {
        redis_subscribe(e->redis, CHANNEL, on_message, e);
        if (e->stop_fd != -1 && pthread_create(&e->thread, NULL, listen_loop, e) == 0) return e;
        err_set(err, ERR_UNAVAILABLE, "cannot start the thread of events");
    }
    redis_destroy(&e->redis);
    if (e->stop_fd != -1) close(e->stop_fd);
    pthread_mutex_destroy(&e->lock);
    free(e);
    return NULL;
}

void events_end(struct events *e)
{
    const uint64_t one = 1;
    pthread_mutex_lock(&e->lock);
    e->ended = true;
    for (struct watch *w = e->first; w; w = w->next) wake(w);
    pthread_mutex_unlock(&e->lock);
    (void)!write(e->stop_fd, &one, sizeof one); /* at worst the thread sees it a second later */
}

void events_destroy(struct events **events)
{
    struct events *e = *events;
    if (!e) return;
    events_end(e);
    pthread_join(e->thread, NULL);
    redis_destroy(&e->redis);
    close(e->stop_fd);
    pthread_mutex_destroy(&e->lock);
    free(e);
    *events = NULL;
}

/* --- watches --- */

static struct watch *watch_new(const char *job, const char *batch)
{
    pthread_condattr_t attr;
    struct watch *w = calloc(1, sizeof *w);
    if (!w) return NULL;
    snprintf(w->job, sizeof w->job, "%s", job ? job : "");
    snprintf(w->batch, sizeof w->batch, "%s", batch ? batch : "");
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&w->woken, &attr);
    pthread_condattr_destroy(&attr);
    return w;
}

struct watch *events_watch(struct events *e, const char *job, const char *batch)
{
    struct watch *w = watch_new(job, batch);
    if (!w) return NULL;
    pthread_mutex_lock(&e->lock);
    const bool room = e->n < e->max && !e->ended;
    if (room) {
        w->next = e->first;
        e->first = w;
        metric_set(&streams, NULL, ++e->n);
    }
    pthread_mutex_unlock(&e->lock);
    if (room) return w;
    metric_add(&refused, NULL, 1);
    pthread_cond_destroy(&w->woken);
    free(w);
    return NULL;
}

void events_unwatch(struct events *e, struct watch **watch)
{
    struct watch *w = *watch, **at;
    if (!w) return;
    pthread_mutex_lock(&e->lock);
    for (at = &e->first; *at != w; at = &(*at)->next) continue;
    *at = w->next;
    metric_set(&streams, NULL, --e->n);
    pthread_mutex_unlock(&e->lock);
    pthread_cond_destroy(&w->woken);
    free(w);
    *watch = NULL;
}

/* False when the time is over. */
static bool sleep_until(struct events *e, struct watch *w, int64_t until_ms)
{
    const int64_t left = until_ms - clock_ms();
    struct timespec moment;
    if (left <= 0) return false;
    clock_gettime(CLOCK_MONOTONIC, &moment);
    moment.tv_sec += left / 1000;
    moment.tv_nsec += left % 1000 * 1000000;
    if (moment.tv_nsec >= 1000000000) moment.tv_sec++, moment.tv_nsec -= 1000000000;
    return pthread_cond_timedwait(&w->woken, &e->lock, &moment) == 0;
}

enum watch_news events_wait(struct events *e, struct watch *w, int64_t until_ms)
{
    pthread_mutex_lock(&e->lock);
    while (!w->changed && !e->ended && sleep_until(e, w, until_ms)) continue;
    const enum watch_news news = e->ended ? WATCH_ENDED : w->changed ? WATCH_CHANGED : WATCH_QUIET;
    w->changed = false;
    pthread_mutex_unlock(&e->lock);
    return news;
}

bool events_pause(struct events *e, struct watch *w, int64_t until_ms)
{
    pthread_mutex_lock(&e->lock);
    while (!e->ended && (sleep_until(e, w, until_ms) || clock_ms() < until_ms)) continue;
    const bool goes_on = !e->ended;
    w->changed = false; /* what gathered is read now */
    pthread_mutex_unlock(&e->lock);
    return goes_on;
}
