#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <string.h>

#include "proto/ids.h"

static const uint8_t some_random[10] = {0xff, 0xee, 0xdd, 0xcc, 0xbb, 0xaa, 0x99, 0x88, 0x77, 0x66};

static void test_made_id_is_valid_and_begins_with_its_shard(void **state)
{
    (void)state;
    for (unsigned shard = 0; shard < 256; shard++) {
        char id[ID_TEXT];
        id_make(id, shard, 1790000000000, some_random);
        assert_true(id_valid(id));
        assert_int_equal(id_shard(id), shard);
    }
}

static void test_made_id_has_time_version_and_variant_where_rfc_9562_wants_them(void **state)
{
    (void)state;
    char id[ID_TEXT];
    id_make(id, 0x0a, 0x123456789abcde, some_random);
    assert_string_equal(id, "0a56789a-bcde-8fee-9dcc-bbaa99887766");
}

static void test_ids_of_one_shard_sort_by_age(void **state)
{
    (void)state;
    static const uint8_t low[10] = {0};
    char older[ID_TEXT], younger[ID_TEXT];
    id_make(older, 3, 1790000000000, some_random);
    id_make(younger, 3, 1790000000001, low);
    assert_true(strcmp(older, younger) < 0);
}

static void test_id_survives_its_bytes(void **state)
{
    (void)state;
    char id[ID_TEXT], back[ID_TEXT];
    uint8_t bytes[16];
    id_make(id, 0x5e, 1790000000000, some_random);
    id_to_bytes(id, bytes);
    assert_int_equal(bytes[0], 0x5e);
    id_from_bytes(bytes, back);
    assert_string_equal(back, id);
}

static void test_what_is_not_an_id_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "00a1b2c3-d4e5-8f60-8a1b-2c3d4e5f607",   /* short */
        "00a1b2c3-d4e5-8f60-8a1b-2c3d4e5f60711", /* long */
        "00A1b2c3-d4e5-8f60-8a1b-2c3d4e5f6071",  /* capital */
        "00a1b2c3-d4e5-4f60-8a1b-2c3d4e5f6071",  /* version 4 */
        "00a1b2c3-d4e5-8f60-ca1b-2c3d4e5f6071",  /* another variant */
        "00a1b2c3d-4e5-8f60-8a1b-2c3d4e5f6071",  /* a dash astray */
        "00a1b2c3-d4e5-8f60-8a1b-2c3d4e5f60/.",  /* not hex */
        "../../../../../../../../etc/passwd00",
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) assert_false(id_valid(bad[i]));
    assert_false(id_valid(NULL));
}

static void test_nonsense_gives_bytes_and_shard_without_harm(void **state)
{
    (void)state;
    uint8_t bytes[16];
    id_to_bytes("x", bytes);
    id_to_bytes("", bytes);
    assert_int_equal(id_shard(""), 0);
    assert_int_equal(id_shard("a"), 0);
    assert_int_equal(id_shard("zz"), 0);
}

static void test_token_is_ordered_by_run_then_attempt_then_delivery(void **state)
{
    (void)state;
    struct token t = {5, 5, 5};
    assert_int_equal(token_compare(&t, &(struct token){5, 5, 5}), 0);
    assert_true(token_compare(&t, &(struct token){6, 1, 1}) < 0);
    assert_true(token_compare(&t, &(struct token){4, 9, 9}) > 0);
    assert_true(token_compare(&t, &(struct token){5, 6, 1}) < 0);
    assert_true(token_compare(&t, &(struct token){5, 4, 9}) > 0);
    assert_true(token_compare(&t, &(struct token){5, 5, 6}) < 0);
    assert_true(token_compare(&t, &(struct token){5, 5, 4}) > 0);
}

static void test_largest_token_and_entry_fit_and_come_back(void **state)
{
    (void)state;
    char text[TOKEN_TEXT], entry_text[ENTRY_TEXT];
    struct token t = {UINT64_MAX, UINT32_MAX, UINT32_MAX}, back = {0};
    assert_string_equal(token_format(&t, text), "18446744073709551615.4294967295.4294967295");
    assert_true(token_parse(text, &back));
    assert_int_equal(token_compare(&t, &back), 0);

    struct entry_id e = {UINT64_MAX, UINT64_MAX}, e_back = {0};
    assert_string_equal(entry_format(&e, entry_text), "18446744073709551615-18446744073709551615");
    assert_true(entry_parse(entry_text, &e_back));
    assert_true(e_back.ms == UINT64_MAX && e_back.seq == UINT64_MAX);
}

static void test_numbers_are_written_without_a_leading_zero(void **state)
{
    (void)state;
    char text[NUMBER_TEXT];
    assert_string_equal(number_format(0, text), "0");
    assert_string_equal(number_format(9, text), "9");
    assert_string_equal(number_format(100, text), "100");
    assert_string_equal(number_format(UINT64_MAX, text), "18446744073709551615");
}

static void test_token_text_is_the_whole_text_and_nothing_else(void **state)
{
    (void)state;
    static const char *const bad[] = {"",
                                      "1",
                                      "1.2",
                                      "1.2.",
                                      ".1.2",
                                      "1.2.3.",
                                      "1.2.3 ",
                                      " 1.2.3",
                                      "+1.2.3",
                                      "-1.2.3",
                                      "01.2.3",
                                      "1.02.3",
                                      "1.2.0x3",
                                      "1..3",
                                      "1-2-3",
                                      "1.2.3a",
                                      "1,2,3",
                                      "1.4294967296.1",
                                      "1.1.4294967296",
                                      "18446744073709551616.1.1",
                                      "99999999999999999999999.1.1"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct token t = {7, 7, 7};
        assert_false(token_parse(bad[i], &t));
        assert_int_equal(t.run, 7); /* untouched */
    }
    struct token zero;
    assert_true(token_parse("0.0.0", &zero));
    assert_false(token_parse(NULL, &zero));
}

static void test_entry_text_is_the_whole_text_and_nothing_else(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "", "1", "1-", "-1", "1-2-3", "1-2 ", "1.2", "00-1", "18446744073709551616-0"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct entry_id e;
        assert_false(entry_parse(bad[i], &e));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_made_id_is_valid_and_begins_with_its_shard),
        cmocka_unit_test(test_made_id_has_time_version_and_variant_where_rfc_9562_wants_them),
        cmocka_unit_test(test_ids_of_one_shard_sort_by_age),
        cmocka_unit_test(test_id_survives_its_bytes),
        cmocka_unit_test(test_what_is_not_an_id_is_refused),
        cmocka_unit_test(test_nonsense_gives_bytes_and_shard_without_harm),
        cmocka_unit_test(test_token_is_ordered_by_run_then_attempt_then_delivery),
        cmocka_unit_test(test_largest_token_and_entry_fit_and_come_back),
        cmocka_unit_test(test_numbers_are_written_without_a_leading_zero),
        cmocka_unit_test(test_token_text_is_the_whole_text_and_nothing_else),
        cmocka_unit_test(test_entry_text_is_the_whole_text_and_nothing_else),
    };
    return cmocka_run_group_tests_name("ids", tests, NULL, NULL);
}
