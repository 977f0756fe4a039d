/* jwt: is a token what its signer said, for us, and still good (RFC 7519, 7515).  Verifies; what the claims mean is
 * the caller's.  Pure: no clock, no network; the only code that verifies signatures with OpenSSL.
 *
 * The algorithm is chosen by the key, never by the token alone: a secret verifies HS256 and nothing else, an RSA key
 * RS256, a P-256 key ES256.  So "none", and an RSA public key taken for a secret, have no way in.
 *
 * A jwt_keys_t is constant once parsed: any thread.
 */
#ifndef SHEAF_JWT_H
#define SHEAF_JWT_H

#include <jansson.h>
#include <stdint.h>
#include "lib/err.h"

#define JWT_MAX      8192 /* bytes of a token; a longer one is none */
#define JWT_KEYS_MAX 64   /* keys of one set that are kept */

/* A JWK set (RFC 7517). Keys of kinds or algorithms that we do not know are passed over; an empty set is a good
 * one (a project that still signs with its secret publishes none).  NULL: it is not a JWK set. */
typedef struct jwt_keys jwt_keys_t;
jwt_keys_t *jwt_keys_parse(const char *json, size_t len, struct err *err);
void jwt_keys_destroy(jwt_keys_t **keys);
int jwt_keys_count(const jwt_keys_t *keys); /* that are of use */

struct jwt_rules {
    const char *secret;     /* for HS256; NULL: it is JWT_NO_SECRET */
    const jwt_keys_t *keys; /* for RS256 and ES256; NULL: none yet */
    const char *issuer;     /* what iss must be; NULL: not looked at */
    const char *audience;   /* what aud, a text or a list, must be or hold; NULL: not looked at */
    int64_t now_s;          /* since 1970 */
    int64_t skew_s;         /* how much later and earlier than that the signer's clock may be */
};

enum jwt_verdict {
    JWT_GOOD,
    JWT_MALFORMED,   /* no token at all */
    JWT_UNKNOWN_KEY, /* names a key that is not in the set: perhaps a newer set has it */
    JWT_FORGED,      /* the signature is not of that key, or of no algorithm that is allowed */
    JWT_NO_SECRET,   /* HS256, and there is no secret to look at it with */
    JWT_EXPIRED,
    JWT_NOT_FOR_US /* issuer, audience, not valid yet, or without a time of expiry */
};
const char *jwt_verdict_text(enum jwt_verdict verdict);

/* *claims is the caller's, filled only for JWT_GOOD. */
enum jwt_verdict jwt_verify(const char *token, const struct jwt_rules *rules, json_t **claims);
/* All but the signature, for whoever has its signer look at that: until it did, the claims are anybody's words. */
enum jwt_verdict jwt_read(const char *token, const struct jwt_rules *rules, json_t **claims);

#endif
