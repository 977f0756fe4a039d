/* Which pages of a document are whose: by their print alone, whatever the rhythm. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include "page_lines.h"

#define PROSE(y)                                                                                             \
    "800 " y "000 My father gets up before the sun and makes",                                               \
        "800 " y "250 breakfast for all of us and he never laughs",                                          \
        "800 " y "500 at my mistakes or at my drawings of rivers"

static const char *const page_texts[128][10] = {
    /* a form and its essay */
    ['F'] = {"2500 500 Essay Contest Entry Form", "800 1000 Student's Name: Ana Soler",
             "800 1300 School: Monte Rosa", "800 1600 Grade: 4", "800 1900 Teacher: Mr. Fernwood",
             "800 2300 My Essay", PROSE("3")},
    /* a form in Spanish, whose essay is elsewhere */
    ['S'] = {"2500 500 Concurso de Ensayos", "800 1000 Nombre del Estudiante: Ana Soler",
             "800 1300 Escuela: Monte Rosa", "800 1600 Grado: 4", "800 1900 Maestra: Sra. Luz",
             "800 2300 Escribe tu ensayo en la siguiente página."},
    /* a form in both, letters misread, no title */
    ['M'] = {"800 1000 Studenf's Narne / Nombre del Estudiante: Ana Soler",
             "800 1300 Schocl / Escuela: Monte Rosa", "800 1600 Grade / Grado: 4",
             "800 1900 City / Ciudad: Dos Robles"},
    /* an essay without a header; with its heading; with name and school written again */
    ['e'] = {PROSE("1")},
    ['h'] = {"800 600 My Essay", PROSE("1")},
    ['n'] = {"800 600 Student: Ana Soler", "4500 600 Grade: 4", PROSE("2")},
    /* a cover, and a page with nothing on it */
    ['c'] = {"800 1000 To the committee,", "800 1300 Enclosed are the pages of our class."},
    ['b'] = {NULL},
};

/* `pages` a letter each; `wanted` as "2-3 5". */
static void expect(const char *pages, const char *wanted)
{
    struct page list[16];
    struct split split = {0};
    struct err err = {0};
    int n = (int)strlen(pages);
    for (int i = 0; i < n; i++) {
        const char *lines[11] = {0};
        memcpy(lines, page_texts[(unsigned char)pages[i]], sizeof page_texts[0]);
        page_of_lines(lines, i + 1, 'o', &list[i]);
    }
    assert_int_equal(llm_rules.split(rules, list, n, 0, &split, &err), 0);
    char got[128] = "";
    for (int i = 0; i < split.n; i++) {
        const struct span *s = &split.entries[i];
        size_t at = strlen(got);
        snprintf(got + at, sizeof got - at, s->first == s->last ? "%s%d" : "%s%d-%d", at ? " " : "", s->first,
                 s->last);
    }
    assert_string_equal(got, wanted);
    split_done(&split);
    for (int i = 0; i < n; i++) page_done(&list[i]);
}

static void test_each_form_begins_an_entry(void **state)
{
    (void)state;
    expect("F", "1");
    expect("FFF", "1 2 3");
    expect("FMS", "1 2 3");
}

static void test_an_essay_without_a_header_belongs_to_the_form_before_it(void **state)
{
    (void)state;
    expect("Se", "1-2");
    expect("SeSeSe", "1-2 3-4 5-6");
    expect("MhMe", "1-2 3-4");
    expect("See", "1-3");
}

static void test_an_essays_page_that_repeats_the_name_begins_nothing(void **state)
{
    (void)state;
    expect("SnSn", "1-2 3-4");
}

static void test_entries_may_fall_out_of_rhythm(void **state)
{
    (void)state;
    expect("FSeFSeeF", "1 2-3 4 5-7 8");
    expect("SeFFSe", "1-2 3 4 5-6");
}

static void test_a_cover_belongs_to_nobody(void **state)
{
    (void)state;
    expect("cF", "2");
    expect("cSeSe", "2-3 4-5");
}

static void test_blank_backs_belong_to_nobody_at_an_entrys_end_and_to_it_within(void **state)
{
    (void)state;
    expect("FbFb", "1 3");
    expect("bF", "2");
    expect("Sbeb", "1-3");
    expect("cbSbebFb", "3-5 7");
}

static void test_a_document_without_a_form_is_one_entry(void **state)
{
    (void)state;
    expect("e", "1");
    expect("bee", "2-3");
    expect("b", "1");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_form_begins_an_entry),
        cmocka_unit_test(test_an_essay_without_a_header_belongs_to_the_form_before_it),
        cmocka_unit_test(test_an_essays_page_that_repeats_the_name_begins_nothing),
        cmocka_unit_test(test_entries_may_fall_out_of_rhythm),
        cmocka_unit_test(test_a_cover_belongs_to_nobody),
        cmocka_unit_test(test_blank_backs_belong_to_nobody_at_an_entrys_end_and_to_it_within),
        cmocka_unit_test(test_a_document_without_a_form_is_one_entry),
    };
    return cmocka_run_group_tests(tests, open_rules, close_rules);
}
