/* base64: RFC 4648, the standard alphabet and the one for URLs.  Pure. */
#ifndef SHEAF_BASE64_H
#define SHEAF_BASE64_H

#include <stddef.h>
#include "lib/buf.h"

void base64_add(struct buf *out, const void *data, size_t len);     /* with padding, no line breaks */
void base64_url_add(struct buf *out, const void *data, size_t len); /* no padding, as JWTs are written */

/* Takes either alphabet, with or without padding, and blanks and line breaks in between.  -1: it is not base64. */
int base64_decode(const char *text, size_t len, struct buf *out);

#endif
