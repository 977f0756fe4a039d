/* The same school in many entries: what several read alike tells what a doubtful reading is. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "llm-svc/entry_json.h"
#include "llm-svc/schools.h"

static const struct form_field school_field = {.name = "school_name", .rule = FORM_SCHOOL, .required = true};
static lexicon_t *lexicon;

static int open_lexicon(void **state)
{
    (void)state;
    char path[] = "/tmp/sheaf-schools-XXXXXX";
    int fd = mkstemp(path);
    if (fd < 0) return -1;
    FILE *file = fdopen(fd, "w");
    fputs("Lantern Quarry School\nEscuela \xC3\x91\x61nd\xC3\xBA\nPS 12\nTwin Lark East\nTwin Lark West\n", file);
    fclose(file);
    lexicon = lexicon_new(path, NULL);
    unlink(path);
    return lexicon ? 0 : -1;
}

static int close_lexicon(void **state)
{
    (void)state;
    lexicon_destroy(&lexicon);
    return 0;
}

static struct value reading(const char *text, double confidence)
{
    return (struct value){.field = &school_field,
                          .text = strdup(text),
                          .source = "ocr",
                          .signs = {.mean = confidence,
                                    .least = confidence,
                                    .page = confidence,
                                    .shaky = 1 - confidence,
                                    .label = 1,
                                    .letters = 18,
                                    .words = 3}};
}

static void hear(struct schools *schools, const char *text, double confidence)
{
    struct value value = reading(text, confidence);
    assert_int_equal(schools_hear(schools, &value), 0);
    value_done(&value);
}

static void expect(const struct schools *schools, const char *text, double confidence, const char *wanted,
                   bool heard)
{
    struct value value = reading(text, confidence);
    assert_int_equal(schools_settle(schools, lexicon, &value), 0);
    assert_string_equal(value.text, wanted);
    assert_int_equal(value.signs.heard, heard);
    value_done(&value);
}

static void look_up(const char *text, bool doubtful, const char *wanted, bool agrees)
{
    struct value value = reading(text, doubtful ? 0.5 : 0.99);
    assert_int_equal(schools_look_up(lexicon, doubtful, &value), 0);
    assert_string_equal(value.text, wanted);
    assert_int_equal(value.signs.agrees, agrees);
    value_done(&value);
}

static void test_a_school_of_the_operators_list_is_found_though_letters_are_misread(void **state)
{
    (void)state;
    look_up("Lanlern Quarvy School", true, "Lantern Quarry School", true);
    look_up("ESCUELA NANDU", false, "Escuela \xC3\x91\x61nd\xC3\xBA", true);
}

static void test_a_school_that_is_not_on_the_list_or_may_be_two_of_it_stays_as_it_is(void **state)
{
    (void)state;
    look_up("Lanlern Quarvy School", false, "Lanlern Quarvy School", false); /* read surely */
    look_up("Twin Lark Eest", true, "Twin Lark Eest", false);               /* one letter off East, two off West */
    look_up("PS 13", true, "PS 13", false);
    look_up("Some Other Academy", true, "Some Other Academy", false);
}

static void test_a_doubtful_reading_is_the_school_that_others_name_alike(void **state)
{
    (void)state;
    struct schools schools = {0};
    hear(&schools, "Quarrow Lantern School", 0.6);
    hear(&schools, "QUARROW LANTERN SCHOOL", 0.7);
    hear(&schools, "Quarnow Lanfern School", 0.4);
    schools_keep_sure(&schools);
    assert_int_equal(schools.n, 1);
    assert_int_equal(schools.list[0].times, 2);
    assert_string_equal(schools.list[0].name,
                        "QUARROW LANTERN SCHOOL"); /* as it is spelled where it is read best */
    expect(&schools, "Quarnow Lanfern School", 0.4, "QUARROW LANTERN SCHOOL", true);
    expect(&schools, "Quarrow Lantern School", 0.6, "Quarrow Lantern School", true);
    schools_done(&schools);
}

static void test_what_is_misread_alike_confirms_nobody(void **state)
{
    (void)state;
    struct schools schools = {0};
    for (int i = 0; i < 3; i++) {
        struct value value = reading("QuarHow Lantern School", 0.9);
        value.signs.odd = 2;
        assert_int_equal(schools_hear(&schools, &value), 0);
        value_done(&value);
    }
    schools_keep_sure(&schools);
    expect(&schools, "QuarHow Lantern School", 0.9, "QuarHow Lantern School", false);
    schools_done(&schools);
}

static void test_one_sure_reading_tells_others_but_is_heard_from_nobody_itself(void **state)
{
    (void)state;
    struct schools schools = {0};
    hear(&schools, "Quarrow Lantern School", 0.99);
    schools_keep_sure(&schools);
    expect(&schools, "Quarnow Lanfern School", 0.4, "Quarrow Lantern School", true);
    expect(&schools, "Quarrow Lantern School", 0.99, "Quarrow Lantern School", false);
    schools_done(&schools);
}

static void test_what_other_documents_say_counts_with_the_documents_own_and_keeps_its_spelling(void **state)
{
    (void)state;
    struct schools schools = {0};
    hear(&schools, "Quarrow Lantern School", 0.99);
    schools_keep_sure(&schools);
    assert_int_equal(schools_add(&schools, "QUARROW LANTERN SCHOOL", 2), 0);
    assert_int_equal(schools_add(&schools, "Otterbeck Mill School", 3), 0);
    assert_int_equal(schools.n, 2);
    assert_int_equal(schools.list[0].times, 3);
    expect(&schools, "Quarrow Lantern School", 0.99, "Quarrow Lantern School", true);
    expect(&schools, "Ofterbeck Mlll School", 0.4, "Otterbeck Mill School", true);
    schools_done(&schools);
}

static void test_the_names_that_most_entries_say_come_first(void **state)
{
    (void)state;
    struct schools schools = {0};
    const char *names[3] = {0};
    assert_int_equal(schools_most_named(&schools, 3, names), 0);
    assert_int_equal(schools_add(&schools, "Amber Hill School", 1), 0);
    assert_int_equal(schools_add(&schools, "Brook Vale School", 4), 0);
    assert_int_equal(schools_add(&schools, "Two\nLines School", 9), 0);
    assert_int_equal(schools_add(&schools, "Cedar Run School", 1), 0);
    assert_int_equal(schools_most_named(&schools, 2, names), 2);
    assert_string_equal(names[0], "Brook Vale School");
    assert_string_equal(names[1], "Amber Hill School");
    assert_int_equal(schools_most_named(&schools, 3, names), 3);
    assert_string_equal(names[2], "Cedar Run School");
    schools_done(&schools);
}

static void test_one_doubtful_reading_tells_nobody(void **state)
{
    (void)state;
    struct schools schools = {0};
    hear(&schools, "Quarrow Lantern School", 0.4);
    schools_keep_sure(&schools);
    assert_int_equal(schools.n, 0);
    schools_done(&schools);
}

static void test_what_is_sure_far_or_another_school_stays(void **state)
{
    (void)state;
    struct schools schools = {0};
    for (int i = 0; i < 2; i++) {
        hear(&schools, "Quarrow Lantern School", 0.9);
        hear(&schools, "School 12 North", 0.9);
        hear(&schools, "Twin Rock East", 0.9);
        hear(&schools, "Moonvale Academy", 0.9);
        hear(&schools, "Moonvane Academy", 0.9);
    }
    schools_keep_sure(&schools);
    expect(&schools, "Quarnow Lantern School", 0.99, "Quarnow Lantern School", false); /* sure */
    expect(&schools, "Orchard Lantern Institute", 0.4, "Orchard Lantern Institute", false);
    expect(&schools, "School 13 North", 0.4, "School 13 North", false);   /* a number tells two apart */
    expect(&schools, "Twin Rock West", 0.4, "Twin Rock West", false);     /* so does a word of its own */
    expect(&schools, "Moonvare Academy", 0.4, "Moonvare Academy", false); /* which of the two? */
    schools_done(&schools);
}

static bool is_beside(const struct schools *schools, const char *text, double confidence)
{
    struct value value = reading(text, confidence);
    assert_int_equal(schools_settle(schools, lexicon, &value), 0);
    assert_string_equal(value.text, text);
    bool beside = value.signs.beside;
    value_done(&value);
    return beside;
}

static void test_a_school_that_another_entry_names_nearly_so_stands_beside_it(void **state)
{
    (void)state;
    struct schools schools = {0};
    hear(&schools, "Quarrow Lantern School", 0.99);
    hear(&schools, "Qvarrow Lantern School", 0.99);
    hear(&schools, "East Lark K-8 School", 0.99);
    hear(&schools, "East Lark K-8 School", 0.99);
    schools_keep_sure(&schools);
    assert_true(is_beside(&schools, "Quarrow Lantern School", 0.99)); /* one of the two is misread: which? */
    assert_true(is_beside(&schools, "Qvarrow Lantern School", 0.99));
    assert_true(is_beside(&schools, "East Lark K-3 School", 0.99));  /* a number may be misread, too */
    assert_false(is_beside(&schools, "East Lark K-8 School", 0.99)); /* heard twice */
    assert_false(is_beside(&schools, "West Lark K-8 School", 0.99)); /* a word of its own */
    assert_false(is_beside(&schools, "Otterbeck Mill School", 0.99));
    schools_done(&schools);
}

static void test_what_was_heard_goes_through_json(void **state)
{
    (void)state;
    struct schools schools = {0}, back = {0};
    hear(&schools, "Ni\xC3\xB1os del Valle", 0.99);
    hear(&schools, "Ninos del Valle", 0.9);
    json_t *json = schools_to_json(&schools);
    assert_int_equal(schools_from_json(json, &back, NULL), 0);
    assert_int_equal(back.n, 1);
    assert_string_equal(back.list[0].name, "Ni\xC3\xB1os del Valle");
    assert_string_equal(back.list[0].folded, "ninos del valle");
    assert_int_equal(back.list[0].times, 2);
    json_decref(json);
    schools_done(&schools);
    schools_done(&back);
}

static void test_json_of_another_shape_is_an_error(void **state)
{
    (void)state;
    static const char *const bad[] = {"{}", "{\"schools\":7}", "{\"schools\":[7]}",
                                      "{\"schools\":[{\"times\":2}]}"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct schools schools = {0};
        struct err err = {0};
        json_t *json = json_loads(bad[i], 0, NULL);
        assert_int_equal(schools_from_json(json, &schools, &err), -1);
        assert_int_equal(err.kind, ERR_INPUT);
        schools_done(&schools);
        json_decref(json);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_school_of_the_operators_list_is_found_though_letters_are_misread),
        cmocka_unit_test(test_a_school_that_is_not_on_the_list_or_may_be_two_of_it_stays_as_it_is),
        cmocka_unit_test(test_a_doubtful_reading_is_the_school_that_others_name_alike),
        cmocka_unit_test(test_what_is_misread_alike_confirms_nobody),
        cmocka_unit_test(test_one_sure_reading_tells_others_but_is_heard_from_nobody_itself),
        cmocka_unit_test(test_what_other_documents_say_counts_with_the_documents_own_and_keeps_its_spelling),
        cmocka_unit_test(test_the_names_that_most_entries_say_come_first),
        cmocka_unit_test(test_one_doubtful_reading_tells_nobody),
        cmocka_unit_test(test_what_is_sure_far_or_another_school_stays),
        cmocka_unit_test(test_a_school_that_another_entry_names_nearly_so_stands_beside_it),
        cmocka_unit_test(test_what_was_heard_goes_through_json),
        cmocka_unit_test(test_json_of_another_shape_is_an_error),
    };
    return cmocka_run_group_tests(tests, open_lexicon, close_lexicon);
}
