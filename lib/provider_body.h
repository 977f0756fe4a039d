/* provider_body: bodies too big to be held, to and from a provider: a file sent as it is read, an answer brought into a file. */
#ifndef SHEAF_PROVIDER_BODY_H
#define SHEAF_PROVIDER_BODY_H

#include "lib/provider.h"

/* One transfer, unless the request has a deadline of its own: 25 MiB on a slow line. */
#define PROVIDER_BODY_MS 120000

/* In all: the caller fills method, url, headers and judge of `request`; the answer's text is of no interest. */

/* Sends `size` bytes of `fd` from its beginning.  The digest of what was sent is compared: ERR_UNAVAILABLE where the file is
 * not what it should be. */
int provider_send_file(provider_t *p, struct provider_request *request, int fd, int64_t size, const char *digest,
                       struct err *err);
int provider_send(provider_t *p, struct provider_request *request, const void *data, size_t len, struct err *err);
int provider_ask(provider_t *p, struct provider_request *request, struct err *err); /* without a body: HEAD, DELETE, … */

/* Writes the answer to `fd`, which stands at its beginning afterwards; *size in bytes. */
int provider_fetch(provider_t *p, struct provider_request *request, int fd, int64_t *size, struct err *err);
/* A file without a name, at whose beginning *fd stands; the caller's. */
int provider_fetch_file(provider_t *p, struct provider_request *request, int *fd, int64_t *size, struct err *err);

#endif
