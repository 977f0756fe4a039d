#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "gateway/enqueue.h"

/* The order of the words: proto/redis/enqueue.lua. */
enum { BATCH, NEW_BATCH, OWNER, CLASS, SEAL, EXPECTED, MAIL, KEY, PRINT, TTL, ERRORS, FIRST, JOB, DIGEST, NAME, ABOUT };

static const struct intake_file two[] = {
    {.id = "job-1", .name = "a \"b\".pdf", .digest = "bbbb", .size = 5, .mime = "application/pdf"},
    {.id = "job-2", .name = "b.png", .digest = "aaaa", .size = 6, .mime = "image/png"},
};

static struct enqueue_words words_of(const char *email, const struct intake_options *options, const struct intake_file *files,
                                     bool new_batch, const char *errors)
{
    struct caller caller = {.owner = "owner"};
    struct enqueue_words words;
    json_t *list = json_loads(errors, 0, NULL);
    strcpy(caller.email, email);
    assert_int_equal(enqueue_words(&words, &caller, "batch-1", new_batch, options, files, 2, list, 1000), 0);
    assert_int_equal(words.n, ENQUEUE_HEAD + 2 * ENQUEUE_JOB);
    json_decref(list);
    return words;
}

static void test_a_plain_upload_makes_a_batch_of_its_own_and_seals_it(void **state)
{
    struct enqueue_words w = words_of("", &(struct intake_options){.class = INTAKE_HIGH}, two, true, "[]");
    (void)state;
    assert_string_equal(w.word[BATCH], "batch-1");
    assert_string_equal(w.word[NEW_BATCH], "1");
    assert_string_equal(w.word[SEAL], "1");
    assert_string_equal(w.word[CLASS], "1");
    assert_string_equal(w.word[KEY], "");
    assert_string_equal(w.word[ERRORS], "null");
    assert_string_equal(w.word[FIRST], "store inspect");
    assert_string_equal(w.word[JOB], "job-1");
    assert_string_equal(w.word[JOB + ENQUEUE_JOB], "job-2");
    enqueue_words_done(&w);
}

static void test_what_all_tasks_of_a_job_say_about_its_document_is_a_json_object(void **state)
{
    struct enqueue_words w = words_of("", &(struct intake_options){.class = INTAKE_NORMAL}, two, true, "[]");
    json_t *about = json_loads(w.word[ABOUT], 0, NULL);
    (void)state;
    assert_string_equal(json_string_value(json_object_get(about, "owner")), "owner");
    assert_string_equal(json_string_value(json_object_get(about, "batch")), "batch-1");
    assert_string_equal(json_string_value(json_object_get(about, "name")), "a \"b\".pdf");
    assert_string_equal(json_string_value(json_object_get(about, "digest")), w.word[DIGEST]);
    assert_int_equal(json_integer_value(json_object_get(about, "size")), 5);
    assert_string_equal(json_string_value(json_object_get(about, "mime")), "application/pdf");
    json_decref(about);
    enqueue_words_done(&w);
}

static void test_an_upload_to_an_open_batch_leaves_it_open(void **state)
{
    struct enqueue_words w = words_of("", &(struct intake_options){.batch = "batch-1", .class = INTAKE_NORMAL}, two, false, "[]");
    (void)state;
    assert_string_equal(w.word[NEW_BATCH], "0");
    assert_string_equal(w.word[SEAL], "0");
    enqueue_words_done(&w);
}

static void test_the_print_does_not_depend_on_the_order_of_the_files(void **state)
{
    const struct intake_options options = {.key = "k-1", .class = INTAKE_NORMAL};
    const struct intake_file turned[] = {two[1], two[0]};
    struct enqueue_words a = words_of("", &options, two, true, "[]"), b = words_of("", &options, turned, true, "[]");
    (void)state;
    assert_string_equal(a.word[KEY], "k-1");
    assert_int_equal(strlen(a.word[PRINT]), 64);
    assert_string_equal(a.word[PRINT], b.word[PRINT]);
    assert_string_equal(a.word[TTL], "1000");
    enqueue_words_done(&a);
    enqueue_words_done(&b);
}

static void test_the_uploaders_verified_address_and_the_bad_files_go_with_the_request(void **state)
{
    struct enqueue_words w =
        words_of("a@made-up.test", &(struct intake_options){.class = INTAKE_NORMAL}, two, true, "[\"c.exe: no\"]");
    (void)state;
    assert_string_equal(w.word[MAIL], "a@made-up.test");
    assert_string_equal(w.word[ERRORS], "[\"c.exe: no\"]");
    enqueue_words_done(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_plain_upload_makes_a_batch_of_its_own_and_seals_it),
        cmocka_unit_test(test_what_all_tasks_of_a_job_say_about_its_document_is_a_json_object),
        cmocka_unit_test(test_an_upload_to_an_open_batch_leaves_it_open),
        cmocka_unit_test(test_the_print_does_not_depend_on_the_order_of_the_files),
        cmocka_unit_test(test_the_uploaders_verified_address_and_the_bad_files_go_with_the_request),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
