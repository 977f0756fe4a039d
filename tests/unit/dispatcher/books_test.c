/* The dispatcher's books: deliveries in hand, rooms, waiting times. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <string.h>
#include <cmocka.h>

#include "dispatcher/hold.h"
#include "dispatcher/retry.h"
#include "dispatcher/watch.h"
#include "dispatcher/workers.h"

static struct wire_header task(const char *type, uint64_t ms, uint64_t seq)
{
    struct wire_header h = {.entry = {ms, seq}, .token = {1, 1, 1}};
    strcpy(h.type, type);
    return h;
}

static void test_ten_thousand_deliveries_are_found_and_forgotten(void **state)
{
    struct hold hold;
    (void)state;
    assert_int_equal(hold_init(&hold), 0);
    for (unsigned i = 0; i < 10000; i++) {
        struct wire_header h = task(i % 2 ? "page" : "save", 1790000000000 + i / 7, i % 7);
        assert_non_null(hold_add(&hold, &h));
        assert_null(hold_add(&hold, &h));
    }
    for (unsigned i = 0; i < 10000; i += 3) {
        struct wire_header h = task(i % 2 ? "page" : "save", 1790000000000 + i / 7, i % 7);
        hold_remove(&hold, hold_find(&hold, &h));
        assert_null(hold_find(&hold, &h));
    }
    assert_int_equal(hold.n, 6666);
    hold_done(&hold);
}

static struct worker *worker(struct workers *all, const char *id, uint16_t room)
{
    struct bus_peer peer = {.len = (uint8_t)strlen(id)};
    memcpy(peer.id, id, peer.len);
    struct worker *w = workers_add(all, &peer, 0);
    worker_state_hello(w, 2, 1, room, room);
    return w;
}

static void test_what_is_in_hand_counts_against_the_room_whatever_was_stated_meanwhile(void **state)
{
    struct workers all = {0};
    struct worker *w = worker(&all, "a", 2);
    (void)state;
    w->types[2].in_hand = 2;
    worker_state_room(w, 2, 2, 2); /* said before the second TASK arrived */
    assert_int_equal(worker_free(w, 2), 0);
    worker_state_room(w, 2, 3, 1);
    assert_int_equal(worker_free(w, 2), 0);
    workers_done(&all);
}

static void test_an_older_statement_of_room_is_ignored_and_numbers_may_wrap(void **state)
{
    struct workers all = {0};
    struct worker *w = worker(&all, "a", 2);
    (void)state;
    worker_state_room(w, 2, 5, 4);
    worker_state_room(w, 2, 4, 0);
    assert_int_equal(worker_free(w, 2), 4);
    w->types[2].room_seq = UINT32_MAX;
    worker_state_room(w, 2, 0, 1);
    assert_int_equal(worker_free(w, 2), 1);
    workers_done(&all);
}

static void test_the_least_loaded_worker_is_served(void **state)
{
    struct workers all = {0};
    struct worker *a = worker(&all, "a", 4), *b = worker(&all, "b", 3);
    (void)state;
    assert_ptr_equal(workers_least_loaded(&all, 2), a);
    a->types[2].in_hand = 2;
    assert_ptr_equal(workers_least_loaded(&all, 2), b);
    b->types[2].in_hand = 3;
    a->types[2].in_hand = 4;
    assert_null(workers_least_loaded(&all, 2));
    assert_int_equal(workers_total(&all, 2), 7);
    workers_remove(&all, a);
    assert_ptr_equal(workers_find(&all, &b->peer), b);
    workers_done(&all);
}

static void test_waits_double_spread_and_end_at_a_minute(void **state)
{
    (void)state;
    for (uint32_t random = 0; random < 100000; random += 977) {
        assert_in_range(retry_after_ms(1, random), 500, 1000);
        assert_in_range(retry_after_ms(3, random), 2000, 4000);
        assert_in_range(retry_after_ms(100, random), 30000, 60000);
        assert_in_range(throttle_after_ms(40000, random), 40000, 44000);
    }
    assert_in_range(throttle_after_ms(-5, 7), 100, 110);
    assert_int_not_equal(retry_after_ms(4, 1), retry_after_ms(4, 1234));
}

static void test_info_of_a_managed_redis_without_an_aof_line_is_unknown_not_off(void **state)
{
    struct watch_info info;
    (void)state;
    watch_parse("# Server\r\nredis_version:7.0.15\r\nrun_id:abc\r\n# Memory\r\nused_memory:100\r\nmaxmemory:200\r\n"
                "maxmemory_policy:volatile-lru\r\n",
                &info);
    assert_string_equal(info.version, "7.0.15");
    assert_string_equal(info.run_id, "abc");
    assert_string_equal(info.policy, "volatile-lru");
    assert_int_equal(info.used, 100);
    assert_int_equal(info.max, 200);
    assert_int_equal(info.aof, -1);
    watch_parse("aof_enabled:1", &info);
    assert_int_equal(info.aof, 1);
    watch_parse("", &info);
    assert_string_equal(info.version, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ten_thousand_deliveries_are_found_and_forgotten),
        cmocka_unit_test(test_what_is_in_hand_counts_against_the_room_whatever_was_stated_meanwhile),
        cmocka_unit_test(test_an_older_statement_of_room_is_ignored_and_numbers_may_wrap),
        cmocka_unit_test(test_the_least_loaded_worker_is_served),
        cmocka_unit_test(test_waits_double_spread_and_end_at_a_minute),
        cmocka_unit_test(test_info_of_a_managed_redis_without_an_aof_line_is_unknown_not_off),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
