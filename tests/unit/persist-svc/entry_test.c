#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <string.h>
#include <cmocka.h>
#include "persist-svc/entry.h"
#include "persist-svc/record.h"

#define OWNER  "00000000-0000-4000-8000-000000000001"
#define DIGEST "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

static void test_document_gives_base_and_object(void **state)
{
    (void)state;
    json_t *body = json_pack("{s:s, s:s, s:s, s:s, s:s}", "owner", OWNER, "digest", DIGEST, "mime",
                             "image/png", "name", "a.png", "batch", "");
    struct document d;
    assert_int_equal(document_read(&d, body, NULL), 0);
    assert_string_equal(d.base, "001122334455");
    assert_string_equal(d.object_path, "essay-submissions/" OWNER "/001122334455/original.png");
    assert_null(d.batch);
    json_decref(body);
}

static void test_document_of_a_wrong_shape_is_refused(void **state)
{
    (void)state;
    struct document d;
    struct err err = {0};
    json_t *body = json_pack("{s:s, s:s}", "owner", "../..", "digest", DIGEST);
    assert_int_equal(document_read(&d, body, &err), -1);
    assert_int_equal(err.kind, ERR_INPUT);
    json_decref(body);
    body = json_pack("{s:s, s:i}", "owner", OWNER, "digest", 7);
    assert_int_equal(document_read(&d, body, &err), -1);
    json_decref(body);
    assert_int_equal(document_read(&d, NULL, &err), -1);
}

static void test_entry_whole(void **state)
{
    (void)state;
    json_t *entry =
        json_loads("{\"entry\":0,\"pages\":[3,4],\"doc_class\":\"BULK_SCANNED_BATCH\","
                   "\"fields\":{\"grade\":{\"value\":\"5\",\"confidence\":0.9,\"page\":3,\"raw\":\"5to\"},"
                   "\"shoe_size\":{\"value\":\"36\"}},"
                   "\"essay\":{\"text\":\"one two\",\"words\":2,\"pages\":[4]},\"ocr_confidence_avg\":0.5,"
                   "\"observed\":[\"OCR_FAILED\"]}",
                   0, NULL);
    struct record_save save = {0};
    assert_int_equal(entry_read(&save, entry, NULL), 0);
    assert_int_equal(save.page_first, 3);
    assert_int_equal(save.page_last, 4);
    assert_string_equal(save.doc_class, "BULK_SCANNED_BATCH");
    assert_string_equal(record_text(save.values, "grade"), "5");
    assert_string_equal(record_text(save.values, "essay"), "one two");
    assert_int_equal(save.word_count, 2);
    assert_true(save.ocr_confidence == 0.5);
    const json_t *grade = json_object_get(save.evidence, "grade");
    assert_string_equal(record_text(grade, "raw"), "5to");
    assert_null(json_object_get(grade, "value"));
    /* A field without a column of its own is not lost. */
    assert_string_equal(record_text(json_object_get(save.evidence, "shoe_size"), "value"), "36");
    assert_null(json_object_get(save.values, "shoe_size"));
    entry_done(&save);
    json_decref(entry);
}

static void test_entry_with_nothing_in_it_is_an_empty_record(void **state)
{
    (void)state;
    json_t *entry = json_object();
    struct record_save save = {0};
    assert_int_equal(entry_read(&save, entry, NULL), 0);
    assert_int_equal(json_object_size(save.values), 0);
    assert_int_equal(save.page_first, 0);
    assert_null(save.doc_class);
    assert_true(save.ocr_confidence < 0);
    entry_done(&save);
    json_decref(entry);
}

static void test_entry_of_wrong_types_does_no_harm(void **state)
{
    (void)state;
    json_t *entry =
        json_loads("{\"pages\":\"x\",\"doc_class\":\"EVIL\",\"fields\":{\"grade\":5,\"phone\":{\"value\":7}},"
                   "\"essay\":[],\"observed\":{},\"ocr_confidence_avg\":\"high\"}",
                   0, NULL);
    struct record_save save = {0};
    assert_int_equal(entry_read(&save, entry, NULL), 0);
    assert_int_equal(json_object_size(save.values), 0);
    assert_null(save.doc_class);
    assert_null(save.observed);
    entry_done(&save);
    json_decref(entry);
    struct err err = {0};
    json_t *array = json_array();
    assert_int_equal(entry_read(&save, array, &err), -1);
    assert_int_equal(err.kind, ERR_INPUT);
    json_decref(array);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_document_gives_base_and_object),
        cmocka_unit_test(test_document_of_a_wrong_shape_is_refused),
        cmocka_unit_test(test_entry_whole),
        cmocka_unit_test(test_entry_with_nothing_in_it_is_an_empty_record),
        cmocka_unit_test(test_entry_of_wrong_types_does_no_harm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
