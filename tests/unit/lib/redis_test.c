/* The connection against a peer that says what a real Redis never would, played by the test itself: one
 * thread, a Unix socket, a clock that the test sets. */
#define _GNU_SOURCE /* memmem */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include "lib/clock.h"
#include "lib/redis.h"

static struct {
    char folder[64], path[80];
    int listener, peer;
    char heard[1 << 16];
    size_t len;
} fake;

static int64_t now_ms;
static int64_t fake_clock(void)
{
    return now_ms;
}

static int set_up(void **state)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    (void)state;
    memset(&fake, 0, sizeof fake);
    strcpy(fake.folder, "/tmp/sheaf-redis-XXXXXX");
    assert_non_null(mkdtemp(fake.folder));
    snprintf(fake.path, sizeof fake.path, "%s/s", fake.folder);
    strcpy(address.sun_path, fake.path);
    fake.listener = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
    assert_int_equal(bind(fake.listener, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(fake.listener, 8), 0);
    fake.peer = -1;
    now_ms = 1000000;
    clock_fake(fake_clock);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    clock_fake(NULL);
    if (fake.peer >= 0) close(fake.peer);
    close(fake.listener);
    unlink(fake.path);
    rmdir(fake.folder);
    return 0;
}

static redis_t *client(const char *credentials)
{
    char url[256];
    struct err err = {0};
    snprintf(url, sizeof url, "unix://%.40s%.80s", credentials, fake.path);
    return redis_new(&(struct redis_options){.url = url, .name = "n", .connect_ms = 3000, .reply_ms = 5000},
                     &err);
}

static void process(redis_t *r)
{
    redis_process(r, POLLIN | POLLOUT);
}

static void say(const char *bytes)
{
    assert_int_equal(send(fake.peer, bytes, strlen(bytes), MSG_NOSIGNAL), (ssize_t)strlen(bytes));
}

static const char *hear(void)
{
    ssize_t n = recv(fake.peer, fake.heard, sizeof fake.heard - 1, MSG_DONTWAIT);
    fake.heard[n > 0 ? n : 0] = '\0';
    return fake.heard;
}

static void take_in(redis_t *r)
{
    process(r);
    if (fake.peer >= 0) close(fake.peer);
    fake.peer = accept(fake.listener, NULL, NULL);
    assert_true(fake.peer >= 0);
    process(r);
}

/* A client whose greeting was answered. */
static redis_t *ready_client(void)
{
    redis_t *r = client("");
    take_in(r);
    hear();
    say("+OK\r\n+PONG\r\n");
    process(r);
    assert_true(redis_connected(r));
    return r;
}

struct got {
    int replies, nulls;
    char last[64];
};

static void on_reply(void *user, const redis_reply_t *reply)
{
    struct got *g = user;
    if (reply)
        g->replies++;
    else
        g->nulls++;
    snprintf(g->last, sizeof g->last, "%s", redis_str(reply));
}

static int send_ping(redis_t *r, struct got *g)
{
    return redis_send(r, 1, (const char *const[]){"PING"}, NULL, on_reply, g);
}

static void test_greeting_is_auth_select_setname_ping_in_one_go(void **state)
{
    redis_t *r = client("anna:secret@");

    (void)state;
    take_in(r);
    assert_string_equal(hear(), "*3\r\n$4\r\nAUTH\r\n$4\r\nanna\r\n$6\r\nsecret\r\n"
                                "*3\r\n$6\r\nCLIENT\r\n$7\r\nSETNAME\r\n$1\r\nn\r\n"
                                "*1\r\n$4\r\nPING\r\n");
    say("+OK\r\n+OK\r\n");
    process(r);
    assert_false(redis_connected(r));
    say("+PONG\r\n");
    process(r);
    assert_true(redis_connected(r));
    assert_int_equal(redis_generation(r), 1);
    redis_destroy(&r);
}

static void test_refused_name_does_not_matter_but_loading_does(void **state)
{
    redis_t *r = client("");

    (void)state;
    take_in(r);
    say("-ERR unknown command\r\n-LOADING the dataset\r\n");
    process(r);
    assert_false(redis_connected(r));
    assert_int_equal(redis_fd(r), -1);
    assert_non_null(strstr(redis_error(r), "LOADING"));
    redis_destroy(&r);
}

static void test_backoff_doubles_from_50_ms_to_2_s_and_starts_anew_after_success(void **state)
{
    static const int64_t spans[] = {50, 100, 200, 400, 800, 1600, 2000, 2000};
    redis_t *r = client("");

    (void)state;
    for (size_t i = 0; i < sizeof spans / sizeof spans[0]; i++) {
        take_in(r);
        close(fake.peer);
        fake.peer = -1;
        process(r);
        assert_int_equal(redis_fd(r), -1);
        assert_in_range(redis_next_ms(r) - now_ms, spans[i] * 4 / 5, spans[i] * 6 / 5);
        process(r);
        assert_int_equal(redis_fd(r), -1); /* not before its time */
        now_ms = redis_next_ms(r);
    }
    take_in(r);
    hear();
    say("+OK\r\n+PONG\r\n");
    process(r);
    assert_true(redis_connected(r));
    close(fake.peer);
    fake.peer = -1;
    process(r);
    assert_in_range(redis_next_ms(r) - now_ms, 40, 60);
    redis_destroy(&r);
}

static void test_greeting_that_is_never_answered_ends_after_connect_ms(void **state)
{
    redis_t *r = client("");

    (void)state;
    take_in(r);
    assert_int_equal(redis_next_ms(r), now_ms + 3000);
    now_ms += 3000;
    process(r);
    assert_int_equal(redis_fd(r), -1);
    redis_destroy(&r);
}

static void test_silence_is_cut_but_an_answer_that_is_there_is_read_first(void **state)
{
    redis_t *r = ready_client();
    struct got g = {0};

    (void)state;
    assert_true(redis_next_ms(r) == INT64_MAX);
    send_ping(r, &g);
    send_ping(r, &g);
    redis_flush(r);
    assert_int_equal(redis_next_ms(r), now_ms + 5000);
    say("+PONG\r\n");
    now_ms += 60000; /* this process was stopped for a minute */
    redis_process(r, 0);
    assert_int_equal(g.replies, 1);
    assert_true(redis_connected(r));
    assert_int_equal(redis_next_ms(r), now_ms + 5000);
    now_ms += 5000;
    redis_process(r, 0);
    assert_int_equal(g.nulls, 1);
    assert_false(redis_connected(r));
    redis_destroy(&r);
}

static void test_reply_in_single_bytes_is_one_reply(void **state)
{
    static const char bytes[] = "$5\r\nhello\r\n";
    redis_t *r = ready_client();
    struct got g = {0};

    (void)state;
    send_ping(r, &g);
    redis_flush(r);
    for (size_t i = 0; i < sizeof bytes - 1; i++) {
        assert_int_equal(g.replies, 0);
        say((char[]){bytes[i], '\0'});
        process(r);
    }
    assert_string_equal(g.last, "hello");
    redis_destroy(&r);
}

static void test_commands_of_a_turn_leave_in_one_write(void **state)
{
    redis_t *r = ready_client();
    struct got g = {0};

    (void)state;
    for (int i = 0; i < 3; i++) send_ping(r, &g);
    assert_string_equal(hear(), "");
    redis_flush(r);
    assert_string_equal(hear(), "*1\r\n$4\r\nPING\r\n*1\r\n$4\r\nPING\r\n*1\r\n$4\r\nPING\r\n");
    say("+1\r\n+2\r\n+3\r\n");
    process(r);
    assert_int_equal(g.replies, 3);
    assert_string_equal(g.last, "3");
    redis_destroy(&r);
}

static void check_that_it_breaks(const char *bytes, int commands, int nulls)
{
    redis_t *r = ready_client();
    struct got g = {0};

    for (int i = 0; i < commands; i++) send_ping(r, &g);
    redis_flush(r);
    say(bytes);
    process(r);
    assert_false(redis_connected(r));
    assert_int_equal(g.nulls, nulls);
    assert_int_equal(g.replies + g.nulls, commands);
    assert_true(strlen(redis_error(r)) > 0);
    redis_destroy(&r);
    assert_int_equal(g.replies + g.nulls, commands);
}

static void test_peer_that_talks_nonsense_is_left_and_every_handler_is_called_once(void **state)
{
    (void)state;
    check_that_it_breaks("HTTP/1.1 400 Bad Request\r\n", 2, 2);
    check_that_it_breaks("+1\r\n$x\r\n", 2, 1);
    check_that_it_breaks("+nobody asked\r\n", 0, 0);
    check_that_it_breaks("+1\r\n+2\r\n+3\r\n", 2, 0);
    check_that_it_breaks("*2000000000\r\n", 1, 1);
    check_that_it_breaks("*3\r\n$7\r\nmessage\r\n$1\r\na\r\n$1\r\nb\r\n", 0, 0);
}

static void send_more(void *user, const redis_reply_t *reply)
{
    redis_t *r = user;
    if (reply) (void)redis_send(r, 1, (const char *const[]){"LATE"}, NULL, NULL, NULL);
}

static void test_answer_to_what_was_not_sent_yet_breaks_the_connection(void **state)
{
    redis_t *r = ready_client();

    (void)state;
    redis_send(r, 1, (const char *const[]){"PING"}, NULL, send_more, r);
    redis_flush(r);
    say("+1\r\n+to LATE, which is still here\r\n");
    process(r);
    assert_false(redis_connected(r));
    redis_destroy(&r);
}

static void test_replica_is_left_after_its_answer(void **state)
{
    redis_t *r = ready_client();
    struct got g = {0};

    (void)state;
    send_ping(r, &g);
    send_ping(r, &g);
    redis_flush(r);
    say("-READONLY You can't write against a read only replica.\r\n");
    process(r);
    assert_int_equal(g.replies, 1);
    assert_int_equal(g.nulls, 1);
    assert_false(redis_connected(r));
    redis_destroy(&r);
}

static void test_script_that_stays_unknown_gives_its_error_to_the_handler(void **state)
{
    struct redis_script s = {.name = "s", .source = "return 1"};
    redis_t *r = ready_client();
    struct got g = {0};

    (void)state;
    redis_script_init(&s);
    assert_string_equal(s.sha1, "e0e1f9fabfc9d4800c877a703b823ac0578ff8db");
    redis_send_script(r, &s, "k", 1, (const char *const[]){"a"}, NULL, on_reply, &g);
    redis_flush(r);
    assert_string_equal(
        hear(), "*5\r\n$7\r\nEVALSHA\r\n$40\r\ne0e1f9fabfc9d4800c877a703b823ac0578ff8db\r\n$1\r\n1\r\n"
                "$1\r\nk\r\n$1\r\na\r\n");
    say("-NOSCRIPT No matching script.\r\n");
    process(r);
    assert_int_equal(g.replies, 0);
    assert_string_equal(
        hear(), "*3\r\n$6\r\nSCRIPT\r\n$4\r\nLOAD\r\n$8\r\nreturn 1\r\n"
                "*5\r\n$7\r\nEVALSHA\r\n$40\r\ne0e1f9fabfc9d4800c877a703b823ac0578ff8db\r\n$1\r\n1\r\n"
                "$1\r\nk\r\n$1\r\na\r\n");
    say("-NOPERM no scripts for you\r\n-NOSCRIPT No matching script.\r\n");
    process(r);
    assert_int_equal(g.replies, 1);
    assert_non_null(strstr(g.last, "NOSCRIPT"));
    redis_destroy(&r);
}

#define SHA "e0e1f9fabfc9d4800c877a703b823ac0578ff8db"
#define ARGS_OF_CALL "$1\r\n1\r\n$1\r\nk\r\n$1\r\na\r\n"
#define AS_SCRIPT   "*5\r\n$7\r\nEVALSHA\r\n$40\r\n" SHA "\r\n" ARGS_OF_CALL
#define AS_FUNCTION "*5\r\n$5\r\nFCALL\r\n$48\r\nsheaf_s_" SHA "\r\n" ARGS_OF_CALL
#define LOAD        "*4\r\n$8\r\nFUNCTION\r\n$4\r\nLOAD\r\n$7\r\nREPLACE\r\n$7\r\nthe lib\r\n"
#define NOT_FOUND   "-ERR Function not found\r\n"

/* Says what Redis answers to a function's call, and checks what it is told next. */
static redis_t *call_function(struct redis_script *s, struct got *g, const char *answer, const char *next)
{
    redis_t *r = ready_client();
    *s = (struct redis_script){.name = "s", .source = "return 1", .as_library = "the lib"};
    redis_script_init(s);
    redis_send_script(r, s, "k", 1, (const char *const[]){"a"}, NULL, on_reply, g);
    redis_flush(r);
    assert_string_equal(hear(), AS_FUNCTION);
    say(answer);
    process(r);
    assert_int_equal(g->replies, 0);
    assert_string_equal(hear(), next);
    return r;
}

static void test_function_that_is_not_known_is_loaded_and_called_again(void **state)
{
    struct redis_script s;
    struct got g = {0};
    (void)state;
    redis_t *r = call_function(&s, &g, NOT_FOUND, LOAD AS_FUNCTION);
    say("$7\r\nthe lib\r\n+fine\r\n");
    process(r);
    assert_int_equal(g.replies, 1);
    assert_string_equal(g.last, "fine");
    redis_destroy(&r);
}

static void test_function_that_stays_unknown_gives_its_error_to_the_handler(void **state)
{
    struct redis_script s;
    struct got g = {0};
    (void)state;
    redis_t *r = call_function(&s, &g, NOT_FOUND, LOAD AS_FUNCTION);
    say("$7\r\nthe lib\r\n" NOT_FOUND);
    process(r);
    assert_int_equal(g.replies, 1);
    assert_non_null(strstr(g.last, "not found"));
    redis_destroy(&r);
}

static void test_function_that_may_not_be_loaded_is_called_as_a_script(void **state)
{
    struct redis_script s;
    struct got g = {0};
    (void)state;
    redis_t *r = call_function(&s, &g, NOT_FOUND, LOAD AS_FUNCTION);
    say("-OOM command not allowed when used memory > 'maxmemory'.\r\n" NOT_FOUND);
    process(r);
    assert_int_equal(g.replies, 0);
    assert_string_equal(hear(), AS_SCRIPT);
    say("-NOSCRIPT No matching script.\r\n");
    process(r);
    assert_string_equal(hear(), "*3\r\n$6\r\nSCRIPT\r\n$4\r\nLOAD\r\n$8\r\nreturn 1\r\n" AS_SCRIPT);
    say("+x\r\n+fine\r\n");
    process(r);
    assert_string_equal(g.last, "fine");
    redis_destroy(&r);
}

static void test_where_functions_may_not_be_called_scripts_are_from_then_on(void **state)
{
    struct redis_script s;
    struct got g = {0};
    (void)state;
    redis_t *r = call_function(&s, &g, "-NOPERM this user has no permissions to run the 'fcall' command\r\n", AS_SCRIPT);
    say("+fine\r\n");
    process(r);
    assert_string_equal(g.last, "fine");
    redis_send_script(r, &s, "k", 1, (const char *const[]){"a"}, NULL, on_reply, &g);
    redis_flush(r);
    assert_string_equal(hear(), AS_SCRIPT);
    redis_destroy(&r);
}

static void test_large_output_goes_out_as_the_socket_takes_it(void **state)
{
    enum { SIZE = 4 << 20 };
    redis_t *r = ready_client();
    char *big = malloc(SIZE);
    const size_t argvlen[] = {4, SIZE};
    struct got g = {0};
    size_t total = 0, expected = strlen("*2\r\n$4\r\nECHO\r\n$4194304\r\n\r\n") + SIZE;

    (void)state;
    memset(big, 'x', SIZE);
    redis_send(r, 2, (const char *const[]){"ECHO", big}, argvlen, on_reply, &g);
    memset(big, 'y', SIZE); /* the arguments were copied */
    redis_flush(r);
    assert_true(redis_events(r) & POLLOUT);
    while (total < expected) {
        ssize_t n = recv(fake.peer, big, SIZE, MSG_DONTWAIT);
        assert_true(n > 0);
        assert_null(memchr(big, 'y', (size_t)n));
        total += (size_t)n;
        redis_process(r, POLLOUT);
    }
    assert_false(redis_events(r) & POLLOUT);
    assert_int_equal(total, expected);
    free(big);
    redis_destroy(&r);
    assert_int_equal(g.nulls, 1);
}

#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_greeting_is_auth_select_setname_ping_in_one_go),
        T(test_refused_name_does_not_matter_but_loading_does),
        T(test_backoff_doubles_from_50_ms_to_2_s_and_starts_anew_after_success),
        T(test_greeting_that_is_never_answered_ends_after_connect_ms),
        T(test_silence_is_cut_but_an_answer_that_is_there_is_read_first),
        T(test_reply_in_single_bytes_is_one_reply),
        T(test_commands_of_a_turn_leave_in_one_write),
        T(test_peer_that_talks_nonsense_is_left_and_every_handler_is_called_once),
        T(test_answer_to_what_was_not_sent_yet_breaks_the_connection),
        T(test_replica_is_left_after_its_answer),
        T(test_script_that_stays_unknown_gives_its_error_to_the_handler),
        T(test_function_that_is_not_known_is_loaded_and_called_again),
        T(test_function_that_stays_unknown_gives_its_error_to_the_handler),
        T(test_function_that_may_not_be_loaded_is_called_as_a_script),
        T(test_where_functions_may_not_be_called_scripts_are_from_then_on),
        T(test_large_output_goes_out_as_the_socket_takes_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
