#define _GNU_SOURCE /* accept4 */
#include "lib/health.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netdb.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <netinet/in.h>
#include <unistd.h>

#include "lib/buf.h"
#include "lib/clock.h"
#include "lib/metrics.h"

#define MAX_CONNECTIONS 16
#define MAX_REQUEST     4096
#define CONNECTION_MS   5000
#define THREAD_STACK    (128 * 1024)

/* One connection carries one request: read until the blank line, answer, close. */
struct connection {
    int fd; /* -1: this place is free */
    int64_t deadline_ms;
    size_t got;
    struct buf answer; /* empty while the request is read */
    size_t sent;
    char request[MAX_REQUEST + 1];
};

struct health {
    pthread_t thread;
    int listener, stop_event, port;
    int64_t stall_ms;
    _Atomic int64_t beat_ms;
    pthread_mutex_t lock; /* guards why_not */
    char why_not[200];    /* empty: ready */
    struct connection
        *connections[MAX_CONNECTIONS]; /* made when first needed: most services see one prober */
};

static void answer_with(struct buf *out, int status, const char *reason, const char *type, const char *body)
{
    buf_printf(out,
               "HTTP/1.1 %d %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\nCache-Control: no-store\r\n"
               "Connection: close\r\n\r\n%s",
               status, reason, type, strlen(body), body);
}

static void answer_text(struct buf *out, int status, const char *reason, const char *body)
{
    answer_with(out, status, reason, "text/plain; charset=utf-8", body);
}

static void answer_livez(struct health *h, struct buf *out)
{
    int64_t still_ms = clock_ms() - atomic_load(&h->beat_ms);
    char text[80];
    (void)snprintf(text, sizeof text, "the loop has not turned over for %lld ms\n", (long long)still_ms);
    if (still_ms > h->stall_ms)
        answer_text(out, 503, "Service Unavailable", text);
    else
        answer_text(out, 200, "OK", "ok\n");
}

static void answer_readyz(struct health *h, struct buf *out)
{
    char text[sizeof h->why_not + 1];
    pthread_mutex_lock(&h->lock);
    (void)snprintf(text, sizeof text, "%s\n", h->why_not);
    pthread_mutex_unlock(&h->lock);
    if (text[0] == '\n')
        answer_text(out, 200, "OK", "ok\n");
    else
        answer_text(out, 503, "Service Unavailable", text);
}

static void answer_metrics(struct buf *out)
{
    struct buf text = BUF_INIT;
    metrics_render(&text);
    if (text.bad)
        answer_text(out, 500, "Internal Server Error", "no memory\n");
    else
        answer_with(out, 200, "OK", "text/plain; version=0.0.4; charset=utf-8", text.data);
    buf_done(&text);
}

static bool path_is(const char *path, const char *want)
{
    size_t n = strlen(want);
    return strncmp(path, want, n) == 0 && (path[n] == ' ' || path[n] == '?');
}

static void answer_request(struct health *h, const char *request, struct buf *out)
{
    const char *path = request + 4;
    if (strncmp(request, "GET ", 4) != 0)
        answer_text(out, 405, "Method Not Allowed", "only GET\n");
    else if (path_is(path, "/livez"))
        answer_livez(h, out);
    else if (path_is(path, "/readyz"))
        answer_readyz(h, out);
    else if (path_is(path, "/metrics"))
        answer_metrics(out);
    else
        answer_text(out, 404, "Not Found", "here are /livez /readyz /metrics\n");
}

static void connection_close(struct connection *c)
{
    if (c->fd >= 0) close(c->fd);
    c->fd = -1;
    buf_done(&c->answer);
}

/* Takes the new connection into a free place; without one it is closed at once. */
static void take_connection(struct health *h)
{
    int fd = accept4(h->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd == -1) {
        /* Out of descriptors, the caller still waits there and poll would report it at once, again and again.
         */
        if (errno == EMFILE || errno == ENFILE) (void)poll(NULL, 0, 100);
        return;
    }
    for (int i = 0; i < MAX_CONNECTIONS; i++) {
        struct connection *c = h->connections[i];
        if (c && c->fd >= 0) continue;
        if (!c && !(c = h->connections[i] = calloc(1, sizeof *c))) break;
        c->fd = fd;
        c->got = c->sent = 0;
        c->deadline_ms = clock_ms() + CONNECTION_MS;
        return;
    }
    close(fd);
}

static void connection_read(struct health *h, struct connection *c)
{
    ssize_t n = recv(c->fd, c->request + c->got, MAX_REQUEST - c->got, 0);
    if (n == -1 && (errno == EAGAIN || errno == EINTR)) return;
    if (n <= 0) {
        connection_close(c);
        return;
    }
    c->got += (size_t)n;
    c->request[c->got] = '\0';
    if (strstr(c->request, "\r\n\r\n") || strstr(c->request, "\n\n"))
        answer_request(h, c->request, &c->answer);
    else if (c->got == MAX_REQUEST)
        answer_text(&c->answer, 431, "Request Header Fields Too Large", "too long\n");
    if (c->answer.bad) connection_close(c);
}

static void connection_write(struct connection *c)
{
    ssize_t n = send(c->fd, c->answer.data + c->sent, c->answer.len - c->sent, MSG_NOSIGNAL);
    if (n == -1 && (errno == EAGAIN || errno == EINTR)) return;
    if (n >= 0) c->sent += (size_t)n;
    if (n == -1 || c->sent == c->answer.len) connection_close(c);
}

static void connection_turn(struct health *h, struct connection *c, short revents)
{
    if (revents && c->answer.len == 0) connection_read(h, c);
    /* The answer nearly always fits the socket, so it is tried in the same turn. */
    if (c->fd >= 0 && c->answer.len > 0) connection_write(c);
    if (c->fd >= 0 && clock_ms() >= c->deadline_ms) connection_close(c);
}

/* One entry a place, after the two fixed ones; a negative descriptor is passed over by poll. */
static int fill_poll(const struct health *h, struct pollfd *fds)
{
    int64_t next_ms = INT64_MAX;
    fds[0] = (struct pollfd){.fd = h->stop_event, .events = POLLIN};
    fds[1] = (struct pollfd){.fd = h->listener, .events = POLLIN};
    for (int i = 0; i < MAX_CONNECTIONS; i++) {
        const struct connection *c = h->connections[i];
        bool open = c && c->fd >= 0;
        fds[2 + i] =
            (struct pollfd){.fd = open ? c->fd : -1, .events = open && c->answer.len ? POLLOUT : POLLIN};
        if (open && c->deadline_ms < next_ms) next_ms = c->deadline_ms;
    }
    if (next_ms == INT64_MAX) return -1;
    int64_t wait_ms = next_ms - clock_ms();
    return wait_ms < 0 ? 0 : wait_ms > CONNECTION_MS ? CONNECTION_MS : (int)wait_ms;
}

static void *health_loop(void *arg)
{
    struct health *h = arg;
    struct pollfd fds[2 + MAX_CONNECTIONS];
    for (;;) {
        int wait_ms = fill_poll(h, fds);
        if (poll(fds, 2 + MAX_CONNECTIONS, wait_ms) == -1 && errno != EINTR) break;
        if (fds[0].revents) break;
        for (int i = 0; i < MAX_CONNECTIONS; i++) {
            if (fds[2 + i].fd >= 0) connection_turn(h, h->connections[i], fds[2 + i].revents);
        }
        if (fds[1].revents) take_connection(h);
    }
    return NULL;
}

static int listen_on(const char *address, int port, struct err *err)
{
    char service[12];
    /* IPv4 as all of Sheaf's HTTP is: of a name with two kinds of addresses ("localhost"), both are to take the same one. */
    struct addrinfo hints = {.ai_family = AF_INET, .ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV}, *found;
    (void)snprintf(service, sizeof service, "%d", port);
    int rc = getaddrinfo(address, service, &hints, &found);
    if (rc != 0) return err_set(err, ERR_CONFIG, "address %.60s: %s", address, gai_strerror(rc));

    int one = 1, fd = socket(found->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd >= 0) (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (fd == -1 || bind(fd, found->ai_addr, found->ai_addrlen) == -1 || listen(fd, MAX_CONNECTIONS) == -1) {
        (void)err_sys(err, ERR_UNAVAILABLE, errno, "admin port %.60s:%d", address, port);
        if (fd >= 0) close(fd);
        fd = -1;
    }
    freeaddrinfo(found);
    return fd;
}

static int bound_port(int fd)
{
    struct sockaddr_in a;
    socklen_t len = sizeof a;
    return getsockname(fd, (struct sockaddr *)&a, &len) == -1 ? 0 : ntohs(a.sin_port);
}

/* Signals are for the service's own loop, so this thread starts with all of them blocked. */
static int start_thread(struct health *h)
{
    pthread_attr_t attr;
    sigset_t all, before;
    int rc = pthread_attr_init(&attr);
    if (rc != 0) return rc;
    (void)pthread_attr_setstacksize(&attr, THREAD_STACK);
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    rc = pthread_create(&h->thread, &attr, health_loop, h);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    (void)pthread_attr_destroy(&attr);
    return rc;
}

static void health_free(struct health *h)
{
    for (int i = 0; i < MAX_CONNECTIONS; i++) {
        if (h->connections[i]) connection_close(h->connections[i]);
        free(h->connections[i]);
    }
    if (h->listener >= 0) close(h->listener);
    if (h->stop_event >= 0) close(h->stop_event);
    (void)pthread_mutex_destroy(&h->lock);
    free(h);
}

health_t *health_start(const char *address, int port, int64_t stall_ms, struct err *err)
{
    struct health *h = calloc(1, sizeof *h);
    if (!h) {
        (void)err_set(err, ERR_NOMEM, "admin port: no memory");
        return NULL;
    }
    (void)pthread_mutex_init(&h->lock, NULL);
    (void)snprintf(h->why_not, sizeof h->why_not, "starting");
    h->stall_ms = stall_ms;
    atomic_store(&h->beat_ms, clock_ms());
    h->listener = listen_on(address, port, err);
    h->stop_event = eventfd(0, EFD_CLOEXEC);
    if (h->listener == -1) {
        health_free(h);
        return NULL;
    }
    h->port = bound_port(h->listener);
    int rc = h->stop_event == -1 ? errno : start_thread(h);
    if (rc != 0) {
        (void)err_sys(err, ERR_UNAVAILABLE, rc, "admin port: thread");
        health_free(h);
        return NULL;
    }
    return h;
}

int health_port(const health_t *h)
{
    return h->port;
}

void health_beat(health_t *h)
{
    atomic_store(&h->beat_ms, clock_ms());
}

void health_ready(health_t *h, const char *why_not)
{
    pthread_mutex_lock(&h->lock);
    (void)snprintf(h->why_not, sizeof h->why_not, "%s", why_not ? why_not : "");
    pthread_mutex_unlock(&h->lock);
}

void health_stop(health_t **h)
{
    if (!*h) return;
    (void)eventfd_write((*h)->stop_event, 1);
    (void)pthread_join((*h)->thread, NULL);
    health_free(*h);
    *h = NULL;
}
