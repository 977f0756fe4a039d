/* digest: SHA-256 in steps (OpenSSL), MD5 where a protocol wants it, and random bytes. A struct digest belongs to one thread. */
#ifndef SHEAF_DIGEST_H
#define SHEAF_DIGEST_H

#include <stddef.h>
#include <stdint.h>
#include "lib/buf.h"

#define DIGEST_HEX 65

typedef struct digest digest_t;
digest_t *digest_new(void); /* NULL: no memory */
void digest_add(digest_t *d, const void *data, size_t len);
void digest_end(digest_t **d, char hex[DIGEST_HEX]); /* hex may be NULL to throw it away */
void digest_hex(const void *data, size_t len, char hex[DIGEST_HEX]);
#define DIGEST_BYTES 32
int digest_hmac(const void *key, size_t key_len, const void *data, size_t len, unsigned char out[DIGEST_BYTES]); /* -1: no memory */
int digest_hmac_hex(const void *key, size_t key_len, const void *data, size_t len, char hex[DIGEST_HEX]);
void digest_md5_base64(const void *data, size_t len, struct buf *out); /* for Content-MD5 alone; appended */
void random_bytes(void *out, size_t len); /* never fails: exits the process when the kernel has none */

/* CONTRACT section 4: submission id = first 12 hex digits of SHA-256("<base>:<index>"). */
void submission_id(char out[13], const char *base, unsigned index);

#endif
