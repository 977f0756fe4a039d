/* lobby: bodies that are waited for without a thread.
 *
 * A thread of civetweb that reads a body is busy until its sender is done, and a school that uploads over one slow line would soon
 * have all of them: no page and no status would be answered meanwhile.  So some bodies, as many as there are seats, are read where they
 * came; the sockets of others are taken out of civetweb's hands, one epoll tells whose bytes have come, and one of a few threads takes
 * these and goes on to the next.  A request is touched by one thread at a time. */
#ifndef SHEAF_GATEWAY_LOBBY_H
#define SHEAF_GATEWAY_LOBBY_H

#include <stdint.h>
#include "gateway/body.h"
#include "lib/err.h"

/* seats: bodies that are read on the threads of their requests.  most: threads for the others; they are started as they are needed.
 * idle_ms: a sender's longest silence. */
struct lobby *lobby_new(int seats, int most, int64_t idle_ms, struct err *err);
/* What is still waited for is broken off, without an answer. */
void lobby_destroy(struct lobby **lobby);

/* Reads the request's body into `user`, which is destroyed in the end, and has it answered: before it returns, or, when rq->fd is set
 * then, some time later.  A body in chunks is always read at once: civetweb takes it apart. */
void lobby_take(struct lobby *lobby, struct request *rq, const struct body_taker *taker, void *user);

#endif
