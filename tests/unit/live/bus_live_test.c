/* lib/bus against peers of the worst manners: they speak libzmq directly. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <zmq.h>

#include "lib/bus.h"
#include "lib/clock.h"

#define PATIENCE_MS 10000

struct peers {
    bus_socket_t *router;
    void *context, *rude; /* a DEALER of libzmq's */
};

static void *rude_socket(struct peers *p, const char *id, size_t id_len)
{
    int linger = 0;
    void *s = zmq_socket(p->context, ZMQ_DEALER);
    assert_non_null(s);
    zmq_setsockopt(s, ZMQ_LINGER, &linger, sizeof(linger));
    if (id) assert_int_equal(zmq_setsockopt(s, ZMQ_ROUTING_ID, id, id_len), 0);
    assert_int_equal(zmq_connect(s, bus_endpoint(p->router)), 0);
    return s;
}

static int setup(void **state)
{
    static struct peers p;
    struct err err;
    if (bus_init(&err) == -1) return -1;
    p.router = bus_bind("tcp://127.0.0.1:*", false, &err);
    p.context = zmq_ctx_new();
    if (!p.router || !p.context) return -1;
    p.rude = rude_socket(&p, "rude", 4);
    *state = &p;
    return 0;
}

static int teardown(void **state)
{
    struct peers *p = *state;
    zmq_close(p->rude);
    zmq_ctx_term(p->context);
    bus_close(&p->router);
    return 0;
}

static enum wire_problem receive(bus_socket_t *s, struct bus_peer *from, struct wire_header *h, char *text,
                                 size_t *len)
{
    enum wire_problem problem = WIRE_OK;
    const char *body;
    int64_t until_ms = clock_ms() + PATIENCE_MS;
    while (bus_receive(s, from, h, &body, len, &problem) == 0) {
        struct bus_item item = {.socket = s, .fd = -1};
        assert_true(clock_ms() < until_ms);
        (void)bus_wait(&item, 1, 100);
    }
    assert_int_equal(body[*len], '\0');
    snprintf(text, WIRE_BODY_MAX + 1, "%s", body);
    return problem;
}

static void send_frames(void *rude, int n, const void *const frames[], const size_t lens[])
{
    for (int i = 0; i < n; i++)
        assert_int_equal(zmq_send(rude, frames[i], lens[i], i + 1 < n ? ZMQ_SNDMORE : 0), (int)lens[i]);
}

static void header(enum wire_command command, uint8_t out[WIRE_HEADER])
{
    struct wire_header h = {.command = (uint8_t)command, .type = "page"};
    wire_encode(&h, out);
}

static void expect_problem(struct peers *p, int n, const void *const frames[], const size_t lens[],
                           enum wire_problem expected)
{
    struct bus_peer from;
    struct wire_header h;
    static char body[WIRE_BODY_MAX + 1];
    size_t len;
    send_frames(p->rude, n, frames, lens);
    assert_int_equal(receive(p->router, &from, &h, body, &len), expected);
    assert_int_equal(from.len, 4);
    assert_memory_equal(from.id, "rude", 4);
    if (expected != WIRE_OK) assert_int_equal(len, 0);
}

static void test_malformed_messages_are_told_with_who_sent_them_and_the_next_is_read(void **state)
{
    struct peers *p = *state;
    uint8_t good[WIRE_HEADER], other[WIRE_HEADER];
    static char long_body[WIRE_BODY_MAX + 1];
    header(WIRE_CREDIT, good);
    header(WIRE_CREDIT, other);
    other[4] = 2;
    expect_problem(p, 1, (const void *[]){""}, (size_t[]){0}, WIRE_SHORT);
    expect_problem(p, 1, (const void *[]){"hello"}, (size_t[]){5}, WIRE_SHORT);
    expect_problem(p, 2, (const void *[]){"", good}, (size_t[]){0, WIRE_HEADER}, WIRE_SHORT);
    expect_problem(p, 1, (const void *[]){other}, (size_t[]){WIRE_HEADER}, WIRE_BAD_MAJOR);
    expect_problem(p, 3, (const void *[]){good, "{}", "{}"}, (size_t[]){WIRE_HEADER, 2, 2}, WIRE_BAD_FRAMES);
    expect_problem(p, 5, (const void *[]){"a", "b", "c", "d", "e"}, (size_t[]){1, 1, 1, 1, 1}, WIRE_SHORT);
    expect_problem(p, 2, (const void *[]){good, long_body}, (size_t[]){WIRE_HEADER, sizeof(long_body)},
                   WIRE_BODY_TOO_LONG);
    expect_problem(p, 2, (const void *[]){good, long_body}, (size_t[]){WIRE_HEADER, WIRE_BODY_MAX}, WIRE_OK);
    expect_problem(p, 1, (const void *[]){good}, (size_t[]){WIRE_HEADER}, WIRE_OK);
}

static void test_body_is_read_as_it_was_sent_and_ends_in_nul(void **state)
{
    struct peers *p = *state;
    uint8_t good[WIRE_HEADER];
    struct bus_peer from;
    struct wire_header h;
    char body[WIRE_BODY_MAX + 1];
    size_t len;
    header(WIRE_TASK, good);
    send_frames(p->rude, 2, (const void *[]){good, "{\"long\":\"er\"}"}, (size_t[]){WIRE_HEADER, 13});
    send_frames(p->rude, 2, (const void *[]){good, "{}"}, (size_t[]){WIRE_HEADER, 2});
    assert_int_equal(receive(p->router, &from, &h, body, &len), WIRE_OK);
    assert_string_equal(body, "{\"long\":\"er\"}");
    assert_int_equal(receive(p->router, &from, &h, body, &len), WIRE_OK);
    assert_string_equal(body, "{}");
}

static void test_peer_with_a_routing_id_that_is_too_long_is_malformed(void **state)
{
    struct peers *p = *state;
    uint8_t good[WIRE_HEADER];
    char id[BUS_PEER_MAX + 1], body[WIRE_BODY_MAX + 1];
    struct bus_peer from;
    struct wire_header h;
    size_t len;
    memset(id, 'x', sizeof(id));
    header(WIRE_CREDIT, good);
    void *rude = rude_socket(p, id, sizeof(id));
    send_frames(rude, 1, (const void *[]){good}, (size_t[]){WIRE_HEADER});
    assert_int_equal(receive(p->router, &from, &h, body, &len), WIRE_BAD_FRAMES);
    assert_int_equal(from.len, 0);
    zmq_close(rude);
}

static void test_message_above_the_limit_costs_its_sender_the_connection_and_nobody_else(void **state)
{
    struct peers *p = *state;
    static char huge[70000];
    uint8_t good[WIRE_HEADER];
    struct bus_peer from;
    struct wire_header h;
    char body[WIRE_BODY_MAX + 1];
    size_t len;
    header(WIRE_CREDIT, good);
    void *huger = rude_socket(p, "huge", 4);
    send_frames(huger, 1, (const void *[]){huge}, (size_t[]){sizeof(huge)});
    send_frames(p->rude, 1, (const void *[]){good}, (size_t[]){WIRE_HEADER});
    assert_int_equal(receive(p->router, &from, &h, body, &len), WIRE_OK);
    assert_memory_equal(from.id, "rude", 4);
    zmq_close(huger);
}

static void test_unknown_peer_is_told_at_once(void **state)
{
    struct peers *p = *state;
    struct bus_peer nobody = {.len = 6, .id = "nobody"};
    struct wire_header h = {.command = WIRE_HEARTBEAT};
    assert_int_equal(bus_send(p->router, &nobody, &h, NULL, 0), -1);
    nobody.len = 0;
    assert_int_equal(bus_send(p->router, &nobody, &h, NULL, 0), -1);
    assert_int_equal(bus_send(p->router, NULL, &h, NULL, 0), -1);
}

static void test_full_queue_of_a_peer_that_does_not_read_is_told_and_blocks_nobody(void **state)
{
    struct peers *p = *state;
    static char body[8000];
    uint8_t good[WIRE_HEADER];
    struct bus_peer from;
    struct wire_header h, task = {.command = WIRE_TASK, .type = "page"};
    char text[WIRE_BODY_MAX + 1];
    size_t len;
    memset(body, ' ', sizeof(body));
    header(WIRE_CREDIT, good);
    send_frames(p->rude, 1, (const void *[]){good}, (size_t[]){WIRE_HEADER});
    assert_int_equal(receive(p->router, &from, &h, text, &len), WIRE_OK);
    int rc = 0, sent = 0;
    while ((rc = bus_send(p->router, &from, &task, body, sizeof(body))) == 0 && sent < 100000) sent++;
    assert_int_equal(rc, 1);
    assert_true(sent >= 2 * WIRE_ROOM_MAX);
}

static void test_dealer_without_a_connection_takes_nothing(void **state)
{
    (void)state;
    struct wire_header h = {.command = WIRE_HEARTBEAT};
    bus_socket_t *s = bus_connect("tcp://127.0.0.1:1", "w", false, NULL);
    assert_non_null(s);
    assert_int_equal(bus_send(s, NULL, &h, NULL, 0), 1);
    bus_close(&s);
    bus_close(&s); /* nothing is no harm */
}

static void test_wait_ends_when_a_socket_is_connected_and_takes_a_message(void **state)
{
    struct peers *p = *state;
    struct wire_header h = {.command = WIRE_HEARTBEAT};
    bus_socket_t *s = bus_connect(bus_endpoint(p->router), "w", false, NULL);
    assert_non_null(s);
    struct bus_item item = {.socket = s, .fd = -1, .events = POLLOUT};
    assert_int_equal(bus_wait(&item, 1, PATIENCE_MS), 1);
    assert_int_equal(item.revents, POLLOUT);
    assert_int_equal(bus_send(s, NULL, &h, NULL, 0), 0);
    bus_close(&s);
}

static void test_worker_that_reconnects_under_its_id_is_reached_at_its_new_connection(void **state)
{
    struct peers *p = *state;
    struct bus_peer from;
    struct wire_header got, h = {.command = WIRE_HEARTBEAT};
    char body[WIRE_BODY_MAX + 1];
    size_t len;
    bus_socket_t *worker[2] = {NULL, NULL};
    for (int i = 0; i < 2; i++) {
        worker[i] = bus_connect(bus_endpoint(p->router), "w", false, NULL);
        assert_non_null(worker[i]);
        int64_t until_ms = clock_ms() + PATIENCE_MS;
        while (bus_send(worker[i], NULL, &h, NULL, 0) != 0) {
            assert_true(clock_ms() < until_ms);
            (void)bus_wait(NULL, 0, 5);
        }
        assert_int_equal(receive(p->router, &from, &got, body, &len), WIRE_OK);
    }
    assert_int_equal(bus_send(p->router, &from, &h, NULL, 0), 0);
    assert_int_equal(receive(worker[1], NULL, &got, body, &len), WIRE_OK);
    assert_int_equal(got.command, WIRE_HEARTBEAT);
    bus_close(&worker[0]);
    bus_close(&worker[1]);
}

static void test_plain_text_stays_on_this_machine_unless_allowed(void **state)
{
    (void)state;
    static const char *const far[] = {"tcp://*:0",           "tcp://0.0.0.0:0",
                                      "tcp://192.0.2.1:1",   "tcp://[2001:db8::1]:1",
                                      "tcp://example.org:1", "udp://127.0.0.1:1"};
    for (size_t i = 0; i < sizeof(far) / sizeof(far[0]); i++) {
        struct err err = {0};
        assert_null(bus_bind(far[i], false, &err));
        assert_int_equal(err.kind, ERR_CONFIG);
        assert_null(bus_connect(far[i], "w", false, NULL));
    }
    bus_socket_t *s = bus_bind("tcp://*:*", true, NULL);
    assert_non_null(s);
    bus_close(&s);
}

static void test_address_in_use_and_nonsense_are_errors_with_a_text(void **state)
{
    struct peers *p = *state;
    struct err err = {0};
    assert_null(bus_bind(bus_endpoint(p->router), false, &err));
    assert_int_equal(err.kind, ERR_UNAVAILABLE);
    assert_non_null(strstr(err.text, "in use"));
    assert_null(bus_connect("tcp://127.0.0.1:none", "w", false, &err));
    assert_int_equal(err.kind, ERR_CONFIG);
    assert_null(bus_connect("tcp://127.0.0.1:1", "a routing id that is longer than 32 bytes", false, &err));
    assert_int_equal(err.kind, ERR_BUG);
}

static void test_wait_tells_descriptors_and_skips_missing_ones(void **state)
{
    struct peers *p = *state;
    int fds[2];
    assert_int_equal(pipe(fds), 0);
    struct bus_item items[] = {
        {.fd = -1, .events = POLLIN}, {.socket = p->router, .fd = -1}, {.fd = fds[0], .events = POLLIN}};
    assert_int_equal(bus_wait(items, 3, 0), 0);
    assert_int_equal(write(fds[1], "x", 1), 1);
    assert_int_equal(bus_wait(items, 3, PATIENCE_MS), 1);
    assert_int_equal(items[0].revents, 0);
    assert_int_equal(items[1].revents, 0);
    assert_int_equal(items[2].revents, POLLIN);
    close(fds[0]);
    close(fds[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
        TEST(test_malformed_messages_are_told_with_who_sent_them_and_the_next_is_read),
        TEST(test_body_is_read_as_it_was_sent_and_ends_in_nul),
        TEST(test_peer_with_a_routing_id_that_is_too_long_is_malformed),
        TEST(test_message_above_the_limit_costs_its_sender_the_connection_and_nobody_else),
        TEST(test_unknown_peer_is_told_at_once),
        TEST(test_full_queue_of_a_peer_that_does_not_read_is_told_and_blocks_nobody),
        TEST(test_dealer_without_a_connection_takes_nothing),
        TEST(test_wait_ends_when_a_socket_is_connected_and_takes_a_message),
        TEST(test_worker_that_reconnects_under_its_id_is_reached_at_its_new_connection),
        TEST(test_plain_text_stays_on_this_machine_unless_allowed),
        TEST(test_address_in_use_and_nonsense_are_errors_with_a_text),
        TEST(test_wait_tells_descriptors_and_skips_missing_ones),
    };
    int failed = cmocka_run_group_tests_name("bus", tests, NULL, NULL);
    bus_done();
    return failed;
}
