#include "lib/rs256.h"

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <string.h>

static EVP_PKEY *read_key(const char *pem)
{
    BIO *bio = BIO_new_mem_buf(pem, (int)strlen(pem));
    /* Without a password nothing is asked for on the terminal. */
    EVP_PKEY *key = bio ? PEM_read_bio_PrivateKey(bio, NULL, NULL, (void *)"") : NULL;
    BIO_free(bio);
    if (!key || EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA) return key;
    EVP_PKEY_free(key);
    return NULL;
}

int rs256_sign(const char *pem, const void *data, size_t len, struct buf *signature, struct err *err)
{
    unsigned char bytes[1024]; /* keys up to 8192 bits */
    size_t n = sizeof bytes;
    EVP_PKEY *key = read_key(pem);
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    int rc = 0;
    if (!key)
        rc = err_set(err, ERR_CONFIG, "the private key is not an RSA key in PEM");
    else if (!context || EVP_DigestSignInit(context, NULL, EVP_sha256(), NULL, key) != 1 ||
             EVP_DigestSign(context, bytes, &n, data, len) != 1)
        rc = err_set(err, ERR_CONFIG, "the private key cannot be used to sign");
    else
        buf_add(signature, bytes, n);
    EVP_MD_CTX_free(context);
    EVP_PKEY_free(key);
    return rc;
}
