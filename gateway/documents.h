/* documents: what may be fetched. Pure. */
#ifndef SHEAF_GATEWAY_DOCUMENTS_H
#define SHEAF_GATEWAY_DOCUMENTS_H

#include <stdbool.h>

/* Does one of the comma-separated addresses of `allowed` stand at the beginning of the url, up to a slash or
 * its end?  NULL allows nothing. */
bool documents_url_allowed(const char *url, const char *allowed);

#endif
