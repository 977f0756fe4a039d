/* streams: all open event streams, on one thread, whatever their number.
 *
 * A stream is a socket that server_detach() took from the HTTP server, with its head sent.  It is sent a snapshot
 * whenever its job or batch changed, but not more often than every STREAMS_GATHER_MS, and a pulse when all is quiet.
 * A client that does not read holds one snapshot and is sent no further one until it has taken it.  A stream ends
 * when nothing more will happen, with its caller's token, when its client goes, and when the gateway stops. */
#ifndef SHEAF_GATEWAY_STREAMS_H
#define SHEAF_GATEWAY_STREAMS_H

#include "gateway/answers.h"
#include "gateway/events.h"
#include "gateway/gateway.h"
#include "gateway/identity.h"
#include "proto/ids.h"

#define STREAMS_GATHER_MS 250
#define STREAMS_REREAD_MS 15000

struct streams;

struct streams *streams_start(struct gateway *g, int most, struct err *err);
/* Ends all; none is taken any more. */
void streams_end(struct streams *s);
void streams_destroy(struct streams **s);

/* False: enough are open. Else a place is kept, which streams_add() fills or streams_cancel() gives back. */
bool streams_reserve(struct streams *s);
void streams_cancel(struct streams *s);
/* Takes fd.  `version` was the last that the client saw, -1 none: what is newer is sent at once. */
void streams_add(struct streams *s, int fd, const struct caller *caller, enum answer_kind kind,
                 const char id[ID_TEXT], int64_t version);

/* Any thread; event NULL: anything may have changed. */
void streams_tell(struct streams *s, const struct event *event);

#endif
