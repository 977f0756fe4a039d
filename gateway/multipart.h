/* multipart: a parser of multipart/form-data (RFC 7578) that is fed bytes and calls back; it never sees a
 * socket.
 *
 * Bytes may come in any pieces: the calls are the same but for how `data` is cut.  Nothing is held back
 * but a part's header lines and what may yet turn out to be a delimiter, so memory is bounded whatever comes.
 * One owner; callbacks run inside multipart_feed().
 */
#ifndef SHEAF_GATEWAY_MULTIPART_H
#define SHEAF_GATEWAY_MULTIPART_H

#include <stdbool.h>
#include <stddef.h>
#include "lib/err.h"

#define MULTIPART_NAME_MAX     128  /* bytes of a field's name, with NUL */
#define MULTIPART_FILENAME_MAX 1024 /* of a file's name; a longer one is cut */
#define MULTIPART_HEAD_MAX     8192 /* bytes of one part's header lines */
#define MULTIPART_BOUNDARY_MAX 70   /* RFC 2046 */

struct multipart_part {
    const char *name;     /* of the field; "" when it has none */
    const char *filename; /* as the client gave it, quotes undone; NULL: an ordinary field */
};

/* Each may return -1, which breaks the parse off: multipart_feed() then returns -1 and leaves *err alone. */
struct multipart_sink {
    int (*begin)(void *user, const struct multipart_part *part);
    int (*data)(void *user, const void *data, size_t len);
    int (*end)(void *user);
    void *user;
};

typedef struct multipart multipart_t;

/* `content_type` is the request's header. ERR_INPUT, code bad_multipart: not multipart/form-data, or no
 * usable boundary. */
multipart_t *multipart_new(const char *content_type, int max_parts, const struct multipart_sink *sink,
                           struct err *err);
/* -1: malformed (ERR_INPUT, bad_multipart) or too many parts (ERR_LIMIT, too_many_files); it takes nothing
 * more then. */
int multipart_feed(multipart_t *m, const void *data, size_t len, struct err *err);
/* Has the closing delimiter come: is the body whole. What follows it is ignored. */
bool multipart_done(const multipart_t *m);
void multipart_destroy(multipart_t **m);

#endif
