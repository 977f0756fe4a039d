#include "gateway/events.h"

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include "lib/clock.h"
#include "lib/redis.h"

#define CHANNEL     "sheaf:events"
#define POLL_MAX_MS 1000

struct events {
    pthread_t thread;
    atomic_bool ended;
    int stop_fd;
    events_handler *handler;
    void *user;
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

static void on_message(void *user, const redis_reply_t *reply)
{
    struct events *e = user;
    const redis_reply_t *payload = redis_at(reply, 2);
    const char *line = redis_str(payload), *end = line + redis_len(payload);
    struct event event;
    if (!reply || redis_type(payload) != REDIS_STRING) return;
    while (line < end) {
        const char *stop = memchr(line, '\n', (size_t)(end - line));
        if (!stop) stop = end;
        if (events_parse(line, (size_t)(stop - line), &event)) e->handler(e->user, &event);
        line = stop + 1;
    }
}

static void *listen_loop(void *user)
{
    struct events *e = user;
    uint64_t generation = 0;
    while (!atomic_load(&e->ended)) {
        struct pollfd fds[] = {{.fd = e->stop_fd, .events = POLLIN},
                               {.fd = redis_fd(e->redis), .events = redis_events(e->redis)}};
        int64_t wait = redis_next_ms(e->redis);
        if (wait != INT64_MAX) wait -= clock_ms();
        if (wait < 0) wait = 0;
        (void)poll(fds, 2, wait > POLL_MAX_MS ? POLL_MAX_MS : (int)wait);
        redis_process(e->redis, fds[1].revents);
        if (redis_connected(e->redis) && redis_generation(e->redis) != generation) {
            generation = redis_generation(e->redis);
            e->handler(e->user, NULL);
        }
    }
    return NULL;
}

/* --- life --- */

struct events *events_start(const struct settings *s, const char *name, events_handler *handler, void *user,
                            struct err *err)
{
    const struct redis_options options = {.url = s->redis_url, .ca_file = s->redis_ca_file, .name = name};
    struct events *e = calloc(1, sizeof *e);
    if (!e) {
        err_set(err, ERR_NOMEM, "out of memory");
        return NULL;
    }
    e->handler = handler;
    e->user = user;
    e->stop_fd = eventfd(0, EFD_CLOEXEC);
    e->redis = redis_new(&options, err);
    if (e->redis) {
        redis_subscribe(e->redis, CHANNEL, on_message, e);
        if (e->stop_fd != -1 && pthread_create(&e->thread, NULL, listen_loop, e) == 0) return e;
        err_set(err, ERR_UNAVAILABLE, "cannot start the thread of events");
    }
    redis_destroy(&e->redis);
    if (e->stop_fd != -1) close(e->stop_fd);
    free(e);
    return NULL;
}

void events_destroy(struct events **events)
{
    const uint64_t one = 1;
    struct events *e = *events;
    if (!e) return;
    atomic_store(&e->ended, true);
    (void)!write(e->stop_fd, &one, sizeof one); /* at worst the thread sees it a second later */
    pthread_join(e->thread, NULL);
    redis_destroy(&e->redis);
    close(e->stop_fd);
    free(e);
    *events = NULL;
}
