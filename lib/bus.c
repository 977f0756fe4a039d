#include "lib/bus.h"

#include <czmq.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/auto.h"
#include "lib/settings.h"

/* czmq opens and names the sockets; messages go through libzmq's own calls on the handle below, because a
 * zmsg costs several allocations a message and a dispatcher moves a hundred thousand of them in a second. */

#define HIGH_WATER        (2 * WIRE_ROOM_MAX)
#define LINGER_MS         2000
#define MESSAGE_MAX       65536
#define RECONNECT_MS      100
#define RECONNECT_MAX_MS  2000
#define CONNECT_MS        3000
#define ZMTP_HEARTBEAT_MS 2000
#define ZMTP_SILENCE_MS   6000
#define WAIT_ITEMS_MAX    64

struct bus_socket {
    zsock_t *sock;
    void *handle; /* libzmq's */
    bool router;
    char *endpoint;
    char body[WIRE_BODY_MAX + 1];
};

int bus_init(struct err *err)
{
    zsys_handler_set(NULL); /* before zsys_init: SIGTERM is lib/svc's */
    if (!zsys_init()) return err_set(err, ERR_UNAVAILABLE, "ZeroMQ could not be started");
    zsys_set_logstream(NULL); /* it is not JSON; what matters comes back as errors */
    zsys_set_linger(LINGER_MS);
    return 0;
}

void bus_done(void)
{
    zsys_shutdown();
}

const char *bus_versions(void)
{
    static char text[64];
    int major, minor, patch;
    zmq_version(&major, &minor, &patch);
    snprintf(text, sizeof(text), "libzmq %d.%d.%d, czmq %d.%d.%d", major, minor, patch, CZMQ_VERSION_MAJOR,
             CZMQ_VERSION_MINOR, CZMQ_VERSION_PATCH);
    return text;
}

/* Between processes of one machine (or one process) nobody else can listen. */
static bool stays_here(const char *endpoint)
{
    if (strncmp(endpoint, "ipc://", 6) == 0 || strncmp(endpoint, "inproc://", 9) == 0) return true;
    if (strncmp(endpoint, "tcp://", 6) != 0) return false;
    const char *host = endpoint + 6, *colon = strrchr(host, ':');
    size_t len = colon ? (size_t)(colon - host) : strlen(host);
    if (len >= 2 && host[0] == '[' && host[len - 1] == ']') {
        host++;
        len -= 2;
    }
    char name[256];
    snprintf(name, sizeof(name), "%.*s", (int)(len < sizeof(name) ? len : sizeof(name) - 1), host);
    return settings_is_loopback(name);
}

static bus_socket_t *open_socket(int kind, const char *endpoint, bool plain_ok, struct err *err)
{
    if (!plain_ok && !stays_here(endpoint)) {
        err_set(err, ERR_CONFIG,
                "%s is not on this machine, and unencrypted ZeroMQ beyond it is allowed only by "
                "SHEAF_WIRE_PLAIN=yes",
                endpoint);
        return NULL;
    }
    bus_socket_t *s = calloc(1, sizeof(*s));
    if (!s) {
        err_set(err, ERR_NOMEM, "a socket for %s", endpoint);
        return NULL;
    }
    s->router = kind == ZMQ_ROUTER;
    s->sock = zsock_new(kind);
    if (!s->sock) {
        err_sys(err, ERR_UNAVAILABLE, zmq_errno(), "a socket for %s", endpoint);
        bus_close(&s);
        return NULL;
    }
    s->handle = zsock_resolve(s->sock);
    zsock_set_linger(s->sock, LINGER_MS);
    zsock_set_sndhwm(s->sock, HIGH_WATER);
    zsock_set_rcvhwm(s->sock, HIGH_WATER);
    zsock_set_maxmsgsize(s->sock, MESSAGE_MAX);
    zsock_set_immediate(s->sock, 1);
    zsock_set_heartbeat_ivl(s->sock, ZMTP_HEARTBEAT_MS);
    zsock_set_heartbeat_timeout(s->sock, ZMTP_SILENCE_MS);
    zsock_set_heartbeat_ttl(s->sock, ZMTP_SILENCE_MS);
    zsock_set_reconnect_ivl(s->sock, RECONNECT_MS);
    zsock_set_reconnect_ivl_max(s->sock, RECONNECT_MAX_MS);
    zsock_set_connect_timeout(s->sock, CONNECT_MS);
    /* With IPv6 on, libzmq prefers an AAAA record and does not fall back; so only when it is meant. */
    if (strchr(endpoint, '[')) zsock_set_ipv6(s->sock, 1);
    return s;
}

static bus_socket_t *attach_failed(bus_socket_t *s, const char *verb, const char *endpoint, struct err *err)
{
    int sys = zmq_errno();
    err_set(err, sys == EINVAL ? ERR_CONFIG : ERR_UNAVAILABLE, "%s %s: %s", verb, endpoint,
            zmq_strerror(sys));
    if (err) err->sys = sys;
    bus_close(&s);
    return NULL;
}

bus_socket_t *bus_bind(const char *endpoint, bool plain_ok, struct err *err)
{
    bus_socket_t *s = open_socket(ZMQ_ROUTER, endpoint, plain_ok, err);
    if (!s) return NULL;
    zsock_set_router_mandatory(s->sock, 1);
    zsock_set_router_handover(s->sock, 1);
    /* Not zsock_bind(): for a free port it walks through a range, the kernel just has one. */
    if (zmq_bind(s->handle, endpoint) == -1) return attach_failed(s, "bind", endpoint, err);
    s->endpoint = zsock_last_endpoint(s->sock);
    return s;
}

bus_socket_t *bus_connect(const char *endpoint, const char *routing_id, bool plain_ok, struct err *err)
{
    if (routing_id && (!*routing_id || strlen(routing_id) > BUS_PEER_MAX)) {
        err_set(err, ERR_BUG, "a routing id has 1 to %d bytes", BUS_PEER_MAX);
        return NULL;
    }
    bus_socket_t *s = open_socket(ZMQ_DEALER, endpoint, plain_ok, err);
    if (!s) return NULL;
    if (routing_id) zsock_set_identity(s->sock, routing_id);
    if (zmq_connect(s->handle, endpoint) == -1) return attach_failed(s, "connect", endpoint, err);
    s->endpoint = zsock_last_endpoint(s->sock);
    return s;
}

void bus_close(bus_socket_t **sp)
{
    bus_socket_t *s = *sp;
    *sp = NULL;
    if (!s) return;
    zsock_destroy(&s->sock);
    zstr_free(&s->endpoint);
    free(s);
}

const char *bus_endpoint(const bus_socket_t *s)
{
    return s->endpoint ? s->endpoint : "";
}

/* One frame; the message is libzmq's when it was taken, and closed when it was not. */
static int send_frame(void *handle, zmq_msg_t *msg, int more)
{
    int rc;
    do {
        rc = zmq_msg_send(msg, handle, ZMQ_DONTWAIT | more);
    } while (rc == -1 && zmq_errno() == EINTR);
    if (rc != -1) return 0;
    int sys = zmq_errno();
    zmq_msg_close(msg);
    errno = sys;
    return -1;
}

static int send_bytes(void *handle, const void *data, size_t len, int more)
{
    zmq_msg_t msg;
    if (zmq_msg_init_size(&msg, len) == -1) return -1;
    memcpy(zmq_msg_data(&msg), data, len);
    return send_frame(handle, &msg, more);
}

static int send_header(void *handle, const struct wire_header *h, int more)
{
    zmq_msg_t msg;
    if (zmq_msg_init_size(&msg, WIRE_HEADER) == -1) return -1;
    wire_encode(h, zmq_msg_data(&msg));
    return send_frame(handle, &msg, more);
}

int bus_send(bus_socket_t *s, const struct bus_peer *to, const struct wire_header *h, const char *body,
             size_t body_len)
{
    if (body_len > WIRE_BODY_MAX || s->router != (to != NULL)) return -1;
    int more = body && body_len ? ZMQ_SNDMORE : 0;
    /* Only the first frame can meet a full queue or a missing peer: once it is in, the rest belongs to it. */
    if (to && send_bytes(s->handle, to->id, to->len, ZMQ_SNDMORE) == -1)
        return zmq_errno() == EAGAIN || zmq_errno() == ENOMEM ? 1 : -1;
    if (send_header(s->handle, h, more) == -1) return to ? -1 : 1;
    if (more && send_bytes(s->handle, body, body_len, 0) == -1) return to ? -1 : 1;
    return 0;
}

/* Takes the next frame without waiting: 1 a frame (to be closed), 0 none. */
static int take_frame(void *handle, zmq_msg_t *msg)
{
    zmq_msg_init(msg);
    int rc;
    do {
        rc = zmq_msg_recv(msg, handle, ZMQ_DONTWAIT);
    } while (rc == -1 && zmq_errno() == EINTR);
    if (rc != -1) return 1;
    zmq_msg_close(msg);
    return 0;
}

static bool take_peer(zmq_msg_t *msg, struct bus_peer *from)
{
    size_t len = zmq_msg_size(msg);
    from->len = 0;
    if (len > BUS_PEER_MAX) return false;
    from->len = (uint8_t)len;
    memcpy(from->id, zmq_msg_data(msg), len);
    return true;
}

/* Decodes the header with what stands behind it; the body is copied, so that it ends in NUL and outlives the
 * frame. */
static enum wire_problem take_message(bus_socket_t *s, zmq_msg_t *header, struct wire_header *h,
                                      size_t *body_len)
{
    bool more = zmq_msg_more(header), extra = false;
    zmq_msg_t body;
    size_t len = 0;
    bool has_body = more && take_frame(s->handle, &body);
    if (has_body) {
        len = zmq_msg_size(&body);
        if (len <= WIRE_BODY_MAX) memcpy(s->body, zmq_msg_data(&body), len);
        more = zmq_msg_more(&body);
        zmq_msg_close(&body);
    }
    while (more) {
        extra = true;
        zmq_msg_t rest;
        if (!take_frame(s->handle, &rest)) break;
        more = zmq_msg_more(&rest);
        zmq_msg_close(&rest);
    }
    enum wire_problem problem = wire_decode(zmq_msg_data(header), zmq_msg_size(header), len, h);
    if (problem == WIRE_OK && extra) problem = WIRE_BAD_FRAMES;
    *body_len = problem == WIRE_OK ? len : 0;
    s->body[*body_len] = '\0';
    return problem;
}

int bus_receive(bus_socket_t *s, struct bus_peer *from, struct wire_header *h, const char **body,
                size_t *body_len, enum wire_problem *problem)
{
    zmq_msg_t frame;
    struct bus_peer peer = {0};
    bool peer_ok = true;
    if (!take_frame(s->handle, &frame)) return 0;
    if (s->router) {
        peer_ok = take_peer(&frame, &peer);
        bool more = zmq_msg_more(&frame);
        zmq_msg_close(&frame);
        if (!more || !take_frame(s->handle, &frame)) zmq_msg_init(&frame); /* an empty header: too short */
    }
    *problem = take_message(s, &frame, h, body_len);
    if (!peer_ok) *problem = WIRE_BAD_FRAMES;
    zmq_msg_close(&frame);
    *body = s->body;
    if (from) *from = peer;
    return 1;
}

int bus_wait(struct bus_item *items, int n, int64_t timeout_ms)
{
    zmq_pollitem_t poll_items[WAIT_ITEMS_MAX];
    int where[WAIT_ITEMS_MAX], used = 0;
    for (int i = 0; i < n; i++) {
        items[i].revents = 0;
        if (!items[i].socket && items[i].fd < 0) continue;
        if (used == WAIT_ITEMS_MAX) break;
        zmq_pollitem_t *p = &poll_items[used];
        *p = (zmq_pollitem_t){.fd = items[i].fd};
        if (items[i].socket) {
            p->socket = items[i].socket->handle;
            p->events = (short)(ZMQ_POLLIN | (items[i].events & POLLOUT ? ZMQ_POLLOUT : 0));
        } else {
            p->events = (short)((items[i].events & POLLIN ? ZMQ_POLLIN : 0) |
                                (items[i].events & POLLOUT ? ZMQ_POLLOUT : 0));
        }
        where[used++] = i;
    }
    int ready = zmq_poll(poll_items, used, (long)timeout_ms);
    if (ready <= 0) return 0;
    for (int i = 0; i < used; i++) {
        short got = poll_items[i].revents;
        items[where[i]].revents =
            (short)((got & ZMQ_POLLIN ? POLLIN : 0) | (got & ZMQ_POLLOUT ? POLLOUT : 0) |
                    (got & ZMQ_POLLERR ? POLLERR : 0));
    }
    return ready;
}
