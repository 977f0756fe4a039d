#include "lib/jwt.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "lib/auto.h"
#include "lib/base64.h"
#include "lib/digest.h"

#define P256_BYTES   32
#define RSA_BITS_MIN 2048 /* RFC 7518, 3.3 */

enum algorithm { ALG_UNKNOWN, ALG_HS256, ALG_RS256, ALG_ES256 };

struct key {
    char id[128];
    enum algorithm algorithm;
    EVP_PKEY *key;
};

struct jwt_keys {
    int n;
    struct key key[JWT_KEYS_MAX];
};

const char *jwt_verdict_text(enum jwt_verdict verdict)
{
    static const char *const texts[] = {
        [JWT_GOOD] = "good",       [JWT_MALFORMED] = "malformed", [JWT_UNKNOWN_KEY] = "unknown key",
        [JWT_FORGED] = "not signed by a key of ours", [JWT_NO_SECRET] = "signed by a secret that is not known here",
        [JWT_EXPIRED] = "expired", [JWT_NOT_FOR_US] = "not for this server",
    };
    return texts[verdict];
}

/* --- keys --- */

/* A number in base64url, as bytes. -1: there is none. */
static int number_of(const json_t *jwk, const char *name, struct buf *out)
{
    const char *text = json_string_value(json_object_get(jwk, name));
    return text && *text && base64_decode(text, strlen(text), out) == 0 && !out->bad && out->len ? 0 : -1;
}

static EVP_PKEY *build(const char *type, OSSL_PARAM_BLD *parts)
{
    EVP_PKEY *key = NULL;
    OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(parts);
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
    if (!params || !context || EVP_PKEY_fromdata_init(context) != 1 ||
        EVP_PKEY_fromdata(context, &key, EVP_PKEY_PUBLIC_KEY, params) != 1)
        key = NULL;
    EVP_PKEY_CTX_free(context);
    OSSL_PARAM_free(params);
    return key;
}

static EVP_PKEY *rsa_key(const json_t *jwk)
{
    AUTO(buf_done) struct buf n = BUF_INIT, e = BUF_INIT;
    EVP_PKEY *key = NULL;
    if (number_of(jwk, "n", &n) == -1 || number_of(jwk, "e", &e) == -1 || n.len > 1024 || e.len > 8) return NULL;
    BIGNUM *modulus = BN_bin2bn((unsigned char *)n.data, (int)n.len, NULL);
    BIGNUM *exponent = BN_bin2bn((unsigned char *)e.data, (int)e.len, NULL);
    OSSL_PARAM_BLD *parts = OSSL_PARAM_BLD_new();
    if (modulus && exponent && parts && OSSL_PARAM_BLD_push_BN(parts, OSSL_PKEY_PARAM_RSA_N, modulus) &&
        OSSL_PARAM_BLD_push_BN(parts, OSSL_PKEY_PARAM_RSA_E, exponent))
        key = build("RSA", parts);
    OSSL_PARAM_BLD_free(parts);
    BN_free(modulus);
    BN_free(exponent);
    if (!key || EVP_PKEY_get_bits(key) >= RSA_BITS_MIN) return key;
    EVP_PKEY_free(key);
    return NULL;
}

/* An uncompressed point, 04 x y, each filled up to its length; OpenSSL refuses one that is not on the curve. */
static EVP_PKEY *p256_key(const json_t *jwk)
{
    AUTO(buf_done) struct buf x = BUF_INIT, y = BUF_INIT;
    unsigned char point[1 + 2 * P256_BYTES] = {4};
    const char *curve = json_string_value(json_object_get(jwk, "crv"));
    EVP_PKEY *key = NULL;
    if (!curve || strcmp(curve, "P-256") != 0) return NULL;
    if (number_of(jwk, "x", &x) == -1 || number_of(jwk, "y", &y) == -1) return NULL;
    if (x.len > P256_BYTES || y.len > P256_BYTES) return NULL;
    memcpy(point + 1 + P256_BYTES - x.len, x.data, x.len);
    memcpy(point + 1 + 2 * P256_BYTES - y.len, y.data, y.len);
    OSSL_PARAM_BLD *parts = OSSL_PARAM_BLD_new();
    if (parts && OSSL_PARAM_BLD_push_utf8_string(parts, OSSL_PKEY_PARAM_GROUP_NAME, "P-256", 0) &&
        OSSL_PARAM_BLD_push_octet_string(parts, OSSL_PKEY_PARAM_PUB_KEY, point, sizeof point))
        key = build("EC", parts);
    OSSL_PARAM_BLD_free(parts);
    return key;
}

static bool is(const json_t *object, const char *name, const char *text)
{
    const char *value = json_string_value(json_object_get(object, name));
    return value && strcmp(value, text) == 0;
}

/* Of no use: for encryption, of another algorithm, or of a kind that we do not know (an "oct" among them: a secret is
 * never taken from a published set). */
static void take_key(jwt_keys_t *keys, const json_t *jwk)
{
    struct key *k = &keys->key[keys->n];
    const char *id = json_string_value(json_object_get(jwk, "kid"));
    const bool alg = json_object_get(jwk, "alg") != NULL, use = json_object_get(jwk, "use") != NULL;
    if (keys->n == JWT_KEYS_MAX || (use && !is(jwk, "use", "sig"))) return;
    if (id && strlen(id) >= sizeof k->id) return;
    *k = (struct key){0};
    if (is(jwk, "kty", "RSA") && (!alg || is(jwk, "alg", "RS256"))) {
        k->algorithm = ALG_RS256;
        k->key = rsa_key(jwk);
    } else if (is(jwk, "kty", "EC") && (!alg || is(jwk, "alg", "ES256"))) {
        k->algorithm = ALG_ES256;
        k->key = p256_key(jwk);
    }
    if (id) strcpy(k->id, id);
    if (k->key) keys->n++;
}

jwt_keys_t *jwt_keys_parse(const char *json, size_t len, struct err *err)
{
    size_t i;
    json_t *jwk, *set = json_loadb(json, len, 0, NULL);
    const json_t *list = json_object_get(set, "keys");
    jwt_keys_t *keys = json_is_array(list) ? calloc(1, sizeof *keys) : NULL;
    if (keys)
        json_array_foreach(list, i, jwk) take_key(keys, jwk);
    else
        err_set(err, json_is_array(list) ? ERR_NOMEM : ERR_INPUT, "the answer is not a set of keys");
    json_decref(set);
    return keys;
}

void jwt_keys_destroy(jwt_keys_t **keys)
{
    for (int i = 0; *keys && i < (*keys)->n; i++) EVP_PKEY_free((*keys)->key[i].key);
    free(*keys);
    *keys = NULL;
}

int jwt_keys_count(const jwt_keys_t *keys)
{
    return keys ? keys->n : 0;
}

/* --- signatures --- */

/* "HS256" with the secret, compared in constant time. */
static bool hmac_fits(const char *secret, const char *data, size_t len, const struct buf *signature)
{
    char hex[DIGEST_HEX], given[DIGEST_HEX] = "";
    if (signature->len != 32 || digest_hmac_hex(secret, strlen(secret), data, len, hex) == -1) return false;
    for (size_t i = 0; i < 32; i++) snprintf(given + 2 * i, 3, "%02x", (unsigned char)signature->data[i]);
    return CRYPTO_memcmp(hex, given, 64) == 0;
}

/* A JWS has r and s side by side (RFC 7518, 3.4), OpenSSL wants them in DER. */
static int to_der(const struct buf *raw, unsigned char **der)
{
    const unsigned char *at = (const unsigned char *)raw->data;
    if (raw->len != 2 * P256_BYTES) return -1;
    ECDSA_SIG *both = ECDSA_SIG_new();
    BIGNUM *r = BN_bin2bn(at, P256_BYTES, NULL), *s = BN_bin2bn(at + P256_BYTES, P256_BYTES, NULL);
    if (!both || !r || !s || ECDSA_SIG_set0(both, r, s) != 1) {
        BN_free(r);
        BN_free(s);
        ECDSA_SIG_free(both);
        return -1;
    }
    const int len = i2d_ECDSA_SIG(both, der);
    ECDSA_SIG_free(both);
    return len;
}

static bool key_fits(const struct key *k, const char *data, size_t len, const struct buf *signature)
{
    unsigned char *der = NULL;
    const unsigned char *sig = (const unsigned char *)signature->data;
    int n = (int)signature->len;
    if (k->algorithm == ALG_ES256) {
        n = to_der(signature, &der);
        sig = der;
    }
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    const bool fits = context && n > 0 && EVP_DigestVerifyInit(context, NULL, EVP_sha256(), NULL, k->key) == 1 &&
                      EVP_DigestVerify(context, sig, (size_t)n, (const unsigned char *)data, len) == 1;
    EVP_MD_CTX_free(context);
    OPENSSL_free(der);
    return fits;
}

static enum algorithm algorithm_of(const json_t *header)
{
    return is(header, "alg", "HS256")   ? ALG_HS256
           : is(header, "alg", "RS256") ? ALG_RS256
           : is(header, "alg", "ES256") ? ALG_ES256
                                        : ALG_UNKNOWN;
}

/* With a "kid" the key of that name and of that kind; without one, any key of the kind. */
static enum jwt_verdict check_signature(const json_t *header, const char *data, size_t len, const struct buf *signature,
                                        const struct jwt_rules *rules)
{
    const enum algorithm algorithm = algorithm_of(header);
    const json_t *kid = json_object_get(header, "kid");
    const char *id = json_string_value(kid);
    bool known = false;
    if (algorithm == ALG_UNKNOWN || json_object_get(header, "crit")) return JWT_FORGED; /* RFC 7515, 4.1.11 */
    if (algorithm == ALG_HS256 && !rules->secret) return JWT_NO_SECRET;
    if (algorithm == ALG_HS256) return hmac_fits(rules->secret, data, len, signature) ? JWT_GOOD : JWT_FORGED;
    for (int i = 0; i < jwt_keys_count(rules->keys); i++) {
        const struct key *k = &rules->keys->key[i];
        if (id && strcmp(id, k->id) != 0) continue;
        known = true;
        if (k->algorithm == algorithm && key_fits(k, data, len, signature)) return JWT_GOOD;
    }
    return known ? JWT_FORGED : JWT_UNKNOWN_KEY;
}

/* --- claims --- */

static bool audience_fits(const json_t *aud, const char *wanted)
{
    size_t i;
    json_t *one;
    if (json_is_string(aud)) return strcmp(json_string_value(aud), wanted) == 0;
    json_array_foreach(aud, i, one)
    {
        if (json_is_string(one) && strcmp(json_string_value(one), wanted) == 0) return true;
    }
    return false;
}

static enum jwt_verdict check_claims(const json_t *claims, const struct jwt_rules *rules)
{
    const json_t *exp = json_object_get(claims, "exp"), *nbf = json_object_get(claims, "nbf");
    const double now = (double)rules->now_s, skew = (double)rules->skew_s;
    if (!json_is_number(exp)) return JWT_NOT_FOR_US; /* one that never ends is no session */
    if (json_number_value(exp) + skew <= now) return JWT_EXPIRED;
    if (nbf && (!json_is_number(nbf) || json_number_value(nbf) - skew > now)) return JWT_NOT_FOR_US;
    if (rules->issuer && !is(claims, "iss", rules->issuer)) return JWT_NOT_FOR_US;
    if (rules->audience && !audience_fits(json_object_get(claims, "aud"), rules->audience)) return JWT_NOT_FOR_US;
    return JWT_GOOD;
}

/* One part, base64url and nothing else in it: what reads two texts as one signature's would let a signature be
 * written in many ways. */
static int decode_part(const char *at, size_t len, struct buf *out)
{
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    for (size_t i = 0; i < len; i++)
        if (!memchr(alphabet, at[i], sizeof alphabet - 1)) return -1;
    return len && base64_decode(at, len, out) == 0 && !out->bad && out->data ? 0 : -1;
}

static json_t *decode_json(const char *at, size_t len)
{
    AUTO(buf_done) struct buf text = BUF_INIT;
    if (decode_part(at, len, &text) == -1) return NULL;
    json_t *json = json_loadb(text.data, text.len, JSON_REJECT_DUPLICATES, NULL);
    if (json_is_object(json)) return json;
    json_decref(json);
    return NULL;
}

static enum jwt_verdict take(const char *token, const struct jwt_rules *rules, bool verify, json_t **claims)
{
    AUTO(buf_done) struct buf signature = BUF_INIT;
    const size_t len = strnlen(token, JWT_MAX + 1);
    const char *first = len <= JWT_MAX ? strchr(token, '.') : NULL, *second = first ? strchr(first + 1, '.') : NULL;
    if (!second || strchr(second + 1, '.')) return JWT_MALFORMED;
    json_t *header = decode_json(token, (size_t)(first - token));
    json_t *body = decode_json(first + 1, (size_t)(second - first) - 1);
    enum jwt_verdict verdict = JWT_MALFORMED;
    /* An empty signature is what "none" comes with: malformed or forged, it is refused all the same. */
    if (header && body && (second[1] == '\0' || decode_part(second + 1, strlen(second + 1), &signature) == 0))
        verdict = verify ? check_signature(header, token, (size_t)(second - token), &signature, rules) : JWT_GOOD;
    if (verdict == JWT_GOOD) verdict = check_claims(body, rules);
    if (verdict == JWT_GOOD) *claims = json_incref(body);
    json_decref(header);
    json_decref(body);
    return verdict;
}

enum jwt_verdict jwt_verify(const char *token, const struct jwt_rules *rules, json_t **claims)
{
    return take(token, rules, true, claims);
}

enum jwt_verdict jwt_read(const char *token, const struct jwt_rules *rules, json_t **claims)
{
    return take(token, rules, false, claims);
}
