/* What a person may do, and what the lists say afterwards. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <pthread.h>
#include <cmocka.h>
#include "lib/auto.h"
#include "store_fixture.h"

struct found {
    int64_t total;
    int n;
    char ids[16][BASE_ID];
};

static int found_begin(void *user, int64_t total)
{
    ((struct found *)user)->total = total;
    return 0;
}

static int found_each(void *user, const json_t *record)
{
    struct found *found = user;
    snprintf(found->ids[found->n++], BASE_ID, "%s", record_text(record, "submission_id"));
    return 0;
}

static struct found list(struct record_query query)
{
    struct found found = {0};
    const struct record_sink sink = {found_begin, found_each, &found};
    query.owner = OWNER;
    assert_int_equal(stores.records->list(stores.record_state, &query, &sink, NULL), 0);
    return found;
}

static void test_edit_marks_the_field_as_the_persons(void **state)
{
    (void)state;
    struct record_saved saved = save_sample(SAMPLE(.grade = NULL));
    assert_string_equal(
        change_it(RECORD_EDIT, OWNER, saved.submission_id, NULL, json_pack("{s:s}", "grade", "K")), "");
    json_t *record = get(OWNER, saved.submission_id);
    assert_string_equal(record_text(record, "grade"), "K");
    assert_string_equal(record_text(record, "grade_source"), "manual");
    assert_string_equal(record_text(record, "review_reason_codes"), "");
    json_decref(record);
}

static void test_edit_with_a_stale_if_match_is_refused(void **state)
{
    (void)state;
    struct record_saved saved = save_sample(SAMPLE());
    json_t *record = get(OWNER, saved.submission_id);
    const char *seen = record_text(record, "updated_at");
    assert_string_equal(
        change_it(RECORD_EDIT, OWNER, saved.submission_id, seen, json_pack("{s:s}", "grade", "6")), "");
    assert_string_equal(
        change_it(RECORD_EDIT, OWNER, saved.submission_id, seen, json_pack("{s:s}", "grade", "7")),
        "precondition_failed");
    json_decref(record);
}

static void test_edits_in_one_millisecond_have_different_moments(void **state)
{
    (void)state;
    char a[CLOCK_RFC3339_MAX], b[CLOCK_RFC3339_MAX];
    record_next_moment(NULL, "2026-01-02T03:04:05.678Z", a);
    assert_string_equal(a, "2026-01-02T03:04:05.678Z");
    record_next_moment(a, "2026-01-02T03:04:05.678Z", b);
    assert_string_equal(b, "2026-01-02T03:04:05.679Z");
    record_next_moment(b, "2026-01-02T03:04:05.100Z", a); /* a clock that was set back */
    assert_string_equal(a, "2026-01-02T03:04:05.680Z");
}

static void test_change_of_anothers_record_finds_none(void **state)
{
    (void)state;
    struct record_saved saved = save_sample(SAMPLE());
    assert_string_equal(change_it(RECORD_DELETE, OTHER, saved.submission_id, NULL, NULL), "none");
    json_t *record = get(OWNER, saved.submission_id);
    assert_non_null(record);
    json_decref(record);
}

static void test_approve_needs_name_school_and_grade(void **state)
{
    (void)state;
    struct record_saved saved = save_sample(SAMPLE(.school = NULL));
    assert_string_equal(change_it(RECORD_APPROVE, OWNER, saved.submission_id, NULL, NULL), "conflict");
}

static void test_approve_accepts_the_codes_but_no_later_ones(void **state)
{
    (void)state;
    struct record_saved saved = save_sample(SAMPLE(.words = 3));
    assert_int_equal(list((struct record_query){.mode = RECORDS_NEEDS_REVIEW}).n, 1);
    assert_string_equal(change_it(RECORD_APPROVE, OWNER, saved.submission_id, NULL, NULL), "");
    assert_int_equal(list((struct record_query){.mode = RECORDS_NEEDS_REVIEW}).n, 0);
    assert_string_equal(
        change_it(RECORD_EDIT, OWNER, saved.submission_id, NULL, json_pack("{s:n}", "student_name")), "");
    assert_int_equal(list((struct record_query){.mode = RECORDS_NEEDS_REVIEW}).n, 1);
}

static void test_send_for_review_takes_the_approval_back(void **state)
{
    (void)state;
    struct record_saved saved = save_sample(SAMPLE());
    change_it(RECORD_APPROVE, OWNER, saved.submission_id, NULL, NULL);
    assert_string_equal(change_it(RECORD_SEND_FOR_REVIEW, OWNER, saved.submission_id, NULL, NULL), "");
    save_sample(SAMPLE(.run = 2000));
    json_t *record = get(OWNER, saved.submission_id);
    assert_string_equal(record_text(record, "review_reason_codes"), "SENT_FOR_REVIEW");
    assert_null(record_text(record, "approved_at"));
    json_decref(record);
    change_it(RECORD_APPROVE, OWNER, saved.submission_id, NULL, NULL);
    record = get(OWNER, saved.submission_id);
    assert_true(json_is_false(json_object_get(record, "needs_review")));
    assert_string_equal(record_text(record, "review_reason_codes"), "");
    json_decref(record);
}

static void test_a_bulk_change_is_done_to_all_or_none(void **state)
{
    (void)state;
    char one[BASE_ID], two[BASE_ID];
    snprintf(one, sizeof one, "%s", save_sample(SAMPLE(.document = "one")).submission_id);
    snprintf(two, sizeof two, "%s", save_sample(SAMPLE(.document = "two", .school = NULL)).submission_id);
    const char *const ids[] = {one, "not an id", two};
    const struct record_change change = {RECORD_APPROVE, OWNER, "pat", ids, 3, NULL, NULL, NULL};
    json_t *changed = NULL;
    struct err err = {0};
    assert_int_equal(stores.records->change(stores.record_state, &change, &changed, &err), -1);
    assert_string_equal(err.code, "conflict");
    json_t *record = get(OWNER, one);
    assert_null(record_text(record, "approved_at"));
    json_decref(record);
}

static void test_defaults_of_a_batch_fill_only_what_is_blank_and_untouched(void **state)
{
    (void)state;
    char blank[BASE_ID], full[BASE_ID], emptied[BASE_ID];
    snprintf(blank, sizeof blank, "%s", save_sample(SAMPLE(.document = "one", .school = NULL)).submission_id);
    snprintf(full, sizeof full, "%s", save_sample(SAMPLE(.document = "two")).submission_id);
    snprintf(emptied, sizeof emptied, "%s", save_sample(SAMPLE(.document = "three")).submission_id);
    change_it(RECORD_EDIT, OWNER, emptied, NULL, json_pack("{s:n}", "school_name"));
    json_t *fields = json_pack("{s:s}", "school_name", "Sur"), *changed = NULL;
    const struct record_change change = {
        .action = RECORD_APPLY_DEFAULTS, .owner = OWNER, .by = "pat", .batch = BATCH, .fields = fields};
    assert_int_equal(stores.records->change(stores.record_state, &change, &changed, NULL), 0);
    assert_int_equal(json_array_size(changed), 1);
    assert_string_equal(record_text(json_array_get(changed, 0), "submission_id"), blank);
    assert_string_equal(record_text(json_array_get(changed, 0), "school_source"), "batch_default");
    json_decref(changed);
    json_decref(fields);
}

static void test_history_tells_who_did_what(void **state)
{
    (void)state;
    struct record_saved saved = save_sample(SAMPLE());
    change_it(RECORD_EDIT, OWNER, saved.submission_id, NULL, json_pack("{s:s}", "grade", "6"));
    save_sample(SAMPLE(.student = "Ana Sol", .run = 2000));
    json_t *history = NULL;
    assert_int_equal(stores.records->history(stores.record_state, OWNER, saved.submission_id, &history, NULL),
                     0);
    assert_int_equal(json_array_size(history), 3);
    const json_t *edit = json_array_get(history, 1), *run = json_array_get(history, 2);
    assert_string_equal(record_text(edit, "by"), "pat");
    assert_string_equal(record_text(edit, "old"), "5");
    assert_string_equal(record_text(edit, "new"), "6");
    assert_string_equal(record_text(run, "action"), "extracted");
    assert_string_equal(record_text(run, "field"), "student_name");
    assert_int_equal(json_integer_value(json_object_get(run, "run")), 2000);
    json_decref(history);
    assert_int_equal(stores.records->history(stores.record_state, OTHER, saved.submission_id, &history, NULL),
                     -1);
}

static void test_list_goes_on_after_a_cursor(void **state)
{
    (void)state;
    save_sample(SAMPLE(.document = "one", .grade = "10"));
    save_sample(SAMPLE(.document = "two", .grade = "K"));
    save_sample(SAMPLE(.document = "three", .grade = "2"));
    struct found all = list((struct record_query){0});
    assert_int_equal(all.n, 3);
    json_t *first = get(OWNER, all.ids[0]), *last = get(OWNER, all.ids[2]);
    assert_string_equal(record_text(first, "grade"), "K"); /* by grade, not by text */
    assert_string_equal(record_text(last, "grade"), "10");
    json_decref(first);
    json_decref(last);
    struct found rest = list((struct record_query){.after = all.ids[0], .limit = 1});
    assert_int_equal(rest.n, 1);
    assert_int_equal(rest.total, 3);
    assert_string_equal(rest.ids[0], all.ids[1]);
}

static void test_list_goes_on_where_it_ended_though_its_last_record_has_moved(void **state)
{
    (void)state;
    save_sample(SAMPLE(.document = "one", .school = "B", .grade = NULL));
    save_sample(SAMPLE(.document = "two", .school = "C", .grade = "K"));
    save_sample(SAMPLE(.document = "three", .school = "C", .grade = "10"));
    struct found all = list((struct record_query){0});
    const struct record_place was[] = {{.school = "B", .student = "Ana Luz"}, {.school = "C", .grade = "K", .student = "Ana Luz"}};
    assert_string_equal(change_it(RECORD_EDIT, OWNER, all.ids[0], NULL, json_pack("{s:s}", "school_name", "Z")), "");
    struct found rest = list((struct record_query){.after = all.ids[0], .place = &was[0]});
    assert_int_equal(rest.n, 3); /* it comes again, where it stands now: nothing is left out */
    assert_string_equal(rest.ids[0], all.ids[1]);
    assert_string_equal(change_it(RECORD_EDIT, OWNER, all.ids[1], NULL, json_pack("{s:s}", "school_name", "A")), "");
    rest = list((struct record_query){.after = all.ids[1], .place = &was[1]});
    assert_int_equal(rest.n, 2);
    assert_string_equal(rest.ids[0], all.ids[2]);
    assert_string_equal(rest.ids[1], all.ids[0]);
}

static void test_list_by_condition(void **state)
{
    (void)state;
    save_sample(SAMPLE(.document = "one", .student = "100% Ana", .words = 3));
    save_sample(SAMPLE(.document = "two", .school = NULL, .student = "Eva"));
    assert_int_equal(list((struct record_query){.school = "Escuela Norte"}).n, 1);
    assert_int_equal(list((struct record_query){.school = RECORDS_NO_VALUE}).n, 1);
    assert_int_equal(list((struct record_query){.grade = "5"}).n, 2);
    assert_int_equal(list((struct record_query){.reason = "SHORT_ESSAY"}).n, 1);
    assert_int_equal(list((struct record_query){.reason = "SHORT"}).n, 0);
    assert_int_equal(list((struct record_query){.batch = BATCH}).n, 2);
    assert_int_equal(list((struct record_query){.batch = "x"}).n, 0);
    assert_int_equal(list((struct record_query){.text = "ANA"}).n, 1);
    assert_int_equal(list((struct record_query){.text = "0%"}).n, 1);
    assert_int_equal(list((struct record_query){.text = "%"}).n, 1); /* nothing in it is special */
}

static void test_a_search_takes_no_notice_of_case_in_any_alphabet(void **state)
{
    (void)state;
    save_sample(SAMPLE(.document = "one", .student = "JOSÉ ÑANDÚ", .school = "Escuela Ávila"));
    save_sample(SAMPLE(.document = "two", .student = "Jose Nandu", .school = "Школа № 7"));
    assert_int_equal(list((struct record_query){.text = "josé ñ"}).n, 1);
    assert_int_equal(list((struct record_query){.text = "sÉ ÑaNdÚ"}).n, 1);
    assert_int_equal(list((struct record_query){.text = "ÁVILA"}).n, 1);
    assert_int_equal(list((struct record_query){.text = "шКОЛА"}).n, 1);
    assert_int_equal(list((struct record_query){.text = "jose"}).n, 1); /* an accent makes another letter */
    assert_int_equal(list((struct record_query){.text = "norte"}).n, 0);
    assert_int_equal(list((struct record_query){.text = "A.PDF"}).n, 2);
}

static void test_parents_and_deleted_records_are_in_no_list(void **state)
{
    (void)state;
    save_sample(SAMPLE(.index = 0, .entries = 2));
    struct record_saved second = save_sample(SAMPLE(.index = 1, .entries = 2));
    change_it(RECORD_DELETE, OWNER, second.submission_id, NULL, NULL);
    assert_int_equal(list((struct record_query){0}).total, 1);
    json_t *stats = NULL;
    assert_int_equal(stores.records->stats(stores.record_state, OWNER, &stats, NULL), 0);
    assert_int_equal(json_integer_value(json_object_get(stats, "total")), 1);
    json_decref(stats);
}

static void test_duplicates_are_found_for_their_owner_only(void **state)
{
    (void)state;
    char digest[DIGEST_HEX], id[BASE_ID];
    struct record_saved saved = save_sample(SAMPLE());
    digest_hex("a document", 10, digest);
    assert_int_equal(stores.records->find_digest(stores.record_state, OWNER, digest, id, NULL), 0);
    assert_string_equal(id, saved.submission_id);
    assert_int_equal(stores.records->find_digest(stores.record_state, OTHER, digest, id, NULL), 0);
    assert_string_equal(id, "");
}

static void *save_some(void *arg)
{
    for (unsigned i = 0; i < 20; i++) {
        char document[32];
        snprintf(document, sizeof document, "document %d %u", *(int *)arg, i);
        if (strcmp(save_sample(SAMPLE(.document = document)).action, "inserted") != 0) *(int *)arg = -1;
    }
    return NULL;
}

static void test_saves_of_many_threads_are_all_there(void **state)
{
    (void)state;
    pthread_t threads[6];
    int arg[6];
    for (int i = 0; i < 6; i++) {
        arg[i] = i;
        assert_int_equal(pthread_create(&threads[i], NULL, save_some, &arg[i]), 0);
    }
    for (int i = 0; i < 6; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(arg[i], i);
    }
    json_t *stats = NULL;
    assert_int_equal(stores.records->stats(stores.record_state, OWNER, &stats, NULL), 0);
    assert_int_equal(json_integer_value(json_object_get(stats, "total")), 120);
    json_decref(stats);
}

static void test_fields_are_checked_by_the_form(void **state)
{
    (void)state;
    static const struct {
        const char *given, *code, *field;
    } cases[] = {
        {"{\"grade\":\"13\"}", "invalid_field", "grade"},    {"{\"grade\":5}", "invalid_field", "grade"},
        {"{\"nothing\":\"x\"}", "invalid_field", "nothing"}, {"{}", "bad_request", NULL},
        {"{\"run\":\"9\"}", "invalid_field", "run"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        json_t *given = json_loads(cases[i].given, 0, NULL), *fields = NULL;
        const char *field;
        struct err err = {0};
        assert_int_equal(record_fields_check(stores.form, given, &fields, &field, &err), -1);
        assert_string_equal(err.code, cases[i].code);
        if (cases[i].field)
            assert_string_equal(field, cases[i].field);
        else
            assert_null(field);
        json_decref(given);
    }
    json_t *given = json_loads("{\"grade\":\" quinto \",\"essay_text\":\"a b\",\"phone\":\"\"}", 0, NULL),
           *fields = NULL;
    const char *field;
    assert_int_equal(record_fields_check(stores.form, given, &fields, &field, NULL), 0);
    assert_string_equal(record_text(fields, "grade"), "5");
    assert_string_equal(record_text(fields, "essay"), "a b");
    assert_true(json_is_null(json_object_get(fields, "phone")));
    json_decref(given);
    json_decref(fields);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, open_stores, close_stores)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_edit_marks_the_field_as_the_persons),
        TEST(test_edit_with_a_stale_if_match_is_refused),
        cmocka_unit_test(test_edits_in_one_millisecond_have_different_moments),
        TEST(test_change_of_anothers_record_finds_none),
        TEST(test_approve_needs_name_school_and_grade),
        TEST(test_approve_accepts_the_codes_but_no_later_ones),
        TEST(test_send_for_review_takes_the_approval_back),
        TEST(test_a_bulk_change_is_done_to_all_or_none),
        TEST(test_defaults_of_a_batch_fill_only_what_is_blank_and_untouched),
        TEST(test_history_tells_who_did_what),
        TEST(test_list_goes_on_after_a_cursor),
        TEST(test_list_goes_on_where_it_ended_though_its_last_record_has_moved),
        TEST(test_list_by_condition),
        TEST(test_a_search_takes_no_notice_of_case_in_any_alphabet),
        TEST(test_parents_and_deleted_records_are_in_no_list),
        TEST(test_duplicates_are_found_for_their_owner_only),
        TEST(test_saves_of_many_threads_are_all_there),
        TEST(test_fields_are_checked_by_the_form),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
