#include "lib/redis_inner.h"

#include <arpa/inet.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <limits.h>
#include <stdlib.h>

/* The session talks to two memory buffers instead of the socket, so that all socket calls are in
 * redis_net.c, with its non-blocking rules and MSG_NOSIGNAL (OpenSSL's own would raise SIGPIPE). */
struct redis_tls {
    SSL *ssl;
    BIO *in, *out; /* owned by ssl */
};

static const char *openssl_reason(void)
{
    const char *reason = ERR_reason_error_string(ERR_peek_last_error());
    return reason ? reason : "unknown reason";
}

struct ssl_ctx_st *redis_tls_context(const char *ca_file, struct err *err)
{
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());

    if (!context) {
        err_set(err, ERR_NOMEM, "TLS context");
        return NULL;
    }
    SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
    SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION);
    SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
    if ((ca_file ? SSL_CTX_load_verify_locations(context, ca_file, NULL)
                 : SSL_CTX_set_default_verify_paths(context)) != 1) {
        err_set(err, ERR_CONFIG, "certificates of %.100s: %s", ca_file ? ca_file : "the system",
                openssl_reason());
        ERR_clear_error();
        SSL_CTX_free(context);
        return NULL;
    }
    return context;
}

/* A certificate names hosts or addresses, and each is checked its own way; SNI carries names only. */
static int expect_host(SSL *ssl, const char *host)
{
    unsigned char address[sizeof(struct in6_addr)];

    if (inet_pton(AF_INET, host, address) == 1 || inet_pton(AF_INET6, host, address) == 1)
        return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host) == 1 ? 0 : -1;
    return SSL_set_tlsext_host_name(ssl, host) == 1 && SSL_set1_host(ssl, host) == 1 ? 0 : -1;
}

redis_tls_t *redis_tls_new(struct ssl_ctx_st *context, const char *host, struct err *err)
{
    redis_tls_t *t = calloc(1, sizeof *t);

    if (t) t->ssl = SSL_new(context);
    if (t && t->ssl) {
        t->in = BIO_new(BIO_s_mem());
        t->out = BIO_new(BIO_s_mem());
    }
    if (!t || !t->in || !t->out || expect_host(t->ssl, host) == -1) {
        if (t) {
            BIO_free(t->in);
            BIO_free(t->out);
            SSL_free(t->ssl);
            free(t);
        }
        ERR_clear_error();
        err_set(err, ERR_NOMEM, "TLS session");
        return NULL;
    }
    SSL_set_bio(t->ssl, t->in, t->out);
    SSL_set_connect_state(t->ssl);
    return t;
}

void redis_tls_destroy(redis_tls_t **tp)
{
    redis_tls_t *t = *tp;

    if (!t) return;
    *tp = NULL;
    SSL_free(t->ssl);
    free(t);
}

/* `rc` is what an SSL_ function returned; 0 when it only wants more bytes. */
static int outcome(redis_tls_t *t, int rc, const char *doing, struct err *err)
{
    int why = SSL_get_error(t->ssl, rc);
    long verified = SSL_get_verify_result(t->ssl);

    if (why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE) return 0;
    if (why == SSL_ERROR_ZERO_RETURN) return err_set(err, ERR_UNAVAILABLE, "Redis closed the TLS session");
    if (verified != X509_V_OK)
        err_set(err, ERR_CONFIG, "Redis' certificate is not accepted: %s",
                X509_verify_cert_error_string(verified));
    else
        err_set(err, ERR_UNAVAILABLE, "TLS %s with Redis: %s", doing, openssl_reason());
    ERR_clear_error();
    return -1;
}

int redis_tls_handshake(redis_tls_t *t, bool *done, struct err *err)
{
    int rc;

    ERR_clear_error();
    rc = SSL_do_handshake(t->ssl);
    if (rc != 1 && outcome(t, rc, "handshake", err) == -1) return -1;
    *done = rc == 1;
    return 0;
}

int redis_tls_feed(redis_tls_t *t, const void *cipher, size_t len, struct err *err)
{
    if (len > INT_MAX || BIO_write(t->in, cipher, (int)len) != (int)len)
        return err_set(err, ERR_NOMEM, "TLS input");
    return 0;
}

ssize_t redis_tls_read(redis_tls_t *t, void *plain, size_t len, struct err *err)
{
    int rc;

    ERR_clear_error();
    rc = SSL_read(t->ssl, plain, len > INT_MAX ? INT_MAX : (int)len);
    if (rc > 0) return rc;
    return outcome(t, rc, "read", err);
}

ssize_t redis_tls_write(redis_tls_t *t, const void *plain, size_t len, struct err *err)
{
    int rc;

    ERR_clear_error();
    rc = SSL_write(t->ssl, plain, len > INT_MAX ? INT_MAX : (int)len);
    if (rc > 0) return rc;
    return outcome(t, rc, "write", err);
}

size_t redis_tls_output(redis_tls_t *t, const char **cipher)
{
    char *data = NULL;
    long len = BIO_get_mem_data(t->out, &data);

    *cipher = data;
    return len > 0 ? (size_t)len : 0;
}

void redis_tls_sent(redis_tls_t *t, size_t len)
{
    char scratch[4096];

    /* A memory buffer lets go of bytes only by being read; all at once is the usual case. */
    if (len == BIO_ctrl_pending(t->out)) {
        (void)BIO_reset(t->out);
        return;
    }
    while (len > 0) {
        int rc = BIO_read(t->out, scratch, len < sizeof scratch ? (int)len : (int)sizeof scratch);
        if (rc <= 0) return;
        len -= (size_t)rc;
    }
}

bool redis_tls_buffered(const redis_tls_t *t)
{
    return SSL_pending(t->ssl) > 0 || BIO_ctrl_pending(t->in) > 0;
}
