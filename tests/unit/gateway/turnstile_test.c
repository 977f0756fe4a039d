/* Who gets a place at persist-svc, by a clock that stands still: nobody here ever waits in line. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "gateway/turnstile.h"
#include "lib/clock.h"

#define CALL      false
#define DOCUMENT  true
#define THREADS   32
#define CALLS     12
#define DOCUMENTS 8

static int64_t now_ms;

static int64_t fake_now(void)
{
    return now_ms;
}

static int begin(void **state)
{
    now_ms = 1000000;
    clock_fake(fake_now);
    *state = turnstile_new(THREADS);
    return *state ? 0 : -1;
}

static int end(void **state)
{
    turnstile_destroy((struct turnstile **)state);
    clock_fake(NULL);
    return 0;
}

static bool enters(struct turnstile *t, bool document)
{
    struct err err = {0};
    const bool in = turnstile_enter(t, document, &err) == 0;
    assert_true(in || err.kind == ERR_UNAVAILABLE);
    return in;
}

/* As many as there are places for; then time goes by without a change. */
static int fill(struct turnstile *t, bool document, int most)
{
    int n = 0;
    while (n < most && enters(t, document)) n++;
    now_ms += TURNSTILE_STILL_MS;
    return n;
}

static void test_three_eighths_of_the_threads_have_a_place_and_others_are_refused_until_one_leaves(void **state)
{
    struct turnstile *t = *state;
    assert_int_equal(fill(t, CALL, CALLS), CALLS);
    assert_false(enters(t, CALL));
    assert_false(enters(t, DOCUMENT));
    turnstile_leave(t, CALL);
    assert_true(enters(t, DOCUMENT));
}

static void test_documents_leave_places_to_what_is_no_document(void **state)
{
    struct turnstile *t = *state;
    assert_int_equal(fill(t, DOCUMENT, DOCUMENTS), DOCUMENTS);
    assert_false(enters(t, DOCUMENT));
    assert_int_equal(fill(t, CALL, CALLS - DOCUMENTS), CALLS - DOCUMENTS);
    assert_false(enters(t, CALL));
    turnstile_leave(t, DOCUMENT);
    assert_true(enters(t, DOCUMENT));
}

static void test_there_is_a_place_and_a_thread_for_others_however_few_threads_there_are(void **state)
{
    (void)state;
    static const struct {
        int threads, calls, documents;
    } rows[] = {{1, 1, 1}, {2, 1, 1}, {3, 2, 1}, {4, 2, 1}, {8, 3, 2}, {512, 192, 128}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct turnstile *t = turnstile_new(rows[i].threads);
        for (int n = 0; n < rows[i].documents; n++) assert_true(enters(t, DOCUMENT));
        for (int n = rows[i].documents; n < rows[i].calls; n++) assert_true(enters(t, CALL));
        now_ms += TURNSTILE_STILL_MS;
        assert_false(enters(t, CALL));
        turnstile_destroy(&t);
    }
}

/* A question that is asked now and comes to `status` after so long. */
static void ask(struct turnstile *t, int64_t ms, int status)
{
    const int64_t asked_ms = turnstile_ask(t);
    now_ms += ms;
    turnstile_heard(t, asked_ms, status);
}

static void test_it_hangs_when_what_was_asked_is_not_answered_and_nothing_else_has_been_since(void **state)
{
    struct turnstile *t = *state;
    const int64_t asked_ms = turnstile_ask(t);
    ask(t, 2000, 200);
    turnstile_heard(t, asked_ms, TURNSTILE_SILENCE);
    assert_true(enters(t, CALL));
    now_ms++;
    ask(t, 2000, TURNSTILE_SILENCE);
    assert_false(enters(t, CALL));
    ask(t, 2000, 404);
    assert_true(enters(t, CALL));
}

static void test_who_says_no_at_once_does_not_hang_and_who_says_it_late_says_nothing_new(void **state)
{
    struct turnstile *t = *state;
    ask(t, TURNSTILE_PROMPT_MS - 1, TURNSTILE_SILENCE);
    ask(t, 20000, 503);
    ask(t, 20000, TURNSTILE_OUR_FAULT);
    assert_true(enters(t, CALL));
    ask(t, 2000, TURNSTILE_SILENCE);
    ask(t, 20000, 503);
    ask(t, 0, TURNSTILE_OUR_FAULT);
    assert_false(enters(t, CALL));
    ask(t, TURNSTILE_PROMPT_MS - 1, 503);
    assert_true(enters(t, CALL));
}

static void test_doubt_is_where_somebody_waits_and_nothing_is_heard_and_where_it_hangs(void **state)
{
    struct turnstile *t = *state;
    now_ms += TURNSTILE_DOUBT_MS;
    assert_false(turnstile_in_doubt(t));
    const int64_t asked_ms = turnstile_ask(t);
    ask(t, 0, 200);
    assert_false(turnstile_in_doubt(t));
    now_ms += TURNSTILE_DOUBT_MS;
    assert_true(turnstile_in_doubt(t));
    turnstile_heard(t, asked_ms, 503);
    assert_false(turnstile_in_doubt(t));
    ask(t, 2000, TURNSTILE_SILENCE);
    assert_true(turnstile_in_doubt(t));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_three_eighths_of_the_threads_have_a_place_and_others_are_refused_until_one_leaves, begin, end),
        cmocka_unit_test_setup_teardown(test_documents_leave_places_to_what_is_no_document, begin, end),
        cmocka_unit_test_setup_teardown(test_there_is_a_place_and_a_thread_for_others_however_few_threads_there_are, begin, end),
        cmocka_unit_test_setup_teardown(test_it_hangs_when_what_was_asked_is_not_answered_and_nothing_else_has_been_since, begin, end),
        cmocka_unit_test_setup_teardown(test_who_says_no_at_once_does_not_hang_and_who_says_it_late_says_nothing_new, begin, end),
        cmocka_unit_test_setup_teardown(test_doubt_is_where_somebody_waits_and_nothing_is_heard_and_where_it_hangs, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
