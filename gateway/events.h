/* events: what changed, from Redis's channel to whoever wants to know.
 *
 * One subscription for the whole process, read by a thread of its own, whatever the number of streams.  An event
 * only says that something changed: what, is read from Redis.  After a break of the subscription everything may
 * have changed, since an event may have been missed: that is told as well. */
#ifndef SHEAF_GATEWAY_EVENTS_H
#define SHEAF_GATEWAY_EVENTS_H

#include <stdbool.h>
#include <stddef.h>
#include "lib/err.h"
#include "lib/settings.h"
#include "proto/ids.h"

struct event {
    char job[ID_TEXT], batch[ID_TEXT]; /* job "" in an event of a batch */
};

/* Called on the events' thread; event NULL: anything may have changed. */
typedef void events_handler(void *user, const struct event *event);

struct events *events_start(const struct settings *s, const char *name, events_handler *handler, void *user,
                            struct err *err);
void events_destroy(struct events **e);

/* Pure: one line of the channel (proto/redis/README.md). False: not one that is known. */
bool events_parse(const char *line, size_t len, struct event *event);

#endif
