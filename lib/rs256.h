/* rs256: signatures as JWTs want them (RFC 7518, 3.3: RSASSA-PKCS1-v1_5 with SHA-256). */
#ifndef SHEAF_RS256_H
#define SHEAF_RS256_H

#include <stddef.h>
#include "lib/buf.h"
#include "lib/err.h"

/* Appends the signature of `data` by a PEM private key (PKCS#8 or PKCS#1).  ERR_CONFIG: it is not an RSA key. */
int rs256_sign(const char *pem, const void *data, size_t len, struct buf *signature, struct err *err);

#endif
