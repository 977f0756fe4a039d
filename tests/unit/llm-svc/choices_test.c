/* A form whose answers are printed and ticked: a library card of our own, by its form file alone. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include "page_lines.h"

static int open_card(void **state)
{
    (void)state;
    return open_rules_of("tests/fixtures/form-library-card.json");
}

/* What is read for "membership" from a line of answers. */
static void expect(const char *line, char source, const char *wanted)
{
    struct entry entry;
    entry_of_lines((const char *const[]){"800 500 Library Card Application",
                                         "800 1000 Reader's Name: Ana Soler", line,
                                         "800 1600 Home Branch: Old Mill", NULL},
                   source, &entry);
    assert_string_equal(text_in(&entry, "membership"), wanted);
    assert_string_equal(text_in(&entry, "reader_name"), "Ana Soler");
    assert_string_equal(text_in(&entry, "branch"), "Old Mill");
    entry_done(&entry);
}

static void test_another_form_is_read_by_its_file_alone(void **state)
{
    (void)state;
    struct entry entry;
    entry_of_lines(
        (const char *const[]){"800 500 Library Card Application",
                              "800 1000 Reader's Name / Nombre del Lector:", "800 1250 Ana Monteso ~ler",
                              "800 1600 Home Branch:", "5000 1600 Daytime Phone:", "800 1850 Old Mill",
                              "5000 1850 (415) SS5-0123",
                              "800 2200 Contact Email:", "800 2450 ana.solerQmail.example.net",
                              "800 2800 Membership: O Adult X Child O Senior", NULL},
        'o', &entry);
    assert_string_equal(text_in(&entry, "reader_name"), "Ana Montesoler");
    assert_string_equal(text_in(&entry, "branch"), "Old Mill");
    assert_string_equal(text_in(&entry, "card_phone"), "(415) 555-0123");
    assert_string_equal(text_in(&entry, "contact"), "ana.soler@mail.example.net");
    assert_string_equal(text_in(&entry, "membership"), "Child");
    assert_string_equal(value_in(&entry, "membership")->raw, "X Child");
    assert_int_equal(entry.observed, 0);
    entry_done(&entry);
}

static void test_the_ticked_box_of_a_text_is_the_answer_in_english_spanish_and_both(void **state)
{
    (void)state;
    expect("800 1300 Membership: [ ] Adult [x] Child [ ] Senior", 't', "Child");
    expect("800 1300 Membresía: ☒ Adulto ☐ Niño(a) ☐ Adulto Mayor", 't', "Adult");
    expect("800 1300 Membership / Membresía: ☐ Adult ☐ Niño ☑ Senior", 't', "Senior");
    expect("800 1300 Membership: ☐Adult ☑Child ☐Senior", 't', "Child");
}

static void test_boxes_may_stand_behind_their_answers(void **state)
{
    (void)state;
    expect("800 1300 Membership: Adult [ ] Child [ ] Senior [x]", 't', "Senior");
    expect("800 1300 Membresía: Adulto ☒ Niño ☐ Adulto Mayor ☐", 't', "Adult");
}

static void test_a_box_is_known_by_what_recognition_makes_of_it(void **state)
{
    (void)state;
    expect("800 1300 Membership: X Adult [child CO Senior", 'o', "Adult");
    expect("800 1300 Membership: Ol Adult & child CO Senior", 'o', "Child");
    expect("800 1300 Membership: HM Adut Ochild OC Senior", 'o', "Adult");
    expect("800 1300 Membresía: LJ Adulto [ll Niño Mi Adulto Mayor", 'o', "Senior");
}

static void test_boxes_below_one_another_are_the_labels_too(void **state)
{
    (void)state;
    struct entry entry;
    entry_of_lines((const char *const[]){"800 1000 Reader's Name: Ana Soler", "800 1300 Type of Membership",
                                         "5000 1300 Preferred Language", "900 1550 [ ] Adult",
                                         "900 1800 [ ] Child", "900 2050 [x] Senior", "5100 1550 [x] English",
                                         "5100 1800 [ ] Español", NULL},
                   't', &entry);
    assert_string_equal(text_in(&entry, "membership"), "Senior");
    assert_string_equal(text_in(&entry, "language"), "English");
    entry_done(&entry);
}

static void test_the_ticked_box_of_a_pdfs_field_belongs_to_the_answer_beside_it(void **state)
{
    (void)state;
    expect("800 1300 Membership: ^Adult ^[x]f:Membership Child ^Senior", 't', "Child");
    expect("800 1300 Membership: [x]f:m1 Adult ^Child ^Senior", 't', "Adult");
    expect("800 1300 Membership: Adult [x]f:box_7 ^Child ^Senior", 't', "Adult");
}

static void test_an_answer_that_was_written_needs_no_box(void **state)
{
    (void)state;
    expect("800 1300 Membership: Child", 'o', "Child");
    expect("800 1300 Membresía: Adulto Mayor", 'o', "Senior");
}

static void test_no_box_several_or_none_that_is_clear_is_no_answer(void **state)
{
    (void)state;
    expect("800 1300 Membership: [ ] Adult [ ] Child [ ] Senior", 't', "");
    expect("800 1300 Membership: [x] Adult [x] Child [ ] Senior", 't', "");
    expect("800 1300 Membership: Adult Child Senior", 'o', "");
    expect("800 1300 Membership: g Adult s Child O Senior", 'o', "");
    expect("800 1300 Membership: Somebody else", 'o', "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_another_form_is_read_by_its_file_alone),
        cmocka_unit_test(test_the_ticked_box_of_a_text_is_the_answer_in_english_spanish_and_both),
        cmocka_unit_test(test_boxes_may_stand_behind_their_answers),
        cmocka_unit_test(test_a_box_is_known_by_what_recognition_makes_of_it),
        cmocka_unit_test(test_boxes_below_one_another_are_the_labels_too),
        cmocka_unit_test(test_the_ticked_box_of_a_pdfs_field_belongs_to_the_answer_beside_it),
        cmocka_unit_test(test_an_answer_that_was_written_needs_no_box),
        cmocka_unit_test(test_no_box_several_or_none_that_is_clear_is_no_answer),
    };
    return cmocka_run_group_tests(tests, open_card, close_rules);
}
