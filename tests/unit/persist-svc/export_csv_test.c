#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <string.h>
#include <cmocka.h>
#include "persist-svc/export_csv.h"

static void check_cell(const char *text, const char *expected)
{
    struct buf b = BUF_INIT;
    export_csv_cell(&b, text);
    assert_string_equal(b.len ? b.data : "", expected);
    buf_done(&b);
}

static void test_cell_plain_stays(void **state)
{
    (void)state;
    check_cell("Ana Luz", "Ana Luz");
    check_cell("", "");
    check_cell("5", "5");
    check_cell("a=b", "a=b");
}

static void test_cell_with_comma_quote_or_newline_is_quoted(void **state)
{
    (void)state;
    check_cell("Norte, Escuela", "\"Norte, Escuela\"");
    check_cell("the \"best\"", "\"the \"\"best\"\"\"");
    check_cell("two\nlines", "\"two\nlines\"");
}

static void test_cell_that_begins_a_formula_gets_an_apostrophe(void **state)
{
    (void)state;
    check_cell("=SUM(A1)", "'=SUM(A1)");
    check_cell("+1 217 555 0129", "'+1 217 555 0129");
    check_cell("-5", "'-5");
    check_cell("@user", "'@user");
    check_cell("\tx", "'\tx");
    check_cell("\rx", "\"'\rx\"");
    check_cell("\n=1", "\"'\n=1\"");
    check_cell("\xef\xbc\x9dSUM(A1)", "'\xef\xbc\x9dSUM(A1)");
    check_cell("\xef\xbc\x8b" "1", "'\xef\xbc\x8b" "1");
    check_cell("\xef\xbc\x8d" "1", "'\xef\xbc\x8d" "1");
    check_cell("\xef\xbc\xa0user", "'\xef\xbc\xa0user");
    check_cell("\xef\xbc\xa1na", "\xef\xbc\xa1na");
    check_cell("=1,2", "\"'=1,2\"");
}

static void test_header_has_the_order_that_others_rely_on(void **state)
{
    (void)state;
    struct buf b = BUF_INIT;
    export_csv_header(&b);
    assert_string_equal(
        b.data,
        "submission_id,student_name,school_name,grade,teacher_name,city_or_location,father_figure_name,"
        "phone,email,word_count,ocr_confidence_avg,review_reason_codes,artifact_dir,filename,pdf_url\r\n");
    buf_done(&b);
}

static void test_row_has_two_decimals_and_the_whole_address(void **state)
{
    (void)state;
    struct buf b = BUF_INIT;
    json_t *record = json_pack("{s:s, s:s, s:n, s:i, s:f, s:s, s:s}", "submission_id", "0123456789ab",
                               "student_name", "Ana", "grade", "word_count", 120, "ocr_confidence_avg",
                               0.9371, "filename", "a.pdf", "pdf_url", "/pdf/x/y");
    export_csv_row(&b, record, "http://127.0.0.1:8080");
    assert_string_equal(b.data, "0123456789ab,Ana,,,,,,,,120,0.94,,,a.pdf,http://127.0.0.1:8080/pdf/x/y\r\n");
    buf_clear(&b);
    json_object_set_new(record, "pdf_url", json_string("https://store.example/x?signed"));
    export_csv_row(&b, record, "http://127.0.0.1:8080");
    assert_string_equal(b.data, "0123456789ab,Ana,,,,,,,,120,0.94,,,a.pdf,https://store.example/x?signed\r\n");
    json_decref(record);
    buf_done(&b);
}

static void check_name(const char *school, const char *grade, const char *expected)
{
    struct buf b = BUF_INIT;
    export_filename(&b, school, grade, 12, "csv");
    assert_string_equal(b.data, expected);
    buf_done(&b);
}

static void test_filename_by_scope(void **state)
{
    (void)state;
    check_name(NULL, NULL, "clean_records_export_12_records.csv");
    check_name("Lincoln East", NULL, "school_Lincoln_East_export_12_records.csv");
    check_name("Lincoln", "K", "school_Lincoln_grade_K_export_12_records.csv");
}

static void test_filename_of_a_hostile_school_is_harmless(void **state)
{
    (void)state;
    check_name("../a\"\r\nb", NULL, "school____a___b_export_12_records.csv");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cell_plain_stays),
        cmocka_unit_test(test_cell_with_comma_quote_or_newline_is_quoted),
        cmocka_unit_test(test_cell_that_begins_a_formula_gets_an_apostrophe),
        cmocka_unit_test(test_header_has_the_order_that_others_rely_on),
        cmocka_unit_test(test_row_has_two_decimals_and_the_whole_address),
        cmocka_unit_test(test_filename_by_scope),
        cmocka_unit_test(test_filename_of_a_hostile_school_is_harmless),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
