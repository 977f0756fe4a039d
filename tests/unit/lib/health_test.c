#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/health.h"

static _Atomic int64_t now_ms = 1000;

static int64_t fake_now(void)
{
    return atomic_load(&now_ms);
}

static int dial(const health_t *h)
{
    struct sockaddr_in a = {.sin_family = AF_INET,
                            .sin_port = htons((uint16_t)health_port(h)),
                            .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof a), 0);
    return fd;
}

static const char *receive_all(int fd)
{
    static char text[65536];
    size_t len = 0;
    for (ssize_t n; (n = recv(fd, text + len, sizeof text - 1 - len, 0)) > 0;) len += (size_t)n;
    text[len] = '\0';
    close(fd);
    return text;
}

static const char *ask(const health_t *h, const char *request)
{
    int fd = dial(h);
    assert_int_equal(send(fd, request, strlen(request), MSG_NOSIGNAL), (ssize_t)strlen(request));
    return receive_all(fd);
}

static int status_of(const char *answer)
{
    assert_memory_equal(answer, "HTTP/1.1 ", 9);
    return (answer[9] - '0') * 100 + (answer[10] - '0') * 10 + (answer[11] - '0');
}

static int start(void **state)
{
    struct err err = {0};
    clock_fake(fake_now);
    health_t *h = health_start("127.0.0.1", 0, 10000, &err);
    if (!h) print_message("%s\n", err.text);
    *state = h;
    return h ? 0 : -1;
}

static int stop(void **state)
{
    health_t *h = *state;
    health_stop(&h);
    clock_fake(NULL);
    return h ? -1 : 0;
}

static void test_live_until_the_last_beat_is_too_old(void **state)
{
    health_t *h = *state;
    assert_int_equal(status_of(ask(h, "GET /livez HTTP/1.1\r\nHost: x\r\n\r\n")), 200);
    atomic_fetch_add(&now_ms, 10001);
    const char *answer = ask(h, "GET /livez HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_int_equal(status_of(answer), 503);
    assert_non_null(strstr(answer, "for 10001 ms"));
    health_beat(h);
    assert_int_equal(status_of(ask(h, "GET /livez HTTP/1.0\r\n\r\n")), 200);
}

static void test_ready_only_when_told_and_with_the_reason_when_not(void **state)
{
    health_t *h = *state;
    assert_int_equal(status_of(ask(h, "GET /readyz HTTP/1.1\r\n\r\n")), 503);
    health_ready(h, NULL);
    assert_int_equal(status_of(ask(h, "GET /readyz?verbose HTTP/1.1\r\n\r\n")), 200);
    health_ready(h, "Redis does not answer");
    const char *answer = ask(h, "GET /readyz HTTP/1.1\r\n\r\n");
    assert_int_equal(status_of(answer), 503);
    assert_non_null(strstr(answer, "\r\n\r\nRedis does not answer\n"));
}

static void test_metrics_are_prometheus_text(void **state)
{
    const char *answer = ask(*state, "GET /metrics HTTP/1.1\r\n\r\n");
    assert_int_equal(status_of(answer), 200);
    assert_non_null(strstr(answer, "version=0.0.4"));
    assert_non_null(strstr(answer, "\nprocess_open_fds "));
}

static void test_other_paths_and_methods_are_refused(void **state)
{
    assert_int_equal(status_of(ask(*state, "GET / HTTP/1.1\r\n\r\n")), 404);
    assert_int_equal(status_of(ask(*state, "GET /livezz HTTP/1.1\r\n\r\n")), 404);
    assert_int_equal(status_of(ask(*state, "POST /livez HTTP/1.1\r\n\r\n")), 405);
    assert_int_equal(status_of(ask(*state, "\r\n\r\n")), 405);
    assert_int_equal(status_of(ask(*state, "GE\r\n\r\n")), 405);
}

static void test_a_request_without_end_is_refused_at_4_kib(void **state)
{
    char request[4097];
    memset(request, 'a', 4096);
    memcpy(request, "GET /", 5);
    request[4096] = '\0';
    assert_int_equal(status_of(ask(*state, request)), 431);
}

static void test_a_request_in_pieces_is_put_together(void **state)
{
    int fd = dial(*state);
    for (const char *p = "GET /livez HTTP/1.1\r\n\r\n"; *p; p++)
        assert_int_equal(send(fd, p, 1, MSG_NOSIGNAL), 1);
    assert_int_equal(status_of(receive_all(fd)), 200);
}

static void test_a_seventeenth_connection_is_closed_and_a_slow_one_after_five_seconds(void **state)
{
    int fds[16];
    for (int i = 0; i < 16; i++) {
        fds[i] = dial(*state);
        assert_int_equal(send(fds[i], "GET", 3, MSG_NOSIGNAL), 3);
    }
    assert_string_equal(receive_all(dial(*state)), "");
    atomic_fetch_add(&now_ms, 5000);
    assert_int_equal(send(fds[0], " ", 1, MSG_NOSIGNAL),
                     1); /* wakes the loop, which then looks at the time */
    for (int i = 0; i < 16; i++) assert_string_equal(receive_all(fds[i]), "");
    assert_int_equal(status_of(ask(*state, "GET /metrics HTTP/1.1\r\n\r\n")), 200);
}

static void test_a_taken_port_is_an_error_with_the_address(void **state)
{
    struct err err = {0};
    assert_null(health_start("127.0.0.1", health_port(*state), 1000, &err));
    assert_int_equal(err.kind, ERR_UNAVAILABLE);
    assert_non_null(strstr(err.text, "127.0.0.1"));
}

static void test_it_listens_where_the_rest_of_http_does_on_ipv4(void **state)
{
    (void)state;
    struct err err = {0};
    assert_null(health_start("::1", 0, 1000, &err));
    assert_int_equal(err.kind, ERR_CONFIG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_live_until_the_last_beat_is_too_old, start, stop),
        cmocka_unit_test_setup_teardown(test_ready_only_when_told_and_with_the_reason_when_not, start, stop),
        cmocka_unit_test_setup_teardown(test_metrics_are_prometheus_text, start, stop),
        cmocka_unit_test_setup_teardown(test_other_paths_and_methods_are_refused, start, stop),
        cmocka_unit_test_setup_teardown(test_a_request_without_end_is_refused_at_4_kib, start, stop),
        cmocka_unit_test_setup_teardown(test_a_request_in_pieces_is_put_together, start, stop),
        cmocka_unit_test_setup_teardown(
            test_a_seventeenth_connection_is_closed_and_a_slow_one_after_five_seconds, start, stop),
        cmocka_unit_test_setup_teardown(test_a_taken_port_is_an_error_with_the_address, start, stop),
        cmocka_unit_test(test_it_listens_where_the_rest_of_http_does_on_ipv4),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
