/* server: civetweb started, guarded and stopped.
 *
 * One thread serves one connection for its whole life, event streams and idle kept-alive ones included. */
#ifndef SHEAF_GATEWAY_SERVER_H
#define SHEAF_GATEWAY_SERVER_H

#include <stdint.h>
#include "gateway/gateway.h"
#include "lib/err.h"

typedef struct server server_t;

server_t *server_start(struct gateway *gateway, struct err *err);
int server_in_flight(const server_t *server);
/* From now on each answer ends its connection. */
void server_drain(server_t *server);
/* Waits until no request is in hand, at most until `deadline_ms` (clock_ms), then stops: mg_stop() cuts what
 * is still being answered, so it comes last. */
void server_stop(server_t **server, int64_t deadline_ms);

struct mg_connection;
/* Takes a connection's socket out of civetweb's hands, from within its request: answers it under another number, and
 * leaves civetweb one that is closed at the other end, for it to end as it likes.  -1: it was not found. */
int server_take_socket(struct mg_connection *conn);

#endif
