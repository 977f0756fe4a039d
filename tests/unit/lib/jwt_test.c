#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rsa.h>

#include "lib/base64.h"
#include "lib/jwt.h"

#define NOW    1800000000
#define SECRET "a secret that only the project and we have"
#define CLAIMS "{\"iss\":\"https://p.example/auth/v1\",\"aud\":\"authenticated\",\"sub\":\"u\",\"exp\":1800000100}"

static EVP_PKEY *rsa, *other_rsa, *ec;
static jwt_keys_t *keys;
static char *set; /* what is published */

/* --- a signer --- */

static void add_part(struct buf *out, const void *data, size_t len)
{
    if (out->len) buf_putc(out, '.');
    base64_url_add(out, data, len);
}

static void sign_raw_ec(struct buf *out, const unsigned char *der, size_t len)
{
    unsigned char raw[64];
    ECDSA_SIG *sig = d2i_ECDSA_SIG(NULL, &der, (long)len);
    BN_bn2binpad(ECDSA_SIG_get0_r(sig), raw, 32);
    BN_bn2binpad(ECDSA_SIG_get0_s(sig), raw + 32, 32);
    ECDSA_SIG_free(sig);
    add_part(out, raw, sizeof raw);
}

/* key NULL: HS256 by `secret`. The caller frees. */
static char *token(const char *header, const char *claims, EVP_PKEY *key, const void *secret, size_t secret_len)
{
    struct buf out = BUF_INIT;
    unsigned char sum[1024];
    size_t n = sizeof sum;
    unsigned m;
    add_part(&out, header, strlen(header));
    add_part(&out, claims, strlen(claims));
    if (!key) {
        HMAC(EVP_sha256(), secret, (int)secret_len, (unsigned char *)out.data, out.len, sum, &m);
        add_part(&out, sum, m);
        return buf_take(&out, NULL);
    }
    EVP_MD_CTX *c = EVP_MD_CTX_new();
    assert_int_equal(EVP_DigestSignInit(c, NULL, EVP_sha256(), NULL, key), 1);
    assert_int_equal(EVP_DigestSign(c, sum, &n, (unsigned char *)out.data, out.len), 1);
    EVP_MD_CTX_free(c);
    if (EVP_PKEY_get_base_id(key) == EVP_PKEY_EC)
        sign_raw_ec(&out, sum, n);
    else
        add_part(&out, sum, n);
    return buf_take(&out, NULL);
}

static void add_number(struct buf *out, const char *name, EVP_PKEY *key, const char *param, int pad)
{
    unsigned char bytes[1024];
    BIGNUM *bn = NULL;
    assert_int_equal(EVP_PKEY_get_bn_param(key, param, &bn), 1);
    const int n = pad ? BN_bn2binpad(bn, bytes, pad) : BN_bn2bin(bn, bytes);
    buf_printf(out, ",\"%s\":\"", name);
    base64_url_add(out, bytes, (size_t)n);
    buf_putc(out, '"');
    BN_free(bn);
}

static int make_keys(void **state)
{
    (void)state;
    struct buf b = BUF_INIT;
    rsa = EVP_RSA_gen(2048);
    other_rsa = EVP_RSA_gen(2048);
    ec = EVP_EC_gen("P-256");
    buf_puts(&b, "{\"keys\":[{\"kty\":\"oct\",\"kid\":\"o\",\"alg\":\"HS256\",\"k\":\"AAAA\"},{\"kty\":\"RSA\",\"kid\":\"r\",\"alg\":\"RS256\",\"use\":\"sig\"");
    add_number(&b, "n", rsa, OSSL_PKEY_PARAM_RSA_N, 0);
    add_number(&b, "e", rsa, OSSL_PKEY_PARAM_RSA_E, 0);
    buf_puts(&b, "},{\"kty\":\"EC\",\"crv\":\"P-256\",\"kid\":\"e\",\"alg\":\"ES256\"");
    add_number(&b, "x", ec, OSSL_PKEY_PARAM_EC_PUB_X, 32);
    add_number(&b, "y", ec, OSSL_PKEY_PARAM_EC_PUB_Y, 32);
    buf_puts(&b, "},{\"kty\":\"EC\",\"crv\":\"P-256\",\"kid\":\"off the curve\",\"x\":\"AQ\",\"y\":\"AQ\"}]}");
    set = buf_take(&b, NULL);
    keys = jwt_keys_parse(set, strlen(set), NULL);
    return keys ? 0 : -1;
}

static int end_keys(void **state)
{
    (void)state;
    jwt_keys_destroy(&keys);
    EVP_PKEY_free(rsa);
    EVP_PKEY_free(other_rsa);
    EVP_PKEY_free(ec);
    free(set);
    return 0;
}

static struct jwt_rules rules(void)
{
    return (struct jwt_rules){.secret = SECRET, .keys = keys, .issuer = "https://p.example/auth/v1",
                              .audience = "authenticated", .now_s = NOW, .skew_s = 30};
}

static void expect(char *made, const struct jwt_rules *r, enum jwt_verdict wanted)
{
    json_t *claims = NULL;
    assert_string_equal(jwt_verdict_text(jwt_verify(made, r, &claims)), jwt_verdict_text(wanted));
    assert_int_equal(claims != NULL, wanted == JWT_GOOD);
    json_decref(claims);
    free(made);
}

#define HS(header, claims) token(header, claims, NULL, SECRET, sizeof SECRET - 1)

/* --- the tests --- */

static void test_a_token_of_each_kind_that_its_key_signed_is_good(void **state)
{
    (void)state;
    const struct jwt_rules r = rules();
    assert_int_equal(jwt_keys_count(keys), 2);
    expect(HS("{\"alg\":\"HS256\"}", CLAIMS), &r, JWT_GOOD);
    expect(token("{\"alg\":\"RS256\",\"kid\":\"r\"}", CLAIMS, rsa, NULL, 0), &r, JWT_GOOD);
    expect(token("{\"alg\":\"ES256\",\"kid\":\"e\"}", CLAIMS, ec, NULL, 0), &r, JWT_GOOD);
    expect(token("{\"alg\":\"ES256\"}", CLAIMS, ec, NULL, 0), &r, JWT_GOOD);
}

static void test_a_signature_by_another_key_is_forged(void **state)
{
    (void)state;
    const struct jwt_rules r = rules();
    expect(token("{\"alg\":\"RS256\",\"kid\":\"r\"}", CLAIMS, other_rsa, NULL, 0), &r, JWT_FORGED);
    expect(token("{\"alg\":\"HS256\"}", CLAIMS, NULL, "guess", 5), &r, JWT_FORGED);
    expect(token("{\"alg\":\"RS256\",\"kid\":\"gone\"}", CLAIMS, rsa, NULL, 0), &r, JWT_UNKNOWN_KEY);
}

static void test_a_changed_byte_of_claims_or_signature_is_forged(void **state)
{
    (void)state;
    const struct jwt_rules r = rules();
    char *made = token("{\"alg\":\"ES256\",\"kid\":\"e\"}", CLAIMS, ec, NULL, 0);
    char *at = strrchr(made, '.');
    at[5] = at[5] == 'A' ? 'B' : 'A';
    expect(made, &r, JWT_FORGED);
    struct buf swapped = BUF_INIT;
    char *good = HS("{\"alg\":\"HS256\"}", CLAIMS), *first = strchr(good, '.'), *last = strrchr(good, '.');
    static const char others[] = "{\"iss\":\"https://p.example/auth/v1\",\"aud\":\"authenticated\",\"sub\":\"me\",\"exp\":1800000100}";
    buf_add(&swapped, good, (size_t)(first - good));
    add_part(&swapped, others, sizeof others - 1);
    buf_puts(&swapped, last);
    free(good);
    expect(buf_take(&swapped, NULL), &r, JWT_FORGED);
}

static void test_the_algorithm_none_is_refused_in_every_spelling(void **state)
{
    (void)state;
    const struct jwt_rules r = rules();
    static const char *const spellings[] = {"none", "None", "NONE", "", "hs256", "HS384", "PS256", "EdDSA"};
    for (size_t i = 0; i < sizeof spellings / sizeof *spellings; i++) {
        struct buf b = BUF_INIT, header = BUF_INIT;
        buf_printf(&header, "{\"alg\":\"%s\"}", spellings[i]);
        add_part(&b, header.data, header.len);
        add_part(&b, CLAIMS, sizeof CLAIMS - 1);
        buf_putc(&b, '.');
        expect(buf_take(&b, NULL), &r, JWT_FORGED);
        expect(HS(header.data, CLAIMS), &r, JWT_FORGED);
        buf_done(&header);
    }
    expect(HS("{}", CLAIMS), &r, JWT_FORGED);
    expect(HS("{\"alg\":[\"HS256\"]}", CLAIMS), &r, JWT_FORGED);
}

/* The public key is published, so whoever takes it for a secret lets everybody sign. */
static void test_a_public_key_is_never_a_secret(void **state)
{
    (void)state;
    struct jwt_rules r = rules();
    r.secret = NULL;
    expect(token("{\"alg\":\"HS256\",\"kid\":\"r\"}", CLAIMS, NULL, set, strlen(set)), &r, JWT_NO_SECRET);
    expect(token("{\"alg\":\"HS256\",\"kid\":\"o\"}", CLAIMS, NULL, "\0\0\0", 3), &r, JWT_NO_SECRET);
    expect(HS("{\"alg\":\"HS256\"}", CLAIMS), &r, JWT_NO_SECRET);
    r.secret = SECRET;
    expect(token("{\"alg\":\"HS256\",\"kid\":\"r\"}", CLAIMS, NULL, set, strlen(set)), &r, JWT_FORGED);
    expect(token("{\"alg\":\"ES256\",\"kid\":\"r\"}", CLAIMS, ec, NULL, 0), &r, JWT_FORGED);
    expect(token("{\"alg\":\"RS256\",\"kid\":\"e\"}", CLAIMS, rsa, NULL, 0), &r, JWT_FORGED);
}

static void test_times_count_with_the_skew_of_two_clocks(void **state)
{
    (void)state;
    struct jwt_rules r = rules();
    r.issuer = r.audience = NULL;
    expect(HS("{\"alg\":\"HS256\"}", "{\"exp\":1799999971}"), &r, JWT_GOOD);
    expect(HS("{\"alg\":\"HS256\"}", "{\"exp\":1799999970}"), &r, JWT_EXPIRED);
    expect(HS("{\"alg\":\"HS256\"}", "{\"exp\":1800000100,\"nbf\":1800000030}"), &r, JWT_GOOD);
    expect(HS("{\"alg\":\"HS256\"}", "{\"exp\":1800000100,\"nbf\":1800000031}"), &r, JWT_NOT_FOR_US);
    expect(HS("{\"alg\":\"HS256\"}", "{}"), &r, JWT_NOT_FOR_US);
    expect(HS("{\"alg\":\"HS256\"}", "{\"exp\":\"1800000100\"}"), &r, JWT_NOT_FOR_US);
}

static void test_a_token_for_others_is_not_for_us(void **state)
{
    (void)state;
    const struct jwt_rules r = rules();
    const char *const head = "{\"alg\":\"HS256\"}";
    expect(HS(head, "{\"iss\":\"https://p.example/auth/v1\",\"aud\":[\"x\",\"authenticated\"],\"exp\":1800000100}"), &r, JWT_GOOD);
    expect(HS(head, "{\"iss\":\"https://p.example/auth/v1\",\"aud\":[\"x\"],\"exp\":1800000100}"), &r, JWT_NOT_FOR_US);
    expect(HS(head, "{\"iss\":\"https://p.example/auth/v1\",\"exp\":1800000100}"), &r, JWT_NOT_FOR_US);
    expect(HS(head, "{\"iss\":\"https://q.example/auth/v1\",\"aud\":\"authenticated\",\"exp\":1800000100}"), &r, JWT_NOT_FOR_US);
    expect(HS("{\"alg\":\"HS256\",\"crit\":[\"b64\"]}", CLAIMS), &r, JWT_FORGED);
}

/* Somebody else looks at the signature; all the rest counts as ever. */
static void test_a_token_is_read_without_its_signature_only_when_that_is_asked_for(void **state)
{
    (void)state;
    const struct jwt_rules r = rules();
    static const struct {
        const char *claims;
        enum jwt_verdict verdict;
    } rows[] = {
        {CLAIMS, JWT_GOOD},
        {"{\"iss\":\"https://p.example/auth/v1\",\"aud\":\"authenticated\",\"exp\":1799999970}", JWT_EXPIRED},
        {"{\"iss\":\"https://q.example/auth/v1\",\"aud\":\"authenticated\",\"exp\":1800000100}", JWT_NOT_FOR_US},
        {"{\"iss\":\"https://p.example/auth/v1\",\"aud\":\"anon\",\"exp\":1800000100}", JWT_NOT_FOR_US},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        json_t *claims = NULL;
        char *made = token("{\"alg\":\"HS256\"}", rows[i].claims, NULL, "guess", 5);
        assert_int_equal(jwt_read(made, &r, &claims), rows[i].verdict);
        assert_int_equal(claims != NULL, rows[i].verdict == JWT_GOOD);
        json_decref(claims);
        expect(made, &r, JWT_FORGED);
    }
    json_t *claims = NULL;
    assert_int_equal(jwt_read("a.b", &r, &claims), JWT_MALFORMED);
}

static void test_what_is_no_token_is_malformed(void **state)
{
    (void)state;
    const struct jwt_rules r = rules();
    static const char *const bad[] = {"", ".", "..", "...", "a.b", "a.b.c", "e30.e30", "e30.e30.e30.e30", "e30.W10.AA", "e30.e30.A A",
                                      "e30.e30.A+/A", "eyJhbGciOiJIUzI1NiIsImFsZyI6Im5vbmUifQ.e30.AAAA"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) expect(strdup(bad[i]), &r, JWT_MALFORMED);
    char *longest = malloc(JWT_MAX + 2);
    memset(longest, 'A', JWT_MAX + 1);
    longest[JWT_MAX + 1] = '\0';
    expect(longest, &r, JWT_MALFORMED);
}

static void test_a_set_of_keys_is_read_for_what_is_of_use_in_it(void **state)
{
    (void)state;
    struct err err = {0};
    jwt_keys_t *none = jwt_keys_parse("{\"keys\":[]}", 11, &err);
    assert_non_null(none);
    assert_int_equal(jwt_keys_count(none), 0);
    jwt_keys_destroy(&none);
    assert_null(jwt_keys_parse("{\"keys\":{}}", 11, &err));
    assert_null(jwt_keys_parse("<html>", 6, &err));
    static const char weak[] = "{\"keys\":[{\"kty\":\"RSA\",\"n\":\"wQ\",\"e\":\"AQAB\"},{\"kty\":\"RSA\"},{\"kty\":\"EC\",\"crv\":\"P-384\"},7,null]}";
    jwt_keys_t *k = jwt_keys_parse(weak, sizeof weak - 1, &err);
    assert_int_equal(jwt_keys_count(k), 0);
    jwt_keys_destroy(&k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_token_of_each_kind_that_its_key_signed_is_good),
        cmocka_unit_test(test_a_signature_by_another_key_is_forged),
        cmocka_unit_test(test_a_changed_byte_of_claims_or_signature_is_forged),
        cmocka_unit_test(test_the_algorithm_none_is_refused_in_every_spelling),
        cmocka_unit_test(test_a_public_key_is_never_a_secret),
        cmocka_unit_test(test_times_count_with_the_skew_of_two_clocks),
        cmocka_unit_test(test_a_token_for_others_is_not_for_us),
        cmocka_unit_test(test_a_token_is_read_without_its_signature_only_when_that_is_asked_for),
        cmocka_unit_test(test_what_is_no_token_is_malformed),
        cmocka_unit_test(test_a_set_of_keys_is_read_for_what_is_of_use_in_it),
    };
    return cmocka_run_group_tests(tests, make_keys, end_keys);
}
