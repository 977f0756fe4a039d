#include "gateway/streams.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>
#include "lib/clock.h"
#include "lib/metrics.h"

#define TURN_EVENTS 64
#define BUCKETS     256

static struct metric open_now = METRIC_GAUGE("sheaf_event_streams", "event streams that are open");
static struct metric refused =
    METRIC_COUNTER("sheaf_event_streams_refused_total", "event streams refused: enough were open");

struct stream {
    int fd;
    struct caller caller;
    enum answer_kind kind;
    char id[ID_TEXT];
    int64_t version;           /* of what was sent last */
    int64_t next_ms, quiet_ms; /* not before, and at the latest, clock_ms() */
    bool changed, last, gone;  /* last: it ends when `out` is sent */
    struct buf out;
    size_t sent; /* of out */
    bool awaits_room; /* epoll tells when the socket takes more */
    struct stream *next, *next_of_id;
};

struct streams {
    struct gateway *gateway;
    pthread_mutex_t lock; /* of all below but the streams' own contents, which only the thread touches, but for `changed` */
    pthread_t thread;
    int epoll_fd, wake_fd, n, most;
    bool ended, told;
    struct stream *first, *bucket[BUCKETS];
};

static struct stream **bucket_of(struct streams *s, const char *id)
{
    unsigned h = 0;
    for (; *id; id++) h = h * 31 + (unsigned char)*id;
    return &s->bucket[h % BUCKETS];
}

static void wake(struct streams *s)
{
    const uint64_t one = 1;
    (void)!write(s->wake_fd, &one, sizeof one); /* full: it is awake */
}

void streams_tell(struct streams *s, const struct event *event)
{
    bool any = false;
    pthread_mutex_lock(&s->lock);
    if (!event)
        for (struct stream *x = s->first; x; x = x->next) x->changed = any = true;
    for (int k = 0; event && k < 2; k++) {
        const char *id = k ? event->batch : event->job;
        for (struct stream *x = *id ? *bucket_of(s, id) : NULL; x; x = x->next_of_id)
            if (strcmp(x->id, id) == 0) x->changed = any = true;
    }
    const bool first = any && !s->told;
    s->told |= any;
    pthread_mutex_unlock(&s->lock);
    if (first) wake(s);
}

/* --- one stream --- */

static void send_out(struct streams *s, struct stream *x)
{
    while (x->sent < x->out.len) {
        const ssize_t n = send(x->fd, x->out.data + x->sent, x->out.len - x->sent, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n == -1 && errno == EINTR) continue;
        if (n == -1 && errno != EAGAIN) x->gone = true;
        if (n <= 0) break;
        x->sent += (size_t)n;
    }
    const bool waits = !x->gone && x->sent < x->out.len;
    struct epoll_event e = {.events = EPOLLIN | EPOLLRDHUP | (waits ? EPOLLOUT : 0), .data.ptr = x};
    if (waits != x->awaits_room) (void)epoll_ctl(s->epoll_fd, EPOLL_CTL_MOD, x->fd, &e);
    x->awaits_room = waits;
    if (waits) return;
    buf_done(&x->out); /* a thousand idle streams hold no buffers */
    x->sent = 0;
    if (x->last) x->gone = true;
}

static void look_again(struct streams *s, struct stream *x)
{
    pthread_mutex_lock(&s->lock);
    x->changed = true;
    pthread_mutex_unlock(&s->lock);
}

/* Reads what it shows, if it is time, and puts it on its way. */
static void look(struct streams *s, struct stream *x, bool changed, int64_t now_ms)
{
    struct answer a;
    if (identity_left_ms(&x->caller) <= 0) {
        x->gone = true;
        return;
    }
    const int found = answers_get(s->gateway, &x->caller, x->kind, x->id, &a, NULL);
    x->next_ms = now_ms + STREAMS_GATHER_MS;
    x->quiet_ms = now_ms + STREAMS_REREAD_MS;
    if (found == 1 && a.version != x->version) {
        buf_printf(&x->out, "id: %lld\nevent: %s\ndata: ", (long long)a.version, x->kind == ANSWER_JOB ? "job" : "batch");
        buf_add(&x->out, a.text.data, a.text.len);
        buf_puts(&x->out, "\n\n");
        x->version = a.version;
    } else if (!changed) {
        buf_puts(&x->out, ": still here\n\n"); /* by which a client that vanished is noticed */
    }
    const bool more = found == 1 && a.stale;
    x->last = found == 0 || (found == 1 && a.done && !more);
    if (found == 1) answer_done(&a);
    if (more) look_again(s, x);
    if (x->out.bad) x->gone = true;
    if (!x->gone) send_out(s, x);
}

static int64_t earliest(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* What is due of one stream; answers when it must be looked at again. */
static int64_t turn_of(struct streams *s, struct stream *x, int64_t now_ms)
{
    if (x->gone || x->out.len) return INT64_MAX; /* the socket says when it goes on */
    pthread_mutex_lock(&s->lock);
    const bool changed = x->changed, due = (changed ? now_ms >= x->next_ms : now_ms >= x->quiet_ms) || identity_left_ms(&x->caller) <= 0;
    if (due) x->changed = false;
    pthread_mutex_unlock(&s->lock);
    if (due) look(s, x, changed, now_ms);
    if (x->gone) return now_ms;
    pthread_mutex_lock(&s->lock);
    const int64_t at = x->changed ? x->next_ms : earliest(x->quiet_ms, now_ms + identity_left_ms(&x->caller));
    pthread_mutex_unlock(&s->lock);
    return at;
}

static void unlink_stream(struct streams *s, struct stream *x)
{
    struct stream **at;
    for (at = &s->first; *at != x; at = &(*at)->next) continue;
    *at = x->next;
    for (at = bucket_of(s, x->id); *at != x; at = &(*at)->next_of_id) continue;
    *at = x->next_of_id;
    metric_set(&open_now, NULL, --s->n);
}

static void bury(struct streams *s, bool all)
{
    pthread_mutex_lock(&s->lock);
    for (struct stream *x = s->first, *next; x; x = next) {
        next = x->next;
        if (!all && !x->gone) continue;
        unlink_stream(s, x);
        close(x->fd);
        buf_done(&x->out);
        free(x);
    }
    pthread_mutex_unlock(&s->lock);
}

/* --- the thread --- */

static void on_socket(struct streams *s, const struct epoll_event *e)
{
    char waste[1024];
    struct stream *x = e->data.ptr;
    if (e->events & (EPOLLHUP | EPOLLERR | EPOLLRDHUP)) x->gone = true;
    /* A client has nothing to say here; what it sends all the same is thrown away. */
    if (!x->gone && (e->events & EPOLLIN) && recv(x->fd, waste, sizeof waste, MSG_DONTWAIT) == 0) x->gone = true;
    if (!x->gone && (e->events & EPOLLOUT)) send_out(s, x);
}

static void *loop(void *user)
{
    struct streams *s = user;
    int64_t next_ms = 0;
    for (;;) {
        struct epoll_event events[TURN_EVENTS];
        const int64_t left = next_ms - clock_ms();
        const int n = epoll_wait(s->epoll_fd, events, TURN_EVENTS, left < 0 ? 0 : left > STREAMS_REREAD_MS ? STREAMS_REREAD_MS : (int)left);
        uint64_t count;
        for (int i = 0; i < n; i++) {
            if (events[i].data.ptr)
                on_socket(s, &events[i]);
            else
                (void)!read(s->wake_fd, &count, sizeof count);
        }
        pthread_mutex_lock(&s->lock);
        const bool ended = s->ended;
        struct stream *first = s->first; /* others are added before it, none is taken away but here */
        s->told = false;
        pthread_mutex_unlock(&s->lock);
        if (ended) break;
        const int64_t now_ms = clock_ms();
        next_ms = now_ms + STREAMS_REREAD_MS;
        bool any_gone = false;
        for (struct stream *x = first; x; x = x->next) {
            next_ms = earliest(next_ms, turn_of(s, x, now_ms));
            any_gone |= x->gone;
        }
        if (any_gone) bury(s, false);
    }
    bury(s, true);
    return NULL;
}

/* --- life --- */

struct streams *streams_start(struct gateway *g, int most, struct err *err)
{
    struct streams *s = calloc(1, sizeof *s);
    struct epoll_event e = {.events = EPOLLIN};
    if (!s) {
        err_set(err, ERR_NOMEM, "out of memory");
        return NULL;
    }
    s->gateway = g;
    s->most = most;
    pthread_mutex_init(&s->lock, NULL);
    s->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    s->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (s->epoll_fd != -1 && s->wake_fd != -1 && epoll_ctl(s->epoll_fd, EPOLL_CTL_ADD, s->wake_fd, &e) == 0 &&
        pthread_create(&s->thread, NULL, loop, s) == 0)
        return s;
    err_sys(err, ERR_UNAVAILABLE, errno, "cannot start the thread of event streams");
    if (s->epoll_fd != -1) close(s->epoll_fd);
    if (s->wake_fd != -1) close(s->wake_fd);
    pthread_mutex_destroy(&s->lock);
    free(s);
    return NULL;
}

void streams_end(struct streams *s)
{
    pthread_mutex_lock(&s->lock);
    s->ended = true;
    pthread_mutex_unlock(&s->lock);
    wake(s);
}

void streams_destroy(struct streams **streams)
{
    struct streams *s = *streams;
    if (!s) return;
    streams_end(s);
    pthread_join(s->thread, NULL);
    bury(s, true); /* one that came in the last moment */
    close(s->epoll_fd);
    close(s->wake_fd);
    pthread_mutex_destroy(&s->lock);
    free(s);
    *streams = NULL;
}

bool streams_reserve(struct streams *s)
{
    pthread_mutex_lock(&s->lock);
    const bool room = s->n < s->most && !s->ended;
    if (room) metric_set(&open_now, NULL, ++s->n);
    pthread_mutex_unlock(&s->lock);
    if (!room) metric_add(&refused, NULL, 1);
    return room;
}

void streams_cancel(struct streams *s)
{
    pthread_mutex_lock(&s->lock);
    metric_set(&open_now, NULL, --s->n);
    pthread_mutex_unlock(&s->lock);
}

void streams_add(struct streams *s, int fd, const struct caller *caller, enum answer_kind kind,
                 const char id[ID_TEXT], int64_t version)
{
    struct stream *x = calloc(1, sizeof *x);
    struct epoll_event e = {.events = EPOLLIN | EPOLLRDHUP, .data.ptr = x};
    if (!x) {
        close(fd); /* the client comes again */
        streams_cancel(s);
        return;
    }
    *x = (struct stream){.fd = fd, .caller = *caller, .kind = kind, .version = version, .changed = true};
    snprintf(x->id, sizeof x->id, "%s", id);
    x->quiet_ms = clock_ms() + STREAMS_REREAD_MS;
    pthread_mutex_lock(&s->lock);
    x->next = s->first;
    s->first = x;
    x->next_of_id = *bucket_of(s, id);
    *bucket_of(s, id) = x;
    if (epoll_ctl(s->epoll_fd, EPOLL_CTL_ADD, fd, &e) == -1) x->gone = true;
    pthread_mutex_unlock(&s->lock);
    wake(s);
}
