/* documents: what may be fetched. Pure. */
#ifndef SHEAF_GATEWAY_DOCUMENTS_H
#define SHEAF_GATEWAY_DOCUMENTS_H

#include <stdbool.h>
#include <stddef.h>

/* Does one of the comma-separated addresses of `allowed` stand at the beginning of the url, up to a slash or
 * its end?  NULL allows nothing. */
bool documents_url_allowed(const char *url, const char *allowed);

/* The name that an address or an object's key ends in, decoded; "" for none.  What is behind a '?' is no name: of a signed address it
 * is the secret. */
void documents_name_of(const char *address, char *out, size_t out_len);

#endif
