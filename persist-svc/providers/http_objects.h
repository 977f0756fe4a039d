/* http_objects: what object stores over HTTP share: a file sent as it is read, an object brought into a file without a name. */
#ifndef SHEAF_PERSIST_SVC_PROVIDERS_HTTP_OBJECTS_H
#define SHEAF_PERSIST_SVC_PROVIDERS_HTTP_OBJECTS_H

#include "lib/provider.h"

/* One transfer; the caller fills method, url, headers and judge of `request`. */
#define HTTP_OBJECTS_MS 120000 /* the longest; 25 MiB on a slow line */

/* Sends `size` bytes of `fd` from its beginning.  The digest of what was sent is compared: ERR_UNAVAILABLE where the file is
 * not what it should be. */
int http_objects_send_file(provider_t *p, struct provider_request *request, int fd, int64_t size, const char *digest,
                           struct err *err);
int http_objects_send(provider_t *p, struct provider_request *request, const void *data, size_t len, struct err *err);
/* *fd: at the object's beginning, the caller's. */
int http_objects_fetch(provider_t *p, struct provider_request *request, int *fd, int64_t *size, struct err *err);
/* Asks without a body (HEAD, GET, DELETE); the answer is of no interest. */
int http_objects_ask(provider_t *p, struct provider_request *request, struct err *err);

#endif
