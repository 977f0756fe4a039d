/* Provider manners with a real Redis and a scripted HTTP server: two replicas are two provider_t. */
#define _GNU_SOURCE /* nftw */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include "lib/auto.h"
#include "lib/metrics.h"
#include "lib/provider.h"
#include "tests/unit/live/server.h"

static struct server redis_server;

/* Answers every request of every connection, one thread each, with `status` and `header`. */
static struct {
    int listener;
    char url[64];
    _Atomic int status, connections, requests, pause_ms, in_hand, most_in_hand;
    _Atomic(const char *) header;
} peer;

static void *serve(void *arg)
{
    int fd = (int)(intptr_t)arg;
    char in[4096];
    size_t len = 0;
    for (ssize_t n; (n = recv(fd, in + len, sizeof in - 1 - len, 0)) > 0;) {
        char out[256];
        len += (size_t)n;
        in[len] = '\0';
        if (!strstr(in, "\r\n\r\n")) continue;
        len = 0;
        peer.requests++;
        int now = ++peer.in_hand;
        if (now > peer.most_in_hand) peer.most_in_hand = now;
        if (peer.pause_ms) usleep((useconds_t)peer.pause_ms * 1000);
        peer.in_hand--;
        int size = snprintf(out, sizeof out, "HTTP/1.1 %d Said\r\nContent-Length: 2\r\n%s\r\nok", peer.status,
                            peer.header ? peer.header : "");
        if (send(fd, out, (size_t)size, MSG_NOSIGNAL) == -1) break;
    }
    close(fd);
    return NULL;
}

static void *listen_on(void *arg)
{
    (void)arg;
    for (int fd; (fd = accept(peer.listener, NULL, NULL)) >= 0;) {
        pthread_t t;
        peer.connections++;
        if (pthread_create(&t, NULL, serve, (void *)(intptr_t)fd) == 0) pthread_detach(t);
    }
    return NULL;
}

static int set_up(void **state)
{
    (void)state;
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof a;
    pthread_t t;
    server_init(&redis_server);
    peer.listener = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(peer.listener, (struct sockaddr *)&a, sizeof a), 0);
    assert_int_equal(listen(peer.listener, 8), 0);
    assert_int_equal(getsockname(peer.listener, (struct sockaddr *)&a, &len), 0);
    (void)snprintf(peer.url, sizeof peer.url, "http://127.0.0.1:%d/", ntohs(a.sin_port));
    assert_int_equal(pthread_create(&t, NULL, listen_on, NULL), 0);
    pthread_detach(t);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    server_done(&redis_server);
    return 0;
}

static int before_each(void **state)
{
    server_start(&redis_server, NULL);
    redis_t *r = redis_new(&(struct redis_options){.url = redis_server.url}, NULL);
    assert_int_equal(redis_connect(r, clock_ms() + 5000, NULL), 0);
    redis_destroy(&r);
    peer.status = 200;
    peer.header = NULL;
    peer.connections = peer.requests = peer.pause_ms = peer.most_in_hand = 0;
    *state = NULL;
    return 0;
}

static int after_each(void **state)
{
    (void)state;
    server_stop(&redis_server);
    return 0;
}

static provider_t *open_provider(int per_minute, bool is_awaited)
{
    struct settings settings = {.redis_url = redis_server.url};
    struct provider_options options = {.name = "widgets", .title = "Widgets", .types = "extract", .calls = 2,
                                       .awaited = is_awaited, .calls_rate = {per_minute, 1}};
    struct err err = {0};
    provider_t *p = provider_new(&settings, &options, &err);
    if (!p) fail_msg("%s", err.text);
    return p;
}

static provider_t *replica(int per_minute)
{
    return open_provider(per_minute, false);
}

static provider_t *awaited(void)
{
    return open_provider(0, true);
}

static int call_within(provider_t *p, const char *url, int64_t ms, struct err *err)
{
    struct provider_request request = {
        .http = {.method = "GET", .url = url, .deadline_ms = clock_ms() + ms}};
    struct httpc_answer answer = {0};
    *err = (struct err){0};
    int rc = provider_call(p, &request, &answer, err);
    if (rc == 0) httpc_answer_done(&answer);
    return rc;
}

static int call(provider_t *p, struct err *err)
{
    return call_within(p, peer.url, 10000, err);
}

static void *call_once(void *p)
{
    struct err err;
    return (void *)(intptr_t)call(p, &err);
}

static void test_no_more_calls_than_allowed_are_in_flight_and_the_others_take_turns(void **state)
{
    (void)state;
    pthread_t threads[8];
    provider_t *p = replica(0); /* two at once */
    peer.pause_ms = 50;
    for (size_t i = 0; i < COUNT_OF(threads); i++) assert_int_equal(pthread_create(&threads[i], NULL, call_once, p), 0);
    for (size_t i = 0; i < COUNT_OF(threads); i++) {
        void *rc;
        pthread_join(threads[i], &rc);
        assert_null(rc);
    }
    assert_int_equal(peer.requests, COUNT_OF(threads));
    assert_int_equal(peer.most_in_hand, 2);
    provider_destroy(&p);
}

static void test_who_waits_in_vain_for_a_place_spends_nothing(void **state)
{
    (void)state;
    pthread_t threads[2];
    struct err err;
    provider_t *p = replica(0);
    peer.pause_ms = 1500;
    for (size_t i = 0; i < COUNT_OF(threads); i++) assert_int_equal(pthread_create(&threads[i], NULL, call_once, p), 0);
    for (int64_t end = clock_ms() + 10000; peer.in_hand < 2;) assert_true(clock_ms() < end);
    assert_int_equal(call_within(p, peer.url, 100, &err), -1);
    assert_int_equal(err.kind, ERR_THROTTLED);
    assert_true(err.retry_after_ms > 0);
    for (size_t i = 0; i < COUNT_OF(threads); i++) pthread_join(threads[i], NULL);
    assert_int_equal(peer.requests, 2);
    provider_destroy(&p);
}

/* Port 1 of this machine: nobody is there. */
#define NOBODY "http://127.0.0.1:1/"

static void test_an_awaited_provider_that_is_away_costs_nothing_and_another_one_an_attempt(void **state)
{
    (void)state;
    struct err err;
    provider_t *other = replica(0);
    assert_int_equal(call_within(other, NOBODY, 10000, &err), -1);
    assert_int_equal(err.kind, ERR_UNAVAILABLE);
    provider_destroy(&other);

    provider_t *p = awaited();
    for (int i = 0; i < 8; i++) { /* the breaker opens meanwhile */
        assert_int_equal(call_within(p, NOBODY, 10000, &err), -1);
        assert_int_equal(err.kind, ERR_THROTTLED);
        assert_non_null(strstr(err.text, "Waiting for Widgets, which does not answer"));
    }
    assert_true(provider_paused_until_ms(p) > clock_ms());
    provider_destroy(&p);
}

struct class_of {
    int status;
    enum err_kind kind;
};

static void assert_classes(const struct class_of *rows, size_t n)
{
    struct err err;
    provider_t *p = awaited();
    for (size_t i = 0; i < n; i++) {
        peer.status = rows[i].status;
        assert_int_equal(call(p, &err), -1);
        if (err.kind != rows[i].kind) fail_msg("%d: %s", rows[i].status, err.text);
    }
    provider_destroy(&p);
}

static void test_what_an_awaited_provider_itself_says_keeps_its_class(void **state)
{
    (void)state;
    static const struct class_of rows[] = {{502, ERR_THROTTLED}, {503, ERR_THROTTLED}, {500, ERR_UNAVAILABLE}, {504, ERR_UNAVAILABLE}, {404, ERR_CONFIG}};
    assert_classes(rows, COUNT_OF(rows));
}

/* Cloudflare, which stands before Supabase: a server that it does not reach was asked nothing; one that it gave up waiting for may
 * have been at work. */
static void test_a_provider_that_its_front_does_not_reach_is_away_and_one_that_was_too_slow_is_not(void **state)
{
    (void)state;
    static const struct class_of rows[] = {{524, ERR_UNAVAILABLE}, {521, ERR_THROTTLED}, {522, ERR_THROTTLED}, {523, ERR_THROTTLED}};
    assert_classes(rows, COUNT_OF(rows));
}

static void test_calls_go_over_one_kept_connection(void **state)
{
    (void)state;
    struct err err;
    provider_t *p = replica(0);
    for (int i = 0; i < 20; i++) assert_int_equal(call(p, &err), 0);
    assert_int_equal(peer.requests, 20);
    assert_int_equal(peer.connections, 1);
    provider_destroy(&p);
}

static void test_a_429_pauses_every_replica_for_the_time_it_names(void **state)
{
    (void)state;
    struct err err;
    provider_t *a = replica(0), *b = replica(0);
    peer.status = 429;
    peer.header = "retry-after: 40\r\n";
    assert_int_equal(call(a, &err), -1);
    assert_int_equal(err.kind, ERR_THROTTLED);
    assert_int_equal(err.retry_after_ms, 40000);
    assert_true(provider_paused_until_ms(a) > clock_ms() + 35000);

    int asked = peer.requests;
    assert_int_equal(call(b, &err), -1);
    assert_int_equal(err.kind, ERR_THROTTLED);
    assert_true(err.retry_after_ms > 30000 && err.retry_after_ms <= 40000);
    assert_non_null(strstr(err.text, "Waiting for Widgets"));
    assert_int_equal(peer.requests, asked);
    provider_destroy(&a);
    provider_destroy(&b);
}

static void test_a_replica_that_asks_nothing_learns_of_a_pause_all_the_same(void **state)
{
    (void)state;
    struct err err;
    provider_t *a = replica(0), *b = replica(0);
    peer.status = 429;
    peer.header = "retry-after: 40\r\n";
    assert_int_equal(call(a, &err), -1);
    for (int64_t end = clock_ms() + 10000; provider_paused_until_ms(b) <= clock_ms();) assert_true(clock_ms() < end);
    provider_destroy(&a);
    provider_destroy(&b);
}

static void test_five_server_errors_open_the_breaker_for_all(void **state)
{
    (void)state;
    struct err err;
    provider_t *a = replica(0), *b = replica(0);
    peer.status = 500;
    for (int i = 0; i < 5; i++) {
        assert_int_equal(call(i % 2 ? a : b, &err), -1);
        assert_int_equal(err.kind, ERR_UNAVAILABLE);
    }
    assert_int_equal(call(b, &err), -1);
    assert_int_equal(err.kind, ERR_THROTTLED);
    assert_int_equal(peer.requests, 5);
    provider_destroy(&a);
    provider_destroy(&b);
}

static void test_refusals_say_nothing_against_the_provider(void **state)
{
    (void)state;
    struct err err;
    provider_t *a = replica(0);
    peer.status = 400;
    for (int i = 0; i < 8; i++) {
        assert_int_equal(call(a, &err), -1);
        assert_int_equal(err.kind, ERR_INPUT);
    }
    assert_int_equal(peer.requests, 8);
    provider_destroy(&a);
}

static void test_faster_than_the_rate_waits_a_little_itself_and_is_put_back_for_more(void **state)
{
    (void)state;
    struct err err;
    provider_t *quick = replica(600), *slow;
    int64_t began_ms = clock_ms();
    assert_int_equal(call(quick, &err), 0);
    assert_int_equal(call(quick, &err), 0);
    assert_true(clock_ms() - began_ms >= 90);
    provider_destroy(&quick);

    slow = replica(2);
    assert_int_equal(call(slow, &err), -1);
    assert_int_equal(err.kind, ERR_THROTTLED);
    assert_true(err.retry_after_ms > 20000);
    provider_destroy(&slow);
}

static void test_without_redis_calls_go_on_and_a_pause_holds_for_this_process(void **state)
{
    (void)state;
    struct err err;
    provider_t *a = replica(0);
    kill(redis_server.pid, SIGSTOP);
    assert_int_equal(call(a, &err), 0);
    peer.status = 429;
    peer.header = "retry-after: 40\r\n";
    assert_int_equal(call(a, &err), -1);
    int asked = peer.requests;
    assert_int_equal(call(a, &err), -1);
    assert_int_equal(err.kind, ERR_THROTTLED);
    assert_int_equal(peer.requests, asked);
    kill(redis_server.pid, SIGCONT);
    provider_destroy(&a);
}

static void test_outcomes_are_counted_by_provider(void **state)
{
    (void)state;
    struct buf out = BUF_INIT;
    metrics_render(&out);
    assert_non_null(strstr(out.data, "sheaf_provider_calls_total{provider=\"widgets\",outcome=\"ok\"}"));
    assert_non_null(strstr(out.data, "sheaf_provider_calls_total{provider=\"widgets\",outcome=\"throttled\"}"));
    buf_done(&out);
}

int main(void)
{
#define EACH(t) cmocka_unit_test_setup_teardown(t, before_each, after_each)
    const struct CMUnitTest tests[] = {
        EACH(test_no_more_calls_than_allowed_are_in_flight_and_the_others_take_turns),
        EACH(test_who_waits_in_vain_for_a_place_spends_nothing),
        EACH(test_an_awaited_provider_that_is_away_costs_nothing_and_another_one_an_attempt),
        EACH(test_what_an_awaited_provider_itself_says_keeps_its_class),
        EACH(test_a_provider_that_its_front_does_not_reach_is_away_and_one_that_was_too_slow_is_not),
        EACH(test_calls_go_over_one_kept_connection),
        EACH(test_a_429_pauses_every_replica_for_the_time_it_names),
        EACH(test_a_replica_that_asks_nothing_learns_of_a_pause_all_the_same),
        EACH(test_five_server_errors_open_the_breaker_for_all),
        EACH(test_refusals_say_nothing_against_the_provider),
        EACH(test_faster_than_the_rate_waits_a_little_itself_and_is_put_back_for_more),
        EACH(test_without_redis_calls_go_on_and_a_pause_holds_for_this_process),
        EACH(test_outcomes_are_counted_by_provider),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
