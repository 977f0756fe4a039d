#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/httpc.h"

/* A scripted peer on loopback: takes one connection, reads until `want` was seen, answers, closes. */
struct peer {
    pthread_t thread;
    int listener;
    const char *want, *answer;
    char url[64];
    char got[8192];
};

static void *peer_run(void *arg)
{
    struct peer *p = arg;
    size_t len = 0;
    int fd = accept(p->listener, NULL, NULL);
    while (fd >= 0 && !strstr(p->got, p->want)) {
        ssize_t n = recv(fd, p->got + len, sizeof p->got - 1 - len, 0);
        if (n <= 0) break;
        len += (size_t)n;
    }
    if (fd >= 0 && send(fd, p->answer, strlen(p->answer), MSG_NOSIGNAL) == -1) p->got[0] = '\0';
    if (fd >= 0) close(fd);
    return NULL;
}

static void peer_listen(struct peer *p, void *(*run)(void *))
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof a;
    p->listener = socket(AF_INET, SOCK_STREAM, 0);
    p->got[0] = '\0';
    assert_int_equal(bind(p->listener, (struct sockaddr *)&a, sizeof a), 0);
    assert_int_equal(listen(p->listener, 1), 0);
    assert_int_equal(getsockname(p->listener, (struct sockaddr *)&a, &len), 0);
    (void)snprintf(p->url, sizeof p->url, "http://127.0.0.1:%d/x", ntohs(a.sin_port));
    assert_int_equal(pthread_create(&p->thread, NULL, run, p), 0);
}

static void peer_start(struct peer *p, const char *want, const char *answer)
{
    *p = (struct peer){.want = want, .answer = answer};
    peer_listen(p, peer_run);
}

static void peer_end(struct peer *p)
{
    (void)shutdown(p->listener, SHUT_RDWR);
    pthread_join(p->thread, NULL);
    close(p->listener);
}

static struct httpc_request get(const struct peer *p)
{
    return (struct httpc_request){.method = "GET", .url = p->url, .deadline_ms = clock_ms() + 5000};
}

static int setup(void **state)
{
    struct err err;
    *state = httpc_new(&err);
    return *state ? 0 : -1;
}

static int teardown(void **state)
{
    httpc_t *c = *state;
    httpc_destroy(&c);
    return 0;
}

static void test_call_keeps_status_headers_and_body_of_any_status(void **state)
{
    struct peer p;
    struct httpc_answer a;
    struct err err;
    char value[32];
    peer_start(&p, "\r\n\r\n", "HTTP/1.1 503 Busy\r\nRetry-After:  7 \r\nContent-Length: 4\r\n\r\nwait");
    struct httpc_request r = get(&p);
    r.headers = (const char *const[]){"X-One: 1", NULL};
    assert_int_equal(httpc_call(*state, &r, &a, &err), 0);
    peer_end(&p);
    assert_int_equal(a.status, 503);
    assert_string_equal(a.body.data, "wait");
    assert_int_equal(httpc_header(a.headers.data, "retry-after", value, sizeof value), 0);
    assert_string_equal(value, "7");
    assert_int_equal(httpc_header(a.headers.data, "Retry", value, sizeof value), -1);
    assert_non_null(strstr(p.got, "GET /x HTTP/1.1\r\n"));
    assert_non_null(strstr(p.got, "X-One: 1\r\n"));
    httpc_answer_done(&a);
    assert_null(a.body.data);
}

static void test_call_posts_a_body_without_expect(void **state)
{
    struct peer p;
    struct httpc_answer a;
    struct err err;
    peer_start(&p, "{\"n\":1}", "HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n");
    struct httpc_request r = get(&p);
    r.method = "POST";
    r.body = "{\"n\":1}";
    r.body_len = 7;
    assert_int_equal(httpc_call(*state, &r, &a, &err), 0);
    peer_end(&p);
    assert_int_equal(a.status, 201);
    assert_string_equal(a.body.data, "");
    assert_non_null(strstr(p.got, "Content-Length: 7\r\n"));
    assert_null(strstr(p.got, "Expect"));
    httpc_answer_done(&a);
}

static int64_t three_pieces(void *user, void *out, size_t room)
{
    static const char *const pieces[] = {"one,", "two,", "three"};
    int *next = user;
    size_t n = *next < 3 ? strlen(pieces[*next]) : 0;
    assert_true(room >= n);
    if (n) memcpy(out, pieces[(*next)++], n);
    return (int64_t)n;
}

/* The three pieces, of which `next` counts those that were read. */
static void read_from(struct httpc_request *r, int64_t (*read_body)(void *user, void *out, size_t room), int *next)
{
    r->read_body = read_body;
    r->read_user = next;
    r->body_len = sizeof "one,two,three" - 1;
}

static void test_a_body_can_be_read_piece_by_piece(void **state)
{
    struct peer p;
    struct httpc_answer a;
    struct err err;
    int next = 0;
    peer_start(&p, "three", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    struct httpc_request r = get(&p);
    r.method = "PUT";
    read_from(&r, three_pieces, &next);
    assert_int_equal(httpc_call(*state, &r, &a, &err), 0);
    peer_end(&p);
    assert_non_null(strstr(p.got, "PUT /x HTTP/1.1\r\n"));
    assert_non_null(strstr(p.got, "Content-Length: 13\r\n"));
    assert_null(strstr(p.got, "Expect"));
    assert_non_null(strstr(p.got, "\r\n\r\none,two,three"));
    httpc_answer_done(&a);
}

static int from_the_start(void *user)
{
    *(int *)user = 0;
    return 0;
}

/* Answers on its first connection, then takes the next request there and hangs up; answers on the second connection. */
static void *fickle_run(void *arg)
{
    static const char ok[] = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
    struct peer *p = arg;
    for (int connection = 0; connection < 2; connection++) {
        char got[4096] = "";
        size_t len = 0;
        int fd = accept(p->listener, NULL, NULL);
        for (ssize_t n; fd >= 0 && (n = recv(fd, got + len, sizeof got - 1 - len, 0)) > 0;) {
            len += (size_t)n;
            got[len] = '\0';
            if (!strstr(got, "three")) continue;
            if (connection == 0 && strstr(got, "X-Second")) break;
            if (send(fd, ok, sizeof ok - 1, MSG_NOSIGNAL) == -1) break;
            memcpy(p->got, got, len + 1);
            len = 0;
            got[0] = '\0';
        }
        if (fd >= 0) close(fd);
    }
    return NULL;
}

static void test_a_body_that_can_begin_again_goes_over_the_kept_connection_even_if_that_turns_out_dead(void **state)
{
    struct peer p;
    struct httpc_answer a;
    struct err err;
    int next = 0;
    peer_listen(&p, fickle_run);
    struct httpc_request r = get(&p);
    r.method = "PUT";
    read_from(&r, three_pieces, &next);
    r.rewind_body = from_the_start;
    assert_int_equal(httpc_call(*state, &r, &a, &err), 0);
    httpc_answer_done(&a);

    next = 0;
    r.headers = (const char *const[]){"X-Second: 1", NULL};
    assert_int_equal(httpc_call(*state, &r, &a, &err), 0);
    assert_int_equal(a.status, 200);
    assert_non_null(strstr(p.got, "\r\n\r\none,two,three"));
    httpc_answer_done(&a);
    httpc_t *c = *state;
    httpc_destroy(&c); /* hangs up */
    *state = httpc_new(&err);
    peer_end(&p);
}

static void test_an_answer_over_the_cap_is_a_limit(void **state)
{
    struct peer p;
    struct httpc_answer a = {.status = 42};
    struct err err;
    peer_start(&p, "\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n12345");
    struct httpc_request r = get(&p);
    r.max_answer_bytes = 4;
    assert_int_equal(httpc_call(*state, &r, &a, &err), -1);
    peer_end(&p);
    assert_int_equal(err.kind, ERR_LIMIT);
    assert_int_equal(a.status, 42);
}

static void test_redirects_are_answers_like_others(void **state)
{
    struct peer p;
    struct httpc_answer a;
    struct err err;
    peer_start(&p, "\r\n\r\n",
               "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n");
    struct httpc_request r = get(&p);
    assert_int_equal(httpc_call(*state, &r, &a, &err), 0);
    peer_end(&p);
    assert_int_equal(a.status, 302);
    httpc_answer_done(&a);
}

struct seen {
    int heads, status, refuse;
    char headers[256];
    struct buf data;
};

static int see_head(void *user, int status, const char *headers)
{
    struct seen *s = user;
    s->heads++;
    s->status = status;
    (void)snprintf(s->headers, sizeof s->headers, "%s", headers);
    return s->refuse ? -1 : 0;
}

static int see_data(void *user, const void *data, size_t len)
{
    buf_add(&((struct seen *)user)->data, data, len);
    return 0;
}

static void test_stream_gives_the_head_once_after_interim_answers_and_without_trailers(void **state)
{
    struct peer p;
    struct seen seen = {0};
    struct httpc_sink sink = {see_head, see_data, &seen};
    struct err err;
    peer_start(
        &p, "\r\n\r\n",
        "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        "3\r\nabc\r\n2\r\nde\r\n0\r\nX-Late: 1\r\n\r\n");
    struct httpc_request r = get(&p);
    assert_int_equal(httpc_stream(*state, &r, &sink, &err), 0);
    peer_end(&p);
    assert_int_equal(seen.heads, 1);
    assert_int_equal(seen.status, 200);
    assert_string_equal(seen.headers, "Transfer-Encoding: chunked\n");
    assert_string_equal(seen.data.data, "abcde");
    buf_done(&seen.data);
}

static void test_stream_is_broken_off_by_its_sink(void **state)
{
    struct peer p;
    struct seen seen = {.refuse = 1};
    struct httpc_sink sink = {see_head, see_data, &seen};
    struct err err;
    peer_start(&p, "\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    struct httpc_request r = get(&p);
    assert_int_equal(httpc_stream(*state, &r, &sink, &err), -1);
    peer_end(&p);
    assert_int_equal(err.kind, ERR_CANCELLED);
    assert_null(seen.data.data);
}

static void test_a_cut_answer_and_a_refused_connection_are_unavailable(void **state)
{
    struct peer p;
    struct httpc_answer a;
    struct err err;
    peer_start(&p, "\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\ncut");
    struct httpc_request r = get(&p);
    assert_int_equal(httpc_call(*state, &r, &a, &err), -1);
    assert_int_equal(err.kind, ERR_UNAVAILABLE);
    peer_end(&p);
    assert_int_equal(httpc_call(*state, &r, &a, &err), -1);
    assert_int_equal(err.kind, ERR_UNAVAILABLE);
}

/* The second half of its answer comes when the first has been taken; "" never comes. */
static int taken[2];

static void *peer_run_in_two(void *arg)
{
    struct peer *p = arg;
    static const char first[] = "HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nhalf";
    char byte;
    int fd = accept(p->listener, NULL, NULL);
    ssize_t n = fd >= 0 ? recv(fd, p->got, sizeof p->got - 1, 0) : -1;
    if (n > 0 && send(fd, first, sizeof first - 1, MSG_NOSIGNAL) > 0 && read(taken[0], &byte, 1) == 1)
        (void)!send(fd, p->answer, strlen(p->answer), MSG_NOSIGNAL);
    if (fd >= 0) close(fd);
    return NULL;
}

static int64_t slow_until_ms;
static size_t slowly_taken;

/* A receiver that takes a piece when the call's deadline is over. */
static int take_slowly(void *user, const void *data, size_t len)
{
    (void)user, (void)data;
    const struct timespec tick = {.tv_nsec = 1000000};
    while (clock_ms() <= slow_until_ms) nanosleep(&tick, NULL);
    slowly_taken += len;
    return write(taken[1], "x", 1) == 1 ? 0 : -1;
}

static void test_a_stream_may_take_longer_than_its_deadline_once_it_has_begun(void **state)
{
    struct peer p = {.answer = "half"};
    struct err err = {0};
    const struct httpc_sink sink = {.data = take_slowly};
    assert_int_equal(pipe(taken), 0);
    peer_listen(&p, peer_run_in_two);
    struct httpc_request r = get(&p);
    slow_until_ms = r.deadline_ms = clock_ms() + 200;
    r.idle_ms = 5000;
    slowly_taken = 0;
    assert_int_equal(httpc_stream(*state, &r, &sink, &err), 0);
    peer_end(&p);
    assert_int_equal(slowly_taken, 8);
    close(taken[0]);
    close(taken[1]);
}

/* A giver whose second piece comes when the call's deadline is over. */
static int64_t give_slowly(void *user, void *out, size_t room)
{
    const struct timespec tick = {.tv_nsec = 1000000};
    while (*(int *)user == 1 && clock_ms() <= slow_until_ms) nanosleep(&tick, NULL);
    return three_pieces(user, out, room);
}

static void test_a_body_that_is_read_may_take_longer_than_the_deadline(void **state)
{
    struct peer p;
    struct httpc_answer a;
    struct err err = {0};
    int next = 0;
    peer_start(&p, "three", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    struct httpc_request r = get(&p);
    r.method = "POST";
    read_from(&r, give_slowly, &next);
    slow_until_ms = r.deadline_ms = clock_ms() + 200;
    r.idle_ms = 5000;
    assert_int_equal(httpc_call(*state, &r, &a, &err), 0);
    peer_end(&p);
    assert_non_null(strstr(p.got, "\r\n\r\none,two,three"));
    httpc_answer_done(&a);
}

static int take(void *user, const void *data, size_t len)
{
    (void)user, (void)data, (void)len;
    return 0;
}

static void test_a_stream_that_falls_silent_is_a_timeout(void **state)
{
    struct peer p = {.answer = ""};
    struct err err = {0};
    const struct httpc_sink sink = {.data = take};
    assert_int_equal(pipe(taken), 0);
    peer_listen(&p, peer_run_in_two);
    struct httpc_request r = get(&p);
    r.idle_ms = 20;
    assert_int_equal(httpc_stream(*state, &r, &sink, &err), -1);
    assert_int_equal(err.kind, ERR_TIMEOUT);
    assert_int_equal(write(taken[1], "x", 1), 1);
    peer_end(&p);
    close(taken[0]);
    close(taken[1]);
}

static bool stop_now(void *user)
{
    ++*(int *)user;
    return false;
}

static void test_who_need_not_wait_any_more_breaks_off_also_what_says_nothing(void **state)
{
    struct peer p = {.answer = ""};
    struct httpc_answer a;
    struct err err = {0};
    int asked = 0;
    assert_int_equal(pipe(taken), 0);
    peer_listen(&p, peer_run_in_two);
    struct httpc_request r = get(&p);
    r.go_on = stop_now;
    r.go_on_user = &asked;
    assert_int_equal(httpc_call(*state, &r, &a, &err), -1);
    assert_int_equal(err.kind, ERR_CANCELLED);
    assert_int_equal(asked, 1);
    assert_int_equal(write(taken[1], "x", 1), 1);
    peer_end(&p);
    close(taken[0]);
    close(taken[1]);
}

static void test_a_passed_deadline_is_a_timeout(void **state)
{
    struct peer p;
    struct httpc_answer a;
    struct err err;
    peer_start(&p, "never sent", "");
    struct httpc_request r = get(&p);
    r.deadline_ms = clock_ms();
    assert_int_equal(httpc_call(*state, &r, &a, &err), -1);
    assert_int_equal(err.kind, ERR_TIMEOUT);
    r.deadline_ms = clock_ms() + 20;
    assert_int_equal(httpc_call(*state, &r, &a, &err), -1);
    assert_int_equal(err.kind, ERR_TIMEOUT);
    peer_end(&p);
}

static void test_only_http_and_https_are_called(void **state)
{
    struct httpc_answer a;
    struct err err;
    static const char *const urls[] = {"file:///etc/passwd", "ftp://127.0.0.1/x", "no url at all", ""};
    for (size_t i = 0; i < 4; i++) {
        struct httpc_request r = {.method = "GET", .url = urls[i], .deadline_ms = clock_ms() + 1000};
        assert_int_equal(httpc_call(*state, &r, &a, &err), -1);
        assert_int_equal(err.kind, ERR_CONFIG);
    }
}

int main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(test_call_keeps_status_headers_and_body_of_any_status),
        T(test_call_posts_a_body_without_expect),
        T(test_a_body_can_be_read_piece_by_piece),
        T(test_a_body_that_can_begin_again_goes_over_the_kept_connection_even_if_that_turns_out_dead),
        T(test_an_answer_over_the_cap_is_a_limit),
        T(test_redirects_are_answers_like_others),
        T(test_stream_gives_the_head_once_after_interim_answers_and_without_trailers),
        T(test_stream_is_broken_off_by_its_sink),
        T(test_a_cut_answer_and_a_refused_connection_are_unavailable),
        T(test_who_need_not_wait_any_more_breaks_off_also_what_says_nothing),
        T(test_a_passed_deadline_is_a_timeout),
        T(test_a_stream_may_take_longer_than_its_deadline_once_it_has_begun),
        T(test_a_body_that_is_read_may_take_longer_than_the_deadline),
        T(test_a_stream_that_falls_silent_is_a_timeout),
        T(test_only_http_and_https_are_called),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
