/* text: percent-decoding, parameters and path patterns. Pure; never allocates; any thread. */
#ifndef SHEAF_GATEWAY_TEXT_H
#define SHEAF_GATEWAY_TEXT_H

#include <stdbool.h>
#include <stddef.h>

/* %XX to bytes, and '+' to a space when `plus`. -1: malformed, a control character, or longer than out. */
int text_decode(const char *raw, size_t len, bool plus, char *out, size_t out_len);

/* The decoded value of `name` in "a=1<sep>b=2" (a query with '&', cookies with ';').
 * 1 there, 0 absent or empty, -1 malformed or longer than out. */
int text_param(const char *text, char sep, const char *name, char *out, size_t out_len);

/* `prefix` and the path with everything but its slashes and plain characters as %XX. -1: longer than out, empty,
 * or with a segment "." or "..". */
int text_encode_path(const char *path, char *out, size_t out_len, const char *prefix);

/* Does a path, still with its %XX, fit a pattern.  '*' takes one segment that is not empty, "**" at the end
 * the rest; what they took is decoded into arg[0], arg[1], …  A path with a segment "." or ".." or an
 * undecodable one fits nothing. */
#define TEXT_ARG_MAX 512
bool text_path_matches(const char *pattern, const char *path, char (*arg)[TEXT_ARG_MAX], int args);

/* Does the path begin with these segments: "/api" holds "/api" and "/api/x", not "/apis". */
bool text_path_under(const char *path, const char *prefix);

/* An unsigned decimal number, all of the text. -1: it is not one, or above max. */
int text_number(const char *text, long long max, long long *out);

#endif
