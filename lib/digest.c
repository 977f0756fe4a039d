/* The step-wise calls of OpenSSL 1.1: unlike EVP they do not load its configuration and providers, which is
 * 2 MB of every service that only ever needs SHA-256 (measured with OpenSSL 3.0). */
#define OPENSSL_API_COMPAT 10100
#include "lib/digest.h"

#include <errno.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/md5.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>
#include "lib/base64.h"

struct digest {
    SHA256_CTX sha;
};

static void to_hex(const unsigned char *bytes, size_t n, char *hex)
{
    static const char digit[] = "0123456789abcdef";
    for (size_t i = 0; i < n; i++) {
        hex[2 * i] = digit[bytes[i] >> 4];
        hex[2 * i + 1] = digit[bytes[i] & 15];
    }
    hex[2 * n] = '\0';
}

/* The three calls answer a status for symmetry with other digests; on memory they have nothing to fail at. */
static void sha_begin(SHA256_CTX *sha)
{
    (void)SHA256_Init(sha);
}

static void sha_end(SHA256_CTX *sha, char hex[DIGEST_HEX])
{
    unsigned char sum[SHA256_DIGEST_LENGTH];
    (void)SHA256_Final(sum, sha);
    to_hex(sum, sizeof sum, hex);
}

digest_t *digest_new(void)
{
    digest_t *d = malloc(sizeof *d);
    if (d) sha_begin(&d->sha);
    return d;
}

void digest_add(digest_t *d, const void *data, size_t len)
{
    (void)SHA256_Update(&d->sha, data, len);
}

void digest_end(digest_t **d, char hex[DIGEST_HEX])
{
    if (*d && hex) sha_end(&(*d)->sha, hex);
    free(*d);
    *d = NULL;
}

void digest_hex(const void *data, size_t len, char hex[DIGEST_HEX])
{
    SHA256_CTX sha;
    sha_begin(&sha);
    (void)SHA256_Update(&sha, data, len);
    sha_end(&sha, hex);
}

int digest_hmac(const void *key, size_t key_len, const void *data, size_t len, unsigned char out[DIGEST_BYTES])
{
    /* HMAC() takes a NULL key as "the one from before", which a one-shot call does not have. */
    return HMAC(EVP_sha256(), key_len ? key : "", (int)key_len, data, len, out, NULL) ? 0 : -1;
}

int digest_hmac_hex(const void *key, size_t key_len, const void *data, size_t len, char hex[DIGEST_HEX])
{
    unsigned char sum[DIGEST_BYTES];
    if (digest_hmac(key, key_len, data, len, sum) == -1) return -1;
    to_hex(sum, sizeof sum, hex);
    return 0;
}

void digest_md5_base64(const void *data, size_t len, struct buf *out)
{
    unsigned char sum[MD5_DIGEST_LENGTH];
    (void)MD5(data, len, sum);
    base64_add(out, sum, sizeof sum);
}

void random_bytes(void *out, size_t len)
{
    unsigned char *at = out;
    while (len > 0) {
        ssize_t n = getrandom(at, len, 0);
        if (n == -1 && errno == EINTR) continue;
        if (n == -1) {
            /* Keys and ids must not be guessable: better no process than a guessable one. */
            (void)fprintf(stderr, "getrandom: %s; giving up\n", strerror(errno));
            _exit(111);
        }
        at += n;
        len -= (size_t)n;
    }
}

void submission_id(char out[13], const char *base, unsigned index)
{
    SHA256_CTX sha;
    char suffix[16], hex[DIGEST_HEX];
    int n = snprintf(suffix, sizeof suffix, ":%u", index);
    sha_begin(&sha);
    (void)SHA256_Update(&sha, base, strlen(base));
    (void)SHA256_Update(&sha, suffix, (size_t)n);
    sha_end(&sha, hex);
    memcpy(out, hex, 12);
    out[12] = '\0';
}
