#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdlib.h>

#include "lib/stage_room.h"
#include "proto/wire.h"

#define LINKS       8
#define RANDOM_SEED 20261124u

/* Live links with what they hold; -1 is one that is not live. */
#define DIVIDE(places, spread, ...)                                                                          \
    const int given[] = {__VA_ARGS__};                                                                       \
    enum { n = sizeof(given) / sizeof(given[0]) };                                                           \
    struct stage_room_link links[n];                                                                         \
    uint16_t rooms[n];                                                                                       \
    for (int i = 0; i < n; i++)                                                                              \
        links[i] =                                                                                           \
            (struct stage_room_link){.live = given[i] >= 0, .held = given[i] > 0 ? (unsigned)given[i] : 0};  \
    stage_room_divide(places, links, n, spread, rooms)

static void test_one_dispatcher_gets_all_places(void **state)
{
    (void)state;
    DIVIDE(64, 5, 0);
    assert_int_equal(rooms[0], 64);
}

static void test_room_does_not_shrink_by_what_the_dispatcher_has_in_flight(void **state)
{
    (void)state;
    DIVIDE(64, 5, 64);
    assert_int_equal(rooms[0], 64);
}

static void test_dispatchers_get_even_parts(void **state)
{
    (void)state;
    DIVIDE(64, 0, 3, 30);
    assert_int_equal(rooms[0], 32);
    assert_int_equal(rooms[1], 32);
}

static void test_silent_dispatcher_gets_none_and_its_part_goes_to_the_others(void **state)
{
    (void)state;
    DIVIDE(64, 7, -1, 0, 0);
    assert_int_equal(rooms[0], 0);
    assert_int_equal(rooms[1], 32);
    assert_int_equal(rooms[2], 32);
}

static void test_nobody_gets_room_when_nobody_lives(void **state)
{
    (void)state;
    DIVIDE(64, 7, -1, -1);
    assert_int_equal(rooms[0], 0);
    assert_int_equal(rooms[1], 0);
}

static void test_single_place_goes_to_the_one_that_the_spread_points_at(void **state)
{
    (void)state;
    int got[3] = {0};
    for (uint32_t spread = 0; spread < 3; spread++) {
        DIVIDE(1, spread, 0, 0, 0);
        assert_int_equal(rooms[0] + rooms[1] + rooms[2], 1);
        for (int i = 0; i < 3; i++) got[i] += rooms[i];
    }
    for (int i = 0; i < 3; i++) assert_int_equal(got[i], 1);
}

static void test_newcomer_waits_until_the_first_has_worked_off_what_it_holds(void **state)
{
    (void)state;
    {
        DIVIDE(64, 0, 64, 0);
        assert_int_equal(rooms[0], 32);
        assert_int_equal(rooms[1], 0);
    }
    {
        DIVIDE(64, 0, 40, 0);
        assert_int_equal(rooms[1], 24);
    }
    {
        DIVIDE(64, 0, 32, 0);
        assert_int_equal(rooms[1], 32);
    }
}

static void test_no_places_is_no_room(void **state)
{
    (void)state;
    DIVIDE(0, 3, 0, 5);
    assert_int_equal(rooms[0], 0);
    assert_int_equal(rooms[1], 0);
}

static void test_room_never_passes_the_wires_limit(void **state)
{
    (void)state;
    DIVIDE(100000, 3, 0);
    assert_int_equal(rooms[0], WIRE_ROOM_MAX);
}

/* The one property that everything else rests on. */
static void test_rooms_and_what_is_held_above_them_never_pass_the_places(void **state)
{
    (void)state;
    srand(RANDOM_SEED);
    for (int round = 0; round < 20000; round++) {
        struct stage_room_link links[LINKS];
        uint16_t rooms[LINKS];
        int n = 1 + rand() % LINKS;
        unsigned places = (unsigned)rand() % 70, left = places, used = 0;
        bool any = false;
        for (int i = 0; i < n; i++) {
            unsigned held = left ? (unsigned)rand() % (left + 1) : 0;
            links[i] = (struct stage_room_link){.live = rand() % 4 != 0, .held = held};
            if (!links[i].live) links[i].held = 0;
            any = any || links[i].live;
            left -= links[i].held;
        }
        stage_room_divide(places, links, n, (uint32_t)rand(), rooms);
        for (int i = 0; i < n; i++) used += links[i].held > rooms[i] ? links[i].held : rooms[i];
        assert_true(used <= places);
        if (any) assert_int_equal(used, places); /* and no place is left idle */
        for (int i = 0; i < n; i++) assert_true(links[i].live || rooms[i] == 0);
    }
}

static void test_spread_differs_between_instances_and_types(void **state)
{
    (void)state;
    int hits[2] = {0};
    for (int i = 0; i < 100; i++) {
        char instance[] = {'h', '-', (char)('0' + i / 10), (char)('0' + i % 10), '\0'};
        hits[stage_room_spread(instance, "page") % 2]++;
    }
    assert_in_range(hits[0], 30, 70);
    assert_true(stage_room_spread("a", "page") != stage_room_spread("a", "inspect"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_dispatcher_gets_all_places),
        cmocka_unit_test(test_room_does_not_shrink_by_what_the_dispatcher_has_in_flight),
        cmocka_unit_test(test_dispatchers_get_even_parts),
        cmocka_unit_test(test_silent_dispatcher_gets_none_and_its_part_goes_to_the_others),
        cmocka_unit_test(test_nobody_gets_room_when_nobody_lives),
        cmocka_unit_test(test_single_place_goes_to_the_one_that_the_spread_points_at),
        cmocka_unit_test(test_newcomer_waits_until_the_first_has_worked_off_what_it_holds),
        cmocka_unit_test(test_no_places_is_no_room),
        cmocka_unit_test(test_room_never_passes_the_wires_limit),
        cmocka_unit_test(test_rooms_and_what_is_held_above_them_never_pass_the_places),
        cmocka_unit_test(test_spread_differs_between_instances_and_types),
    };
    return cmocka_run_group_tests_name("stage_room", tests, NULL, NULL);
}
