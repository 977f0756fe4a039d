#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "gateway/enqueue.h"

static const struct intake_file two[] = {
    {.id = "job-1", .name = "a.pdf", .digest = "bbbb", .size = 5, .mime = "application/pdf"},
    {.id = "job-2", .name = "b.png", .digest = "aaaa", .size = 6, .mime = "image/png"},
};

static json_t *request(const struct intake_options *options, const struct intake_file *files, bool new_batch)
{
    json_t *errors = json_array();
    char *text = enqueue_request(&(struct caller){.owner = "owner"}, "batch-1", new_batch, options, files, 2, errors, 1000);
    json_t *json = json_loads(text, 0, NULL);
    free(text);
    json_decref(errors);
    assert_non_null(json);
    return json;
}

static void test_a_plain_upload_makes_a_batch_of_its_own_and_seals_it(void **state)
{
    const struct intake_options options = {.class = INTAKE_HIGH};
    json_t *json = request(&options, two, true);
    (void)state;
    assert_true(json_is_true(json_object_get(json, "new_batch")));
    assert_true(json_is_true(json_object_get(json, "seal")));
    assert_int_equal(json_integer_value(json_object_get(json, "class")), 1);
    assert_int_equal(json_array_size(json_object_get(json, "jobs")), 2);
    assert_int_equal(json_array_size(json_object_get(json, "first")), 2);
    assert_null(json_object_get(json, "idem"));
    json_decref(json);
}

static void test_an_upload_to_an_open_batch_leaves_it_open(void **state)
{
    const struct intake_options options = {.batch = "batch-1", .class = INTAKE_NORMAL};
    json_t *json = request(&options, two, false);
    (void)state;
    assert_false(json_is_true(json_object_get(json, "seal")));
    json_decref(json);
}

static void test_the_print_does_not_depend_on_the_order_of_the_files(void **state)
{
    const struct intake_options options = {.key = "k-1", .class = INTAKE_NORMAL};
    const struct intake_file turned[] = {two[1], two[0]};
    json_t *a = request(&options, two, true), *b = request(&options, turned, true);
    const char *print = json_string_value(json_object_get(json_object_get(a, "idem"), "print"));
    (void)state;
    assert_int_equal(strlen(print), 64);
    assert_string_equal(print, json_string_value(json_object_get(json_object_get(b, "idem"), "print")));
    json_decref(a);
    json_decref(b);
}

static void test_the_uploaders_verified_address_goes_with_the_request(void **state)
{
    (void)state;
    const struct intake_options options = {.class = INTAKE_NORMAL};
    json_t *errors = json_array();
    char *text = enqueue_request(&(struct caller){.owner = "owner", .email = "a@made-up.test"}, "batch-1", true, &options, two, 2,
                                 errors, 1000);
    json_t *json = json_loads(text, 0, NULL);
    assert_string_equal(json_string_value(json_object_get(json, "mail")), "a@made-up.test");
    json_decref(json);
    json = request(&options, two, true);
    assert_null(json_object_get(json, "mail"));
    json_decref(json);
    json_decref(errors);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_plain_upload_makes_a_batch_of_its_own_and_seals_it),
        cmocka_unit_test(test_an_upload_to_an_open_batch_leaves_it_open),
        cmocka_unit_test(test_the_uploaders_verified_address_goes_with_the_request),
        cmocka_unit_test(test_the_print_does_not_depend_on_the_order_of_the_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
