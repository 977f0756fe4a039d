/* server: civetweb started, guarded and stopped.
 *
 * One thread serves one connection for as long as it is civetweb's, so what is silent must not be: a connection on which nothing was
 * asked yet stays in the kernel, one whose request is answered is kept only while a quarter of the threads is free, and the sockets of
 * event streams (streams.h) and of bodies beyond a few (lobby.h) are taken away. */
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
void server_stop(server_t *server, int64_t deadline_ms);
/* When nobody holds a request any more. */
void server_destroy(server_t **server);

struct request;
/* A request that was taken over is in hand until the last who holds it has released it; the server's thread is the first. */
void server_hold(struct request *rq);
void server_release(struct request *rq);

struct mg_connection;
/* Takes a connection's socket out of civetweb's hands, from within its request: answers it under another number, and
 * leaves civetweb one that is closed at the other end, for it to end as it likes.  -1: it was not found. */
int server_take_socket(struct mg_connection *conn);

#endif
