/* Which shards are asked for tasks, and for how many. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "dispatcher/engine_inner.h"

static struct settings settings = {.shards = 4};
static struct engine engine;
static int inspect;

static int set_up(void **state)
{
    (void)state;
    engine = (struct engine){.settings = &settings};
    inspect = pipeline_find("inspect");
    return 0;
}

/* What each of the four is asked for, when workers have so much room for inspect; results of the shard `results`, -1 of none.  Answers whether one was
 * left out for want of room. */
static bool share(int room, int results, int out[4])
{
    struct sharing s;
    struct ending done = {.mode = ENDING_DONE, .task.shard = (uint8_t)results};
    int rooms[PIPELINE_TYPES] = {0}, part[PIPELINE_TYPES];
    rooms[inspect] = room;
    engine.endings = &done;
    engine.n_endings = results >= 0;
    sharing_begin(&s, &engine, rooms);
    for (unsigned shard = 0; shard < 4; shard++) out[shard] = sharing_next(&s, &engine, shard, part) ? part[inspect] : 0;
    return sharing_unserved(&s);
}

static void assert_shares(int room, int results, bool unserved, int a, int b, int c, int d)
{
    int out[4];
    assert_int_equal(share(room, results, out), unserved);
    assert_int_equal(out[0], a);
    assert_int_equal(out[1], b);
    assert_int_equal(out[2], c);
    assert_int_equal(out[3], d);
}

static void take(unsigned shard, int asked, int got)
{
    struct call c = {.engine = &engine, .shard = shard};
    int answer[PIPELINE_TYPES] = {0};
    c.asked[inspect] = asked;
    answer[inspect] = got;
    hungry_asking(&c);
    hungry_answered(&c, answer);
}

static void test_room_is_divided_among_shards_that_may_have_something(void **state)
{
    (void)state;
    assert_shares(8, -1, false, 2, 2, 2, 2);
    assert_shares(9, -1, false, 3, 2, 2, 2);
    take(0, 2, 1);
    take(2, 2, 0);
    assert_shares(8, -1, false, 0, 4, 0, 4);
}

static void test_without_room_nobody_is_asked(void **state)
{
    (void)state;
    assert_shares(0, -1, false, 0, 0, 0, 0);
}

static void test_who_got_no_part_is_asked_when_the_others_have_nothing(void **state)
{
    (void)state;
    assert_shares(2, -1, true, 1, 1, 0, 0);
    take(0, 1, 0);
    take(1, 1, 0);
    assert_shares(2, -1, false, 0, 0, 1, 1);
}

static void test_a_shard_that_gave_all_that_it_was_asked_for_may_have_more(void **state)
{
    (void)state;
    take(1, 2, 2);
    assert_true(engine.want_take);
    assert_shares(8, -1, false, 2, 2, 2, 2);
}

static void test_results_of_a_hungry_shard_take_what_they_open(void **state)
{
    (void)state;
    for (unsigned shard = 0; shard < 4; shard++) take(shard, 2, 0);
    assert_shares(8, -1, false, 0, 0, 0, 0);
    assert_shares(8, 3, false, 0, 0, 0, 8);
}

static void test_a_wake_up_names_shard_and_types(void **state)
{
    (void)state;
    for (unsigned shard = 0; shard < 4; shard++) take(shard, 2, 0);
    engine_woken(&engine, "02 page inspect");
    assert_true(engine.want_take);
    assert_shares(8, -1, false, 0, 0, 8, 0);
}

static void test_a_wake_up_that_crosses_the_answer_is_not_lost(void **state)
{
    (void)state;
    struct call c = {.engine = &engine, .shard = 1};
    int none[PIPELINE_TYPES] = {0};
    c.asked[inspect] = 2;
    hungry_asking(&c);
    engine_woken(&engine, "01 inspect");
    hungry_answered(&c, none);
    assert_shares(8, -1, false, 2, 2, 2, 2);
}

static void test_an_answer_that_was_lost_says_nothing(void **state)
{
    (void)state;
    struct call c = {.engine = &engine, .shard = 1};
    c.asked[inspect] = 2;
    hungry_asking(&c);
    hungry_unanswered(&c);
    assert_shares(8, -1, false, 2, 2, 2, 2);
}

static void test_nonsense_wakes_nobody_and_harms_nothing(void **state)
{
    static const char *const said[] = {"", "02", "02 ", "xx inspect", "fff inspect", "02 nothing-of-the-kind-that-there-is", "02  "};
    (void)state;
    for (unsigned shard = 0; shard < 4; shard++) take(shard, 2, 0);
    for (size_t i = 0; i < sizeof said / sizeof *said; i++) engine_woken(&engine, said[i]);
    assert_shares(8, -1, false, 0, 0, 0, 0);
}

static void test_once_a_second_all_are_asked(void **state)
{
    (void)state;
    for (unsigned shard = 0; shard < 4; shard++) take(shard, 2, 0);
    engine_look_everywhere(&engine);
    assert_shares(8, -1, false, 2, 2, 2, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_room_is_divided_among_shards_that_may_have_something, set_up),
        cmocka_unit_test_setup(test_without_room_nobody_is_asked, set_up),
        cmocka_unit_test_setup(test_who_got_no_part_is_asked_when_the_others_have_nothing, set_up),
        cmocka_unit_test_setup(test_a_shard_that_gave_all_that_it_was_asked_for_may_have_more, set_up),
        cmocka_unit_test_setup(test_results_of_a_hungry_shard_take_what_they_open, set_up),
        cmocka_unit_test_setup(test_a_wake_up_names_shard_and_types, set_up),
        cmocka_unit_test_setup(test_a_wake_up_that_crosses_the_answer_is_not_lost, set_up),
        cmocka_unit_test_setup(test_an_answer_that_was_lost_says_nothing, set_up),
        cmocka_unit_test_setup(test_nonsense_wakes_nobody_and_harms_nothing, set_up),
        cmocka_unit_test_setup(test_once_a_second_all_are_asked, set_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
