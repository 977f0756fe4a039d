/* events: what changed, from Redis's channel to the streams that wait for it.
 *
 * One subscription for the whole process, read by a thread of its own, whatever the number of streams.  An
 * event only says that something changed: whoever is woken reads it from Redis.  After a break of the
 * subscription everybody is woken, since an event may have been missed. */
#ifndef SHEAF_GATEWAY_EVENTS_H
#define SHEAF_GATEWAY_EVENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "lib/err.h"
#include "lib/settings.h"
#include "proto/ids.h"

struct events;
struct watch;

struct events *events_start(const struct settings *s, const char *name, int watches_max, struct err *err);
/* Wakes and ends all streams; those that come later get none. */
void events_end(struct events *e);
/* After the last watch was given back. */
void events_destroy(struct events **e);

/* Watches a job or a batch (the other NULL).  NULL: there are enough. Any thread. */
struct watch *events_watch(struct events *e, const char *job, const char *batch);
void events_unwatch(struct events *e, struct watch **w);

enum watch_news { WATCH_QUIET, WATCH_CHANGED, WATCH_ENDED };
/* Until something changed since the last call, or `until_ms` (clock_ms). */
enum watch_news events_wait(struct events *e, struct watch *w, int64_t until_ms);
/* Lets changes gather until `until_ms`; false when everything ends. */
bool events_pause(struct events *e, struct watch *w, int64_t until_ms);

/* Pure: one line of the channel (proto/redis/README.md). False: not one that is known. */
struct event {
    char job[ID_TEXT], batch[ID_TEXT]; /* job "" in an event of a batch */
};
bool events_parse(const char *line, size_t len, struct event *event);

#endif
