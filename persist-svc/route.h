/* route: paths and query strings of requests, as they stand in the request line. Pure, never allocates. */
#ifndef SHEAF_PERSIST_SVC_ROUTE_H
#define SHEAF_PERSIST_SVC_ROUTE_H

#include <stdbool.h>
#include <stddef.h>

#define ROUTE_CAPTURES 2
#define ROUTE_TEXT     512 /* bytes of one captured part when decoded, with NUL */

struct route_match {
    char part[ROUTE_CAPTURES][ROUTE_TEXT];
};

/* Does the raw path fit the pattern.  ":" in the pattern takes one non-empty segment, "*" at its end the
 * rest; both decoded, in order.  A path that cannot be decoded fits nothing. */
bool route_matches(const char *pattern, const char *path, size_t path_len, struct route_match *match);

/* The path of a request target without query, and without scheme and host where it has them. */
const char *route_path(const char *target, size_t *len);

/* %XX (and in a query '+') back to text. False: malformed, a control character, not UTF-8, or longer than `max` with
 * NUL. */
bool route_decode(const char *raw, size_t len, bool is_query, char *out, size_t max);

/* 1: out has the decoded value of the first parameter of that name, 0: there is none, -1: malformed. query
 * may be NULL. */
int route_param(const char *query, const char *name, char *out, size_t max);

#endif
