#include "lib/digest.h"

#include <errno.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#define SHA256_BYTES 32

struct digest {
    EVP_MD_CTX *ctx;
};

/* SHA-256 over memory fails only when the process has no memory left or OpenSSL is not whole.  A digest
 * names documents: going on with a wrong one would mix them up, so the process ends here. */
static void must(int ok, const char *what)
{
    if (ok) return;
    (void)fprintf(stderr, "digest: %s failed; giving up\n", what);
    _exit(111);
}

static void to_hex(const unsigned char *bytes, size_t n, char *hex)
{
    static const char digit[] = "0123456789abcdef";
    for (size_t i = 0; i < n; i++) {
        hex[2 * i] = digit[bytes[i] >> 4];
        hex[2 * i + 1] = digit[bytes[i] & 15];
    }
    hex[2 * n] = '\0';
}

digest_t *digest_new(void)
{
    digest_t *d = malloc(sizeof *d);
    if (!d) return NULL;
    d->ctx = EVP_MD_CTX_new();
    if (!d->ctx || EVP_DigestInit_ex(d->ctx, EVP_sha256(), NULL) != 1) {
        EVP_MD_CTX_free(d->ctx);
        free(d);
        return NULL;
    }
    return d;
}

void digest_add(digest_t *d, const void *data, size_t len)
{
    must(EVP_DigestUpdate(d->ctx, data, len) == 1, "SHA-256");
}

void digest_end(digest_t **d, char hex[DIGEST_HEX])
{
    if (!*d) return;
    if (hex) {
        unsigned char sum[SHA256_BYTES];
        must(EVP_DigestFinal_ex((*d)->ctx, sum, NULL) == 1, "SHA-256");
        to_hex(sum, sizeof sum, hex);
    }
    EVP_MD_CTX_free((*d)->ctx);
    free(*d);
    *d = NULL;
}

void digest_hex(const void *data, size_t len, char hex[DIGEST_HEX])
{
    unsigned char sum[SHA256_BYTES];
    must(EVP_Digest(data, len, sum, NULL, EVP_sha256(), NULL) == 1, "SHA-256");
    to_hex(sum, sizeof sum, hex);
}

int digest_hmac_hex(const void *key, size_t key_len, const void *data, size_t len, char hex[DIGEST_HEX])
{
    unsigned char sum[SHA256_BYTES];
    /* HMAC() takes a NULL key as "the one from before", which a one-shot call does not have. */
    if (!HMAC(EVP_sha256(), key_len ? key : "", (int)key_len, data, len, sum, NULL)) return -1;
    to_hex(sum, sizeof sum, hex);
    return 0;
}

void random_bytes(void *out, size_t len)
{
    unsigned char *at = out;
    while (len > 0) {
        ssize_t n = getrandom(at, len, 0);
        if (n == -1 && errno == EINTR) continue;
        must(n > 0, "getrandom");
        at += n;
        len -= (size_t)n;
    }
}

void submission_id(char out[13], const char *base, unsigned index)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    char suffix[16], hex[DIGEST_HEX];
    unsigned char sum[SHA256_BYTES];
    int n = snprintf(suffix, sizeof suffix, ":%u", index);
    must(ctx && EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) == 1 &&
             EVP_DigestUpdate(ctx, base, strlen(base)) == 1 &&
             EVP_DigestUpdate(ctx, suffix, (size_t)n) == 1 && EVP_DigestFinal_ex(ctx, sum, NULL) == 1,
         "SHA-256");
    EVP_MD_CTX_free(ctx);
    to_hex(sum, sizeof sum, hex);
    memcpy(out, hex, 12);
    out[12] = '\0';
}
