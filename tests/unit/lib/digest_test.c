#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <string.h>

#include "lib/digest.h"

/* The vectors of FIPS 180-2, appendix B, and RFC 4231, case 2. */
#define ABC   "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
#define EMPTY "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

static void test_digest_of_known_texts(void **state)
{
    (void)state;
    char hex[DIGEST_HEX];
    digest_hex("abc", 3, hex);
    assert_string_equal(hex, ABC);
    digest_hex("", 0, hex);
    assert_string_equal(hex, EMPTY);
}

static void test_steps_give_the_same_as_one_piece(void **state)
{
    (void)state;
    char hex[DIGEST_HEX];
    digest_t *d = digest_new();
    assert_non_null(d);
    digest_add(d, "a", 1);
    digest_add(d, "", 0);
    digest_add(d, "bc", 2);
    digest_end(&d, hex);
    assert_null(d);
    assert_string_equal(hex, ABC);
}

static void test_a_digest_can_be_thrown_away_and_ended_twice(void **state)
{
    (void)state;
    digest_t *d = digest_new();
    digest_add(d, "x", 1);
    digest_end(&d, NULL);
    digest_end(&d, NULL);
    assert_null(d);
}

static void test_hmac_of_rfc_4231(void **state)
{
    (void)state;
    char hex[DIGEST_HEX];
    assert_int_equal(digest_hmac_hex("Jefe", 4, "what do ya want for nothing?", 28, hex), 0);
    assert_string_equal(hex, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    assert_int_equal(digest_hmac_hex(NULL, 0, "", 0, hex), 0);
}

static void test_submission_id_is_the_digest_of_base_and_index(void **state)
{
    (void)state;
    char id[13], hex[DIGEST_HEX];
    digest_hex("ba7816bf8f01:12", 15, hex);
    submission_id(id, "ba7816bf8f01", 12);
    assert_int_equal(strlen(id), 12);
    assert_memory_equal(id, hex, 12);
}

static void test_random_bytes_differ(void **state)
{
    (void)state;
    unsigned char a[16] = {0}, b[16] = {0};
    random_bytes(a, sizeof a);
    random_bytes(b, sizeof b);
    assert_memory_not_equal(a, b, sizeof a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_digest_of_known_texts),
        cmocka_unit_test(test_steps_give_the_same_as_one_piece),
        cmocka_unit_test(test_a_digest_can_be_thrown_away_and_ended_twice),
        cmocka_unit_test(test_hmac_of_rfc_4231),
        cmocka_unit_test(test_submission_id_is_the_digest_of_base_and_index),
        cmocka_unit_test(test_random_bytes_differ),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
