#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "lib/stage_hold.h"

#define A 0 /* links */
#define B 1

static struct wire_header task(uint64_t seq, uint32_t delivery)
{
    return (struct wire_header){
        .type = "page", .entry = {1790000000000, seq}, .token = {1790000000000000, 1, delivery}};
}

static int setup(void **state)
{
    struct stage_hold *hold = malloc(sizeof(*hold));
    *state = hold;
    return hold ? stage_hold_init(hold, NULL) : -1;
}

static int teardown(void **state)
{
    stage_hold_done(*state);
    free(*state);
    return 0;
}

static struct held *deal(struct stage_hold *hold, uint64_t seq, uint32_t delivery, int link)
{
    struct wire_header t = task(seq, delivery);
    struct held *h = stage_hold_add(hold, &t, 0, link);
    assert_non_null(h);
    return h;
}

static bool finish(struct stage_hold *hold, struct held *h)
{
    char *body = strdup("{}");
    bool kept = stage_hold_finish(hold, h, OUTCOME_DONE, &body, 2);
    assert_true(kept == (body == NULL));
    free(body);
    return kept;
}

static void test_dealt_task_takes_a_place_and_is_found_by_its_token(void **state)
{
    struct stage_hold *hold = *state;
    struct held *h = deal(hold, 1, 1, A);
    struct wire_header same = task(1, 1), later = task(1, 2);
    assert_ptr_equal(stage_hold_find(hold, &same), h);
    assert_null(stage_hold_find(hold, &later));
    assert_int_equal(hold->types[0].working, 1);
    assert_int_equal(hold->types[0].in_work[A], 1);
    assert_int_equal(hold->types[0].in_hand[A], 1);
    assert_int_equal(hold->at_link[A], 1);
}

static void test_place_is_free_when_the_work_ended_but_the_result_is_kept(void **state)
{
    struct stage_hold *hold = *state;
    struct held *h = deal(hold, 1, 1, A);
    assert_true(finish(hold, h));
    assert_int_equal(hold->types[0].working, 0);
    assert_int_equal(hold->types[0].in_work[A], 0);
    assert_int_equal(hold->types[0].in_hand[A], 1);
    assert_int_equal(hold->results, 1);
    assert_int_equal(hold->n, 1);
}

static void test_acknowledged_result_is_forgotten(void **state)
{
    struct stage_hold *hold = *state;
    struct held *h = deal(hold, 1, 1, A);
    finish(hold, h);
    stage_hold_drop(hold, h);
    assert_int_equal(hold->n, 0);
    assert_int_equal(hold->results, 0);
    assert_int_equal(hold->at_link[A], 0);
}

static void test_cancelled_work_is_told_to_stop_keeps_its_place_and_gives_no_result(void **state)
{
    struct stage_hold *hold = *state;
    struct stage_inner work = {0};
    struct held *h = deal(hold, 1, 1, A);
    h->work = &work;
    stage_hold_drop(hold, h);
    assert_true(atomic_load(&work.cancelled));
    assert_int_equal(hold->types[0].working, 1);
    assert_int_equal(hold->types[0].in_work[A], 0);
    assert_int_equal(hold->at_link[A], 0);
    assert_false(finish(hold, h));
    assert_int_equal(hold->n, 0);
    assert_int_equal(hold->types[0].working, 0);
}

static void test_dropping_twice_changes_nothing_more(void **state)
{
    struct stage_hold *hold = *state;
    struct held *h = deal(hold, 1, 1, A);
    stage_hold_drop(hold, h);
    stage_hold_drop(hold, h);
    assert_int_equal(hold->types[0].working, 1);
    assert_int_equal(hold->at_link[A], 0);
}

static void test_older_delivery_is_found_so_that_a_newer_can_supersede_it(void **state)
{
    struct stage_hold *hold = *state;
    struct held *h = deal(hold, 1, 1, A);
    struct wire_header newer = task(1, 2), same = task(1, 1), other = task(2, 2);
    assert_ptr_equal(stage_hold_find_older(hold, &newer), h);
    assert_null(stage_hold_find_older(hold, &same));
    assert_null(stage_hold_find_older(hold, &other));
    stage_hold_drop(hold, h);
    assert_null(stage_hold_find_older(hold, &newer));
}

static void test_two_deliveries_of_a_task_are_held_side_by_side(void **state)
{
    struct stage_hold *hold = *state;
    struct held *first = deal(hold, 1, 1, A), *second = deal(hold, 1, 2, B);
    struct wire_header one = task(1, 1), two = task(1, 2);
    assert_ptr_equal(stage_hold_find(hold, &one), first);
    assert_ptr_equal(stage_hold_find(hold, &two), second);
}

static void test_moved_task_is_counted_by_nobody_until_it_is_adopted(void **state)
{
    struct stage_hold *hold = *state;
    struct held *h = deal(hold, 1, 1, A);
    stage_hold_move(hold, h, B);
    assert_int_equal(hold->at_link[A], 0);
    assert_int_equal(hold->at_link[B], 1);
    assert_int_equal(hold->types[0].working, 1);
    assert_int_equal(hold->types[0].in_work[B], 0);
    stage_hold_confirm(hold, h);
    stage_hold_confirm(hold, h);
    assert_int_equal(hold->types[0].in_work[B], 1);
}

static void test_answer_confirms_what_was_adopted_and_drops_the_rest(void **state)
{
    struct stage_hold *hold = *state;
    struct held *h[3];
    for (uint32_t i = 0; i < 3; i++) {
        h[i] = deal(hold, i, 1, A);
        stage_hold_move(hold, h[i], B);
        h[i]->offer_seq = 7;
        h[i]->offer_at = i;
    }
    finish(hold, h[2]);
    const bool adopted[] = {true, false, false};
    stage_hold_answer(hold, B, 7, adopted, 3);
    assert_true(h[0]->confirmed);
    assert_int_equal(h[1]->state, HELD_DROPPED);
    assert_int_equal(hold->n, 2); /* the kept result is forgotten */
    assert_int_equal(hold->results, 0);
}

static void test_answer_to_another_hello_or_link_changes_nothing(void **state)
{
    struct stage_hold *hold = *state;
    struct held *h = deal(hold, 1, 1, A);
    stage_hold_move(hold, h, B);
    h->offer_seq = 8;
    stage_hold_answer(hold, B, 7, NULL, 0);
    stage_hold_answer(hold, A, 8, NULL, 0);
    assert_int_equal(h->state, HELD_WORKING);
    assert_false(h->confirmed);
    stage_hold_answer(hold, B, 8, NULL, 0);
    assert_int_equal(h->state, HELD_DROPPED);
}

static void test_task_dealt_after_a_hello_is_not_touched_by_its_answer(void **state)
{
    struct stage_hold *hold = *state;
    struct held *h = deal(hold, 1, 1, A);
    stage_hold_answer(hold, A, 3, NULL, 0);
    assert_int_equal(h->state, HELD_WORKING);
    assert_true(h->confirmed);
}

static void test_thousands_are_found_after_the_table_grew(void **state)
{
    struct stage_hold *hold = *state;
    for (uint32_t i = 0; i < 3000; i++) deal(hold, i, i, (int)(i % 2));
    for (uint32_t i = 0; i < 3000; i++) {
        struct wire_header t = task(i, i);
        struct held *h = stage_hold_find(hold, &t);
        assert_non_null(h);
        if (i % 3 == 0) stage_hold_drop(hold, h);
        if (i % 2 == 0) finish(hold, h);
    }
    /* 0 mod 6: dropped, then finished: gone.  3 mod 6: dropped.  2, 4 mod 6: result.  1, 5 mod 6: working. */
    assert_int_equal(hold->n, 2500);
    assert_int_equal(hold->results, 1000);
    assert_int_equal(hold->types[0].working, 1500);
    assert_int_equal(hold->at_link[A], 1000);
    assert_int_equal(hold->at_link[B], 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
        TEST(test_dealt_task_takes_a_place_and_is_found_by_its_token),
        TEST(test_place_is_free_when_the_work_ended_but_the_result_is_kept),
        TEST(test_acknowledged_result_is_forgotten),
        TEST(test_cancelled_work_is_told_to_stop_keeps_its_place_and_gives_no_result),
        TEST(test_dropping_twice_changes_nothing_more),
        TEST(test_older_delivery_is_found_so_that_a_newer_can_supersede_it),
        TEST(test_two_deliveries_of_a_task_are_held_side_by_side),
        TEST(test_moved_task_is_counted_by_nobody_until_it_is_adopted),
        TEST(test_answer_confirms_what_was_adopted_and_drops_the_rest),
        TEST(test_answer_to_another_hello_or_link_changes_nothing),
        TEST(test_task_dealt_after_a_hello_is_not_touched_by_its_answer),
        TEST(test_thousands_are_found_after_the_table_grew),
    };
    return cmocka_run_group_tests_name("stage_hold", tests, NULL, NULL);
}
