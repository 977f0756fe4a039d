#include "cli/probe.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "lib/clock.h"

#define PROBE_MS 1000

void probe_begin(struct probe *p, const char *address, int port, const char *question, const char *wanted)
{
    struct sockaddr_in a = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    (void)inet_pton(AF_INET, address, &a.sin_addr);
    *p = (struct probe){.question = question, .wanted = wanted, .deadline_ms = clock_ms() + PROBE_MS};
    p->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (p->fd >= 0 && connect(p->fd, (struct sockaddr *)&a, sizeof a) == -1 && errno != EINPROGRESS)
        probe_cancel(p);
}

short probe_events(const struct probe *p)
{
    return p->question ? POLLOUT : POLLIN;
}

void probe_cancel(struct probe *p)
{
    if (p->fd >= 0) close(p->fd);
    p->fd = -1;
}

static enum probe_result end(struct probe *p, enum probe_result result)
{
    probe_cancel(p);
    return result;
}

static enum probe_result ask(struct probe *p)
{
    size_t len = strlen(p->question);
    /* A fresh socket takes these few bytes whole, or the connection failed. */
    if (send(p->fd, p->question, len, MSG_NOSIGNAL) != (ssize_t)len) return end(p, PROBE_NO);
    p->question = NULL;
    return PROBE_WAITING;
}

static enum probe_result listen_to(struct probe *p)
{
    ssize_t n = recv(p->fd, p->answer + p->got, sizeof p->answer - p->got, 0);
    if (n == -1 && (errno == EAGAIN || errno == EINTR)) return PROBE_WAITING;
    if (n <= 0) return end(p, PROBE_NO);
    p->got += (size_t)n;
    size_t len = strlen(p->wanted);
    if (memcmp(p->answer, p->wanted, p->got < len ? p->got : len) != 0) return end(p, PROBE_NO);
    return p->got >= len ? end(p, PROBE_YES) : PROBE_WAITING;
}

enum probe_result probe_turn(struct probe *p, short revents)
{
    if (p->fd == -1) return PROBE_NO;
    if (revents) return p->question ? ask(p) : listen_to(p);
    return clock_ms() >= p->deadline_ms ? end(p, PROBE_NO) : PROBE_WAITING;
}
