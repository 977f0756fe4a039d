/* What a run may write, and what it must leave alone. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include "store_fixture.h"

static void check_text(const char *id, const char *column, const char *expected)
{
    json_t *record = get(OWNER, id);
    assert_non_null(record);
    const char *value = record_text(record, column);
    if (expected) {
        assert_non_null(value);
        assert_string_equal(value, expected);
    } else {
        assert_null(value);
    }
    json_decref(record);
}

static void test_save_inserts_then_updates_the_same_row(void **state)
{
    (void)state;
    struct record_saved first = save_sample(SAMPLE(.student = "Ana"));
    struct record_saved second = save_sample(SAMPLE(.student = "Ana Luz", .run = 2000));
    assert_string_equal(first.action, "inserted");
    assert_string_equal(second.action, "updated");
    assert_string_equal(first.submission_id, second.submission_id);
    check_text(first.submission_id, "student_name", "Ana Luz");
}

static void test_save_id_is_the_one_of_the_contract(void **state)
{
    (void)state;
    char digest[DIGEST_HEX], base[BASE_ID], id[13];
    digest_hex("a document", 10, digest);
    snprintf(base, sizeof base, "%.12s", digest);
    submission_id(id, base, 0);
    assert_string_equal(save_sample(SAMPLE()).submission_id, id);
}

static void test_save_twice_with_one_token_changes_nothing(void **state)
{
    (void)state;
    struct record_saved saved = save_sample(SAMPLE());
    json_t *before = get(OWNER, saved.submission_id);
    saved = save_sample(SAMPLE());
    json_t *after = get(OWNER, saved.submission_id);
    assert_string_equal(saved.action, "updated");
    assert_true(json_equal(before, after)); /* updated_at too: nobody's If-Match is spoilt */
    json_decref(before);
    json_decref(after);
}

static void test_save_with_an_older_token_has_no_effect(void **state)
{
    (void)state;
    struct record_saved saved =
        save_sample(SAMPLE(.student = "New", .run = 2000, .attempt = 2, .delivery = 2));
    assert_string_equal(save_sample(SAMPLE(.student = "Old", .run = 1000)).action, "kept");
    assert_string_equal(
        save_sample(SAMPLE(.student = "Old", .run = 2000, .attempt = 1, .delivery = 9)).action, "kept");
    assert_string_equal(
        save_sample(SAMPLE(.student = "Old", .run = 2000, .attempt = 2, .delivery = 1)).action, "kept");
    check_text(saved.submission_id, "student_name", "New");
}

static void test_save_of_an_older_run_adds_no_row_beside_a_newer_one(void **state)
{
    (void)state;
    save_sample(SAMPLE(.run = 2000));
    struct record_saved late = save_sample(SAMPLE(.run = 1000, .index = 1, .entries = 2));
    assert_string_equal(late.action, "kept");
    assert_null(get(OWNER, late.submission_id));
}

static void test_save_leaves_what_a_person_typed(void **state)
{
    (void)state;
    struct record_saved saved = save_sample(SAMPLE(.student = "An4"));
    assert_string_equal(
        change_it(RECORD_EDIT, OWNER, saved.submission_id, NULL, json_pack("{s:s}", "student_name", "Ana")),
        "");
    save_sample(SAMPLE(.student = "An4 Lvz", .grade = "6", .run = 2000));
    check_text(saved.submission_id, "student_name", "Ana");
    check_text(saved.submission_id, "grade", "6");
}

static void test_save_leaves_what_a_person_emptied(void **state)
{
    (void)state;
    struct record_saved saved = save_sample(SAMPLE());
    assert_string_equal(
        change_it(RECORD_EDIT, OWNER, saved.submission_id, NULL, json_pack("{s:n}", "student_name")), "");
    save_sample(SAMPLE(.run = 2000));
    check_text(saved.submission_id, "student_name", NULL);
    check_text(saved.submission_id, "review_reason_codes", "MISSING_STUDENT_NAME");
}

static void test_save_leaves_an_approved_record(void **state)
{
    (void)state;
    struct record_saved saved = save_sample(SAMPLE(.words = 10));
    assert_string_equal(change_it(RECORD_APPROVE, OWNER, saved.submission_id, NULL, NULL), "");
    saved = save_sample(SAMPLE(.student = "Other", .school = "Other School", .words = 0, .run = 2000));
    assert_string_equal(saved.action, "kept");
    check_text(saved.submission_id, "student_name", "Ana Luz");
    check_text(saved.submission_id, "review_reason_codes", "SHORT_ESSAY");
    json_t *record = get(OWNER, saved.submission_id);
    assert_true(json_is_false(json_object_get(record, "needs_review")));
    json_decref(record);
}

static void check_hobby(const char *id, const char *expected)
{
    json_t *record = get(OWNER, id);
    const char *value = json_string_value(json_object_get(json_object_get(json_object_get(record, "evidence"), "hobby"), "value"));
    assert_non_null(value);
    assert_string_equal(value, expected);
    json_decref(record);
}

static void test_save_keeps_the_fields_of_another_form(void **state)
{
    (void)state;
    struct record_saved saved = save_sample(SAMPLE(.hobby = "chess"));
    check_hobby(saved.submission_id, "chess");
    save_sample(SAMPLE(.hobby = "chess", .delivery = 2)); /* the same result once more */
    check_hobby(saved.submission_id, "chess");
    save_sample(SAMPLE(.hobby = "go", .run = 2000));
    check_hobby(saved.submission_id, "go");
    assert_string_equal(change_it(RECORD_APPROVE, OWNER, saved.submission_id, NULL, NULL), "");
    save_sample(SAMPLE(.hobby = "drums", .run = 3000));
    check_hobby(saved.submission_id, "go");
}

static void test_save_takes_what_it_finds_instead_of_a_batch_default(void **state)
{
    (void)state;
    struct record_saved saved = save_sample(SAMPLE(.grade = NULL));
    assert_string_equal(
        change_it(RECORD_APPLY_DEFAULTS, OWNER, saved.submission_id, NULL, json_pack("{s:s}", "grade", "4")),
        "");
    save_sample(SAMPLE(.grade = NULL, .run = 2000));
    check_text(saved.submission_id, "grade", "4");
    check_text(saved.submission_id, "grade_source", "batch_default");
    save_sample(SAMPLE(.grade = "5", .run = 3000));
    check_text(saved.submission_id, "grade", "5");
    check_text(saved.submission_id, "grade_source", "extracted");
}

static void test_save_derives_the_codes(void **state)
{
    (void)state;
    struct record_saved saved = save_sample(SAMPLE(.student = NULL, .words = 3, .confidence = 0.5));
    check_text(saved.submission_id, "review_reason_codes",
               "MISSING_STUDENT_NAME;OCR_LOW_CONFIDENCE;SHORT_ESSAY");
    saved = save_sample(SAMPLE(.run = 2000));
    check_text(saved.submission_id, "review_reason_codes", "");
}

static void test_save_of_another_owners_document_makes_another_row(void **state)
{
    (void)state;
    struct record_saved mine = save_sample(SAMPLE(.entries = 2));
    struct record_saved theirs =
        save_sample(SAMPLE(.owner = OTHER, .student = "Eva", .entries = 2, .run = 500));
    struct record_saved again =
        save_sample(SAMPLE(.owner = OTHER, .student = "Eva Sol", .entries = 2, .run = 600));
    assert_string_not_equal(mine.submission_id, theirs.submission_id);
    assert_string_equal(theirs.action, "inserted");
    assert_string_equal(theirs.submission_id, again.submission_id);
    check_text(mine.submission_id, "student_name", "Ana Luz");
    assert_null(get(OWNER, theirs.submission_id));
    json_t *record = get(OTHER, theirs.submission_id);
    const char *parent = record_text(record, "parent_submission_id");
    json_t *container = get(OTHER, parent);
    assert_true(json_is_true(json_object_get(container, "is_container_parent")));
    json_decref(container);
    json_decref(record);
}

static void test_save_of_several_entries_makes_a_parent(void **state)
{
    (void)state;
    char digest[DIGEST_HEX], base[BASE_ID];
    digest_hex("a document", 10, digest);
    snprintf(base, sizeof base, "%.12s", digest);
    struct record_saved second = save_sample(SAMPLE(.index = 1, .entries = 2));
    assert_null(get(OWNER, base)); /* written with entry 0 */
    save_sample(SAMPLE(.index = 0, .entries = 2));
    json_t *parent = get(OWNER, base);
    assert_non_null(parent);
    assert_string_equal(record_text(parent, "doc_class"), "MULTI_ENTRY_PARENT");
    json_decref(parent);
    check_text(second.submission_id, "parent_submission_id", base);
}

static void test_save_retires_what_a_newer_run_does_not_have(void **state)
{
    (void)state;
    char gone[BASE_ID], edited[BASE_ID];
    struct record_saved first = save_sample(SAMPLE(.index = 0, .entries = 3));
    snprintf(edited, sizeof edited, "%s", save_sample(SAMPLE(.index = 1, .entries = 3)).submission_id);
    snprintf(gone, sizeof gone, "%s", save_sample(SAMPLE(.index = 2, .entries = 3)).submission_id);
    change_it(RECORD_EDIT, OWNER, edited, NULL, json_pack("{s:s}", "grade", "7"));
    save_sample(SAMPLE(.run = 2000));
    assert_null(get(OWNER, gone));
    check_text(edited, "grade", "7");
    check_text(first.submission_id, "parent_submission_id", NULL);
    json_t *history = NULL;
    assert_int_equal(stores.records->history(stores.record_state, OWNER, gone, &history, NULL), 0);
    const json_t *last = json_array_get(history, json_array_size(history) - 1);
    assert_string_equal(record_text(last, "action"), "superseded");
    json_decref(history);
}

static void test_save_of_a_newer_run_brings_back_what_it_has_again(void **state)
{
    (void)state;
    struct record_saved second = save_sample(SAMPLE(.index = 1, .entries = 2));
    save_sample(SAMPLE(.run = 2000));
    assert_null(get(OWNER, second.submission_id));
    save_sample(SAMPLE(.index = 1, .entries = 2, .run = 3000));
    check_text(second.submission_id, "student_name", "Ana Luz");
}

static void test_save_of_the_same_run_does_not_bring_back_what_a_person_deleted(void **state)
{
    (void)state;
    struct record_saved saved = save_sample(SAMPLE());
    assert_string_equal(change_it(RECORD_DELETE, OWNER, saved.submission_id, NULL, NULL), "");
    save_sample(SAMPLE(.delivery = 2));
    assert_null(get(OWNER, saved.submission_id));
    save_sample(SAMPLE(.run = 2000));
    json_t *record = get(OWNER, saved.submission_id);
    assert_non_null(record);
    json_decref(record);
}

static void test_a_second_store_on_the_database_is_refused(void **state)
{
    (void)state;
    struct stores second;
    struct err err = {0};
    if (database_url()) skip(); /* any number may share PostgreSQL */
    assert_int_equal(stores_open(&second, &settings, &err), -1);
    assert_non_null(strstr(err.text, "another persist-svc"));
}

static void test_records_are_there_after_reopening(void **state)
{
    (void)state;
    struct record_saved saved = save_sample(SAMPLE());
    stores_close(&stores);
    assert_int_equal(stores_open(&stores, &settings, NULL), 0);
    check_text(saved.submission_id, "student_name", "Ana Luz");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, open_stores, close_stores)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_save_inserts_then_updates_the_same_row),
        TEST(test_save_id_is_the_one_of_the_contract),
        TEST(test_save_twice_with_one_token_changes_nothing),
        TEST(test_save_with_an_older_token_has_no_effect),
        TEST(test_save_of_an_older_run_adds_no_row_beside_a_newer_one),
        TEST(test_save_leaves_what_a_person_typed),
        TEST(test_save_leaves_what_a_person_emptied),
        TEST(test_save_leaves_an_approved_record),
        TEST(test_save_keeps_the_fields_of_another_form),
        TEST(test_save_takes_what_it_finds_instead_of_a_batch_default),
        TEST(test_save_derives_the_codes),
        TEST(test_save_of_another_owners_document_makes_another_row),
        TEST(test_save_of_several_entries_makes_a_parent),
        TEST(test_save_retires_what_a_newer_run_does_not_have),
        TEST(test_save_of_a_newer_run_brings_back_what_it_has_again),
        TEST(test_save_of_the_same_run_does_not_bring_back_what_a_person_deleted),
        TEST(test_a_second_store_on_the_database_is_refused),
        TEST(test_records_are_there_after_reopening),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
