/* bus: ZeroMQ sockets and the wait for them. The only code that includes czmq.h.
 *
 * bus_init() turns czmq's signal handler off and sets the process's defaults once.  Every socket has
 * LINGER 2 s, a high-water mark of 2 × WIRE_ROOM_MAX, IMMEDIATE, MAXMSGSIZE 64 KiB, ZMTP heartbeats against
 * half-open TCP and a reconnect interval of 100 ms up to 2 s.  A socket belongs to one thread.
 * Plain text only on loopback (tcp://127.0.0.1, ipc://, inproc://) unless `plain_ok`.
 * bus_wait() looks at up to 64 items.
 */
#ifndef SHEAF_BUS_H
#define SHEAF_BUS_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "lib/err.h"
#include "proto/wire.h"

int bus_init(struct err *err);
void bus_done(void);

typedef struct bus_socket bus_socket_t;
#define BUS_PEER_MAX 32 /* bytes of a routing id */
struct bus_peer {
    uint8_t len, id[BUS_PEER_MAX];
};

/* ROUTER with MANDATORY and HANDOVER. "tcp://127.0.0.1:*" binds any free port: see bus_endpoint(). */
bus_socket_t *bus_bind(const char *endpoint, bool plain_ok, struct err *err);
/* DEALER with the given routing id (NULL: anonymous). Returns at once; connects by itself. */
bus_socket_t *bus_connect(const char *endpoint, const char *routing_id, bool plain_ok, struct err *err);
void bus_close(bus_socket_t **s);
const char *bus_endpoint(const bus_socket_t *s);

/* Never blocks.  body may be NULL.  `to` is for a ROUTER (NULL for a DEALER).
 * 0 sent; 1 the peer's queue is full or the peer is not connected: try again later; -1 no such peer (ROUTER). */
int bus_send(bus_socket_t *s, const struct bus_peer *to, const struct wire_header *h, const char *body, size_t body_len);

/* Never blocks. 1: a message was taken; *body points to its body (NUL-terminated, "" when absent) until the
 * next bus_receive() on this socket.  0: nothing waits.  A malformed message is taken and answered with
 * its problem (then only *from is sure, and for WIRE_BAD_MAJOR the version). */
int bus_receive(bus_socket_t *s, struct bus_peer *from, struct wire_header *h, const char **body, size_t *body_len,
                enum wire_problem *problem);

/* Waits until a socket or descriptor is ready or timeout_ms passed (-1: for ever).  Each item names a socket or,
 * with socket == NULL, a descriptor with its events (fd -1: skipped); revents is filled.  A socket is always waited for
 * to have a message; with POLLOUT also to take one, which a DEALER does as soon as it is connected.
 * Returns the number ready; 0 also when interrupted. */
struct bus_item {
    bus_socket_t *socket;
    int fd;
    short events, revents;
};
int bus_wait(struct bus_item *items, int n, int64_t timeout_ms);

const char *bus_versions(void);

#endif
