/* newest: pages of what sorted sets by time hold, over all shards, newest first.
 *
 * A cursor is "<ms>-<n>": the moment that the page ended at and how many of that moment were given.  What is
 * added meanwhile is newer than it, so a list that is read to its end has no gap and nothing twice. Any
 * thread. */
#ifndef SHEAF_GATEWAY_NEWEST_H
#define SHEAF_GATEWAY_NEWEST_H

#include "gateway/gateway.h"

#define NEWEST_MAX        1000 /* entries of a page */
#define NEWEST_CURSOR_MAX 48

struct newest {
    int64_t at_ms;
    unsigned shard;
    char member[112];
};

/* Up to `limit` (at most NEWEST_MAX) entries not older than since_ms; `set` is the key behind the shard's
 * prefix.  `cursor` NULL or "": from the newest.  *next, which may be where
 * `cursor` stands, is "" at the end of the list.
 * ERR_INPUT: no cursor of ours. */
int newest_page(struct gateway *g, const char *set, int64_t since_ms, const char *cursor, int limit,
                struct newest *out, int *n, char next[NEWEST_CURSOR_MAX], struct err *err);

/* Pure: "<ms>-<n>". -1: it is none. */
int newest_cursor(const char *text, int64_t *at_ms, int *given);

struct request;
/* The query's limit (1 … NEWEST_MAX, else `otherwise`), cursor and since. -1: refused, answered. */
struct newest_wish {
    int limit;
    int64_t since_ms;
    char cursor[NEWEST_CURSOR_MAX];
};
int newest_wish(struct request *rq, int otherwise, struct newest_wish *wish);

#endif
