#include "gateway/lobby.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>
#include "gateway/server.h"
#include "lib/auto.h"
#include "lib/clock.h"
#include "lib/metrics.h"

#define TURN_BYTES (16 * BODY_PIECE) /* of one body, before the others have their turn */
#define LINGER_MS  2000
#define MOST       1000 /* at once: each is a descriptor and some 20 KiB */
#define RETRY_S    5
#define LOOK_S     1 /* how often those are looked for who have been silent for too long */

static struct metric waiting_now = METRIC_GAUGE("sheaf_http_bodies_waiting", "requests whose bodies are waited for without a thread");

struct guest {
    struct request *rq; /* NULL: it was answered; what still comes is thrown away */
    const struct body_taker *taker;
    void *user;
    int fd;
    int64_t due_ms; /* silent for too long then, clock_ms(); INT64_MAX while a thread is at it */
    struct guest *prev, *next;
};

struct lobby {
    int64_t idle_ms;
    int epoll_fd, stop_fd, timer_fd;
    int seats, most;

    pthread_mutex_t lock; /* of all below, and of the guests' due_ms */
    int n_threads, n_idle, n_guests, taken; /* taken: of the seats */
    bool stopping;
    struct guest *first;
    pthread_t *threads; /* most of them, the first n_threads started */
};

/* --- one guest --- */

/* Nothing more is asked of the request. */
static void let_go(struct guest *g)
{
    if (!g->rq) return;
    g->taker->destroy(g->user);
    server_release(g->rq);
    g->rq = NULL;
    metric_add(&waiting_now, NULL, -1);
}

/* Its connection ends, but what is still sent is read over for a moment: the answer would be lost to a reset. */
static void answered(struct guest *g)
{
    let_go(g);
    (void)shutdown(g->fd, SHUT_WR);
}

static void take(struct guest *g, const char *piece, size_t len)
{
    if (!g->rq) return;
    g->rq->body_read += (int64_t)len;
    if (body_give(g->rq, g->taker, g->user, piece, len)) answered(g);
}

static void broke_off(struct guest *g)
{
    if (!g->rq) return;
    g->rq->body_ended = g->rq->body_broken = true;
    g->taker->end(g->user, g->rq, false);
    let_go(g);
}

static size_t wanted(const struct guest *g)
{
    const int64_t left = g->rq ? g->rq->body_len - g->rq->body_read : BODY_PIECE;
    return left < BODY_PIECE ? (size_t)left : BODY_PIECE;
}

/* Takes what has come.  False: nothing more will come. */
static bool turn(struct guest *g, char *piece)
{
    for (size_t got = 0; got < TURN_BYTES;) {
        const ssize_t n = recv(g->fd, piece, wanted(g), MSG_DONTWAIT);
        if (n == -1 && errno == EINTR) continue;
        if (n == -1 && errno == EAGAIN) break;
        if (n <= 0) {
            broke_off(g);
            return false;
        }
        take(g, piece, (size_t)n);
        got += (size_t)n;
    }
    return true;
}

/* --- all of them --- */

static int watch(struct lobby *l, int op, int fd, void *what)
{
    struct epoll_event e = {.events = EPOLLIN | EPOLLRDHUP | EPOLLONESHOT, .data.ptr = what};
    return epoll_ctl(l->epoll_fd, op, fd, &e);
}

static void tick(struct lobby *l, bool on)
{
    const struct itimerspec every = {{on ? LOOK_S : 0, 0}, {on ? LOOK_S : 0, 0}};
    (void)timerfd_settime(l->timer_fd, 0, &every, NULL);
}

/* Under the lock. */
static void unlink_guest(struct lobby *l, struct guest *g)
{
    if (g->prev) g->prev->next = g->next;
    if (g->next) g->next->prev = g->prev;
    if (l->first == g) l->first = g->next;
    l->n_guests--;
    if (!l->first) tick(l, false);
}

static void show_out(struct lobby *l, struct guest *g)
{
    pthread_mutex_lock(&l->lock);
    unlink_guest(l, g);
    pthread_mutex_unlock(&l->lock);
    let_go(g);
    close(g->fd);
    free(g);
}

static void *loop(void *user);

/* Under the lock: is there somebody to serve them?  A thread more when all are at work. */
static bool staffed(struct lobby *l)
{
    const bool more = l->n_idle == 0 && l->n_threads < l->most && !l->stopping;
    if (more && pthread_create(&l->threads[l->n_threads], NULL, loop, l) == 0) l->n_threads++;
    return l->n_threads > 0;
}

static void serve_guest(struct lobby *l, struct guest *g)
{
    AUTO_FREE char *piece = malloc(BODY_PIECE); /* for this turn: threads that wait hold none */
    const bool had_request = g->rq;
    pthread_mutex_lock(&l->lock);
    const int64_t was_due_ms = g->due_ms;
    g->due_ms = INT64_MAX;
    (void)staffed(l);
    pthread_mutex_unlock(&l->lock);
    if (!piece || !turn(g, piece)) {
        show_out(l, g);
        return;
    }
    pthread_mutex_lock(&l->lock);
    /* Who was answered has one moment, however much he goes on to send. */
    g->due_ms = g->rq ? clock_ms() + l->idle_ms : had_request ? clock_ms() + LINGER_MS : was_due_ms;
    const bool watched = watch(l, EPOLL_CTL_MOD, g->fd, g) == 0; /* from here on it may be another thread's */
    pthread_mutex_unlock(&l->lock);
    if (!watched) show_out(l, g);
}

/* The socket of who was silent for too long is ended, which wakes whoever takes its turn next: there is one way to break off. */
static void end_the_silent(struct lobby *l)
{
    uint64_t count;
    const int64_t now_ms = clock_ms();
    (void)!read(l->timer_fd, &count, sizeof count);
    pthread_mutex_lock(&l->lock);
    for (struct guest *g = l->first; g; g = g->next) {
        if (g->due_ms > now_ms) continue;
        g->due_ms = INT64_MAX;
        (void)shutdown(g->fd, SHUT_RD);
    }
    pthread_mutex_unlock(&l->lock);
    (void)watch(l, EPOLL_CTL_MOD, l->timer_fd, &l->timer_fd);
}

/* True: it is to stop. */
static bool wait_for_one(struct lobby *l, struct epoll_event *e)
{
    int n;
    pthread_mutex_lock(&l->lock);
    l->n_idle++;
    pthread_mutex_unlock(&l->lock);
    do n = epoll_wait(l->epoll_fd, e, 1, -1);
    while (n == -1 && errno == EINTR);
    pthread_mutex_lock(&l->lock);
    l->n_idle--;
    const bool stopping = l->stopping;
    pthread_mutex_unlock(&l->lock);
    return n != 1 || stopping;
}

static void *loop(void *user)
{
    struct lobby *l = user;
    struct epoll_event e;
    while (!wait_for_one(l, &e)) {
        if (e.data.ptr == &l->timer_fd)
            end_the_silent(l);
        else
            serve_guest(l, e.data.ptr);
    }
    return NULL;
}

/* --- coming in --- */

/* Under the lock. */
static bool admit(struct lobby *l, struct guest *g)
{
    if (l->stopping || !staffed(l)) return false;
    if (!l->first) tick(l, true);
    g->next = l->first;
    if (l->first) l->first->prev = g;
    l->first = g;
    l->n_guests++;
    if (watch(l, EPOLL_CTL_ADD, g->fd, g) == 0) return true;
    unlink_guest(l, g);
    return false;
}

/* taker NULL: it was answered already. */
static void enter(struct lobby *l, struct request *rq, const struct body_taker *taker, void *user)
{
    struct guest *g = calloc(1, sizeof *g);
    if (!g) {
        if (taker) taker->destroy(user);
        close(rq->fd);
        return;
    }
    *g = (struct guest){.fd = rq->fd, .due_ms = clock_ms() + (taker ? l->idle_ms : LINGER_MS)};
    if (taker) {
        g->rq = rq;
        g->taker = taker;
        g->user = user;
        server_hold(rq);
        metric_add(&waiting_now, NULL, 1);
    }
    pthread_mutex_lock(&l->lock);
    const bool in = admit(l, g);
    pthread_mutex_unlock(&l->lock);
    if (in) return;
    let_go(g);
    close(g->fd);
    free(g);
}

/* What was read ahead with the head is taken here, the rest is waited for. */
static void wait_for_it(struct lobby *l, struct request *rq, const struct body_taker *taker, void *user, char *piece)
{
    int n;
    bool done = false;
    while (!done && (n = http_read_ahead(rq, piece, BODY_PIECE)) > 0) done = body_give(rq, taker, user, piece, (size_t)n);
    if (done) taker->destroy(user);
    if (done) (void)shutdown(rq->fd, SHUT_WR);
    enter(l, rq, done ? NULL : taker, user);
}

enum place { SEAT, LOBBY, NOWHERE };

static enum place find_place(struct lobby *l)
{
    pthread_mutex_lock(&l->lock);
    const enum place place = l->taken < l->seats ? SEAT : l->n_guests < MOST ? LOBBY : NOWHERE;
    if (place == SEAT) l->taken++;
    pthread_mutex_unlock(&l->lock);
    return place;
}

static void leave_seat(struct lobby *l)
{
    pthread_mutex_lock(&l->lock);
    l->taken--;
    pthread_mutex_unlock(&l->lock);
}

void lobby_take(struct lobby *l, struct request *rq, const struct body_taker *taker, void *user)
{
    AUTO_FREE char *piece = malloc(BODY_PIECE);
    const enum place place = piece ? find_place(l) : NOWHERE;
    if (!piece) {
        http_error_retry(rq, 503, 2, "unavailable", "Out of memory.");
    } else if (place == NOWHERE) {
        http_error_retry(rq, 503, RETRY_S, "unavailable", "Too many uploads are under way. Please try again.");
    } else if (place == LOBBY && rq->body_len > 0 && http_take_over(rq) == 0) {
        wait_for_it(l, rq, taker, user, piece);
        return;
    } else {
        body_take_here(rq, taker, user, piece);
    }
    taker->destroy(user);
    if (place == SEAT) leave_seat(l);
}

/* --- life --- */

struct lobby *lobby_new(int seats, int most, int64_t idle_ms, struct err *err)
{
    struct lobby *l = calloc(1, sizeof *l);
    struct epoll_event stop = {.events = EPOLLIN};
    if (l) l->threads = calloc((size_t)most, sizeof *l->threads);
    if (!l || !l->threads) {
        free(l);
        err_set(err, ERR_NOMEM, "out of memory");
        return NULL;
    }
    l->idle_ms = idle_ms;
    l->most = most;
    l->seats = seats;
    pthread_mutex_init(&l->lock, NULL);
    l->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    l->stop_fd = eventfd(0, EFD_CLOEXEC);
    l->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    if (l->epoll_fd != -1 && l->stop_fd != -1 && l->timer_fd != -1 && epoll_ctl(l->epoll_fd, EPOLL_CTL_ADD, l->stop_fd, &stop) == 0 &&
        watch(l, EPOLL_CTL_ADD, l->timer_fd, &l->timer_fd) == 0)
        return l;
    err_sys(err, ERR_UNAVAILABLE, errno, "cannot wait for bodies");
    lobby_destroy(&l);
    return NULL;
}

void lobby_destroy(struct lobby **lobby)
{
    struct lobby *l = *lobby;
    const uint64_t one = 1;
    if (!l) return;
    pthread_mutex_lock(&l->lock);
    l->stopping = true;
    pthread_mutex_unlock(&l->lock);
    if (l->stop_fd != -1) (void)!write(l->stop_fd, &one, sizeof one); /* it stays readable: all threads see it */
    for (int i = 0; i < l->n_threads; i++) pthread_join(l->threads[i], NULL);
    while (l->first) show_out(l, l->first);
    if (l->epoll_fd != -1) close(l->epoll_fd);
    if (l->stop_fd != -1) close(l->stop_fd);
    if (l->timer_fd != -1) close(l->timer_fd);
    pthread_mutex_destroy(&l->lock);
    free(l->threads);
    free(l);
    *lobby = NULL;
}
