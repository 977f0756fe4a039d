/* The workbook is held against a ZIP and an XML parser in tests/system/test_api.py; here, what depends on single characters. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <string.h>
#include <cmocka.h>
#include "persist-svc/export_xlsx.h"

static struct buf book_of(const char *student)
{
    struct buf out = BUF_INIT;
    json_t *record = json_pack("{s:s}", "student_name", student);
    xlsx_t *x = export_xlsx_begin(&out);
    assert_non_null(record);
    assert_non_null(x);
    export_xlsx_row(x, &out, record, "");
    export_xlsx_end(x, &out);
    export_xlsx_destroy(&x);
    json_decref(record);
    return out;
}

static void check_same_book(const char *student, const char *as)
{
    struct buf a = book_of(student), b = book_of(as);
    assert_int_equal(a.len, b.len);
    assert_memory_equal(a.data, b.data, a.len);
    buf_done(&a);
    buf_done(&b);
}

static void test_characters_that_xml_has_no_place_for_are_left_out(void **state)
{
    (void)state;
    check_same_book("Ana\x01 Luz\x1f", "Ana Luz");
    check_same_book("Ana\xef\xbf\xbe Luz\xef\xbf\xbf", "Ana Luz");
}

static void test_their_neighbours_stay(void **state)
{
    (void)state;
    struct buf with = book_of("Ana \xef\xbf\xbd\xef\xbe\xbf"), without = book_of("Ana ");
    assert_int_not_equal(with.len, without.len);
    buf_done(&with);
    buf_done(&without);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_characters_that_xml_has_no_place_for_are_left_out),
        cmocka_unit_test(test_their_neighbours_stay),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
