#include "lib/redis_inner.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include "lib/clock.h"

/* One TLS record is at most 16 KiB; a few of them make one send(2). */
#define TLS_WRITE_MAX (64 * 1024)

void redis_net_init(struct redis_net *n, const struct redis_url *url, struct ssl_ctx_st *context)
{
    *n = (struct redis_net){.state = NET_CLOSED, .fd = -1, .url = url, .context = context};
}

static void close_socket(struct redis_net *n)
{
    redis_tls_destroy(&n->tls);
    if (n->fd >= 0) close(n->fd);
    n->fd = -1;
}

void redis_net_close(struct redis_net *n)
{
    close_socket(n);
    redis_lookup_abandon(&n->lookup);
    if (n->list) freeaddrinfo(n->list);
    n->list = n->at = NULL;
    n->state = NET_CLOSED;
}

static int fail(struct redis_net *n)
{
    redis_net_close(n);
    return -1;
}

static int would_block(int e)
{
    return e == EAGAIN || e == EWOULDBLOCK || e == EINTR;
}

/* Small commands wait for answers, so Nagle's algorithm would only delay them.  Clouds' address
 * translation drops silent connections after some 350 s: keep-alive probes come before that. */
static void tune_tcp(int fd)
{
    const int on = 1, idle_s = 60, interval_s = 15, probes = 4;

    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    (void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
    (void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle_s, sizeof idle_s);
    (void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval_s, sizeof interval_s);
    (void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &probes, sizeof probes);
}

/* Begins connecting to one address: 0 when under way or done. */
static int connect_to(struct redis_net *n, int family, const struct sockaddr *address, socklen_t len,
                      struct err *err)
{
    n->fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (n->fd == -1) return err_sys(err, ERR_UNAVAILABLE, errno, "socket for Redis");
    if (family != AF_UNIX) tune_tcp(n->fd);
    n->state = NET_CONNECTING;
    if (connect(n->fd, address, len) == 0 || errno == EINPROGRESS) return 0;
    err_sys(err, ERR_UNAVAILABLE, errno, "connecting to Redis");
    close_socket(n);
    return -1;
}

static int start_unix(struct redis_net *n, struct err *err)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    if (strlen(n->url->unix_path) >= sizeof address.sun_path)
        return err_set(err, ERR_CONFIG, "the path of Redis' socket is longer than %zu bytes",
                       sizeof address.sun_path - 1);
    strcpy(address.sun_path, n->url->unix_path);
    return connect_to(n, AF_UNIX, (const struct sockaddr *)&address, sizeof address, err);
}

/* Tries addresses from n->at on until one of them is under way.  Each gets an equal share of the time
 * that is left, so that a dead first address leaves some to the second. */
static int next_address(struct redis_net *n, int64_t now_ms, struct err *err)
{
    for (; n->at; n->at = n->at->ai_next) {
        int left = 0;
        if (connect_to(n, n->at->ai_family, n->at->ai_addr, n->at->ai_addrlen, err) == -1) continue;
        for (const struct addrinfo *a = n->at; a; a = a->ai_next) left++;
        n->address_deadline_ms = now_ms + (n->deadline_ms - now_ms) / left;
        return 0;
    }
    return -1; /* err says why the last one failed */
}

/* An address written in digits needs no thread and no name server. */
static int resolve_digits(struct redis_net *n)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV};
    char port[8];

    snprintf(port, sizeof port, "%d", n->url->port);
    return getaddrinfo(n->url->host, port, &hints, &n->list) == 0 ? 0 : -1;
}

int redis_net_start(struct redis_net *n, int64_t deadline_ms, struct err *err)
{
    redis_net_close(n);
    n->deadline_ms = n->address_deadline_ms = deadline_ms;
    if (n->url->unix_path) return start_unix(n, err) == -1 ? fail(n) : 0;
    if (resolve_digits(n) == 0) {
        n->at = n->list;
        return next_address(n, clock_ms(), err) == -1 ? fail(n) : 0;
    }
    n->lookup = redis_lookup_start(n->url->host, n->url->port, err);
    if (!n->lookup) return fail(n);
    n->state = NET_RESOLVING;
    return 0;
}

static int is_ready(int fd, short events)
{
    struct pollfd p = {.fd = fd, .events = events};
    return poll(&p, 1, 0) == 1;
}

static int step_resolving(struct redis_net *n, int64_t now_ms, struct err *err)
{
    if (!is_ready(redis_lookup_fd(n->lookup), POLLIN)) {
        if (now_ms < n->deadline_ms) return 0;
        return err_set(err, ERR_TIMEOUT, "no answer from the name servers for Redis host %.80s",
                       n->url->host);
    }
    if (redis_lookup_finish(&n->lookup, &n->list, err) == -1) return -1;
    n->at = n->list;
    return next_address(n, now_ms, err);
}

/* What became of the connect(2) under way: 1 connected, 0 not yet, -1 failed. */
static int connect_result(struct redis_net *n, int64_t now_ms, struct err *err)
{
    int e = 0;
    socklen_t len = sizeof e;

    if (!is_ready(n->fd, POLLOUT)) {
        if (now_ms < n->address_deadline_ms) return 0;
        return err_set(err, ERR_TIMEOUT, "connecting to Redis takes too long");
    }
    if (getsockopt(n->fd, SOL_SOCKET, SO_ERROR, &e, &len) == -1) e = errno;
    if (e != 0) return err_sys(err, ERR_UNAVAILABLE, e, "connecting to Redis");
    return 1;
}

static int step_connecting(struct redis_net *n, int64_t now_ms, struct err *err)
{
    int rc = connect_result(n, now_ms, err);

    if (rc == 0) return 0;
    if (rc == -1) {
        close_socket(n);
        n->at = n->at ? n->at->ai_next : NULL;
        return next_address(n, now_ms, err);
    }
    if (n->url->tls && !(n->tls = redis_tls_new(n->context, n->url->host, err))) return -1;
    n->state = n->url->tls ? NET_HANDSHAKING : NET_OPEN;
    return 0;
}

/* Sends what the TLS session wants sent, as far as the socket takes it. */
static int tls_flush(struct redis_net *n, struct err *err)
{
    const char *cipher = NULL;
    size_t len;

    while ((len = redis_tls_output(n->tls, &cipher)) > 0) {
        ssize_t sent = send(n->fd, cipher, len, MSG_NOSIGNAL);
        if (sent == -1 && would_block(errno)) return 0;
        if (sent == -1) return err_sys(err, ERR_UNAVAILABLE, errno, "sending to Redis");
        redis_tls_sent(n->tls, (size_t)sent);
    }
    return 0;
}

/* Bytes of the socket: > 0, 0 nothing now, -1 broken or ended. */
static ssize_t receive(struct redis_net *n, void *data, size_t len, struct err *err)
{
    ssize_t got = recv(n->fd, data, len, 0);

    if (got > 0) return got;
    if (got == 0) return err_set(err, ERR_UNAVAILABLE, "Redis closed the connection");
    if (would_block(errno)) return 0;
    return err_sys(err, ERR_UNAVAILABLE, errno, "receiving from Redis");
}

static ssize_t tls_receive(struct redis_net *n, struct err *err)
{
    char cipher[16 * 1024];
    ssize_t got = receive(n, cipher, sizeof cipher, err);

    if (got > 0 && redis_tls_feed(n->tls, cipher, (size_t)got, err) == -1) return -1;
    return got;
}

static int step_handshaking(struct redis_net *n, int64_t now_ms, struct err *err)
{
    bool done = false;

    for (;;) {
        ssize_t got;
        int rc = redis_tls_handshake(n->tls, &done, err);
        if (rc == -1) {
            /* The alert tells the server's log why; whether it arrives changes nothing here. */
            (void)tls_flush(n, NULL);
            return -1;
        }
        if (tls_flush(n, err) == -1) return -1;
        if (done) break;
        got = tls_receive(n, err);
        if (got == -1) return -1;
        if (got == 0 && now_ms >= n->deadline_ms)
            return err_set(err, ERR_TIMEOUT, "the TLS handshake with Redis takes too long");
        if (got == 0) return 0;
    }
    n->state = NET_OPEN;
    return 0;
}

int redis_net_step(struct redis_net *n, int64_t now_ms, struct err *err)
{
    if (n->state == NET_RESOLVING && step_resolving(n, now_ms, err) == -1) return fail(n);
    if (n->state == NET_CONNECTING && step_connecting(n, now_ms, err) == -1) return fail(n);
    if (n->state == NET_HANDSHAKING && step_handshaking(n, now_ms, err) == -1) return fail(n);
    return 0;
}

int redis_net_fd(const struct redis_net *n)
{
    return n->state == NET_RESOLVING ? redis_lookup_fd(n->lookup) : n->fd;
}

short redis_net_events(const struct redis_net *n, bool want_write)
{
    const char *cipher = NULL;

    switch (n->state) {
    case NET_CLOSED:
        return 0;
    case NET_RESOLVING:
        return POLLIN;
    case NET_CONNECTING:
        return POLLOUT;
    case NET_HANDSHAKING:
        break;
    case NET_OPEN:
        break;
    }
    if (n->tls && redis_tls_output(n->tls, &cipher) > 0) want_write = true;
    return want_write ? POLLIN | POLLOUT : POLLIN;
}

int64_t redis_net_next_ms(const struct redis_net *n)
{
    if (n->state == NET_CLOSED || n->state == NET_OPEN) return INT64_MAX;
    return n->state == NET_CONNECTING ? n->address_deadline_ms : n->deadline_ms;
}

ssize_t redis_net_read(struct redis_net *n, void *data, size_t len, struct err *err)
{
    ssize_t got;

    if (!n->tls) return receive(n, data, len, err);
    for (;;) {
        got = redis_tls_read(n->tls, data, len, err);
        if (got != 0) break;
        got = tls_receive(n, err);
        if (got <= 0) break;
    }
    /* Reading may answer by itself: a key update. */
    return got >= 0 && tls_flush(n, err) == -1 ? -1 : got;
}

ssize_t redis_net_write(struct redis_net *n, const void *data, size_t len, struct err *err)
{
    const char *cipher = NULL;
    ssize_t taken;

    if (!n->tls) {
        taken = send(n->fd, data, len, MSG_NOSIGNAL);
        if (taken >= 0) return taken;
        return would_block(errno) ? 0 : err_sys(err, ERR_UNAVAILABLE, errno, "sending to Redis");
    }
    /* What is encrypted cannot be taken back, so only as much is as may wait in memory. */
    if (tls_flush(n, err) == -1) return -1;
    if (redis_tls_output(n->tls, &cipher) > 0 || len == 0) return 0;
    taken = redis_tls_write(n->tls, data, len < TLS_WRITE_MAX ? len : TLS_WRITE_MAX, err);
    if (taken > 0 && tls_flush(n, err) == -1) return -1;
    return taken;
}

int redis_net_flush(struct redis_net *n, struct err *err)
{
    return n->tls ? tls_flush(n, err) : 0;
}

bool redis_net_buffered(const struct redis_net *n)
{
    return n->tls && redis_tls_buffered(n->tls);
}
