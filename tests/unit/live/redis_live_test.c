/* The Redis client against a real redis-server. */
#define _GNU_SOURCE /* nftw */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sys/socket.h>
#include "lib/auto.h"
#include "lib/clock.h"
#include "lib/redis.h"
#include "tests/unit/live/server.h"

static struct server server;

static int64_t soon(void)
{
    return clock_ms() + 5000;
}

static int set_up(void **state)
{
    (void)state;
    server_init(&server);
    server_start(&server, NULL);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    server_done(&server);
    return 0;
}

static redis_t *connection(void)
{
    struct err err = {0};
    redis_t *r = redis_new(&(struct redis_options){.url = server.url, .name = "test"}, &err);
    assert_non_null(r);
    return r;
}

static redis_t *loop_connection(void)
{
    redis_t *r = connection();
    TURN_UNTIL(r, redis_connected(r));
    return r;
}

/* Texts of one command, to the server, whose answer must not be an error. */
#define COMMAND(r, ...)                                                                                      \
    do {                                                                                                     \
        redis_reply_t *reply_ = NULL;                                                                        \
        struct err err_ = {0};                                                                               \
        if (redis_do(r, soon(), &reply_, &err_, __VA_ARGS__, NULL) == -1) fail_msg("%s", err_.text);         \
        redis_reply_free(reply_);                                                                            \
    } while (0)

/* --- calls --- */

static void test_call_answers_every_type_of_reply(void **state)
{
    redis_t *r = connection();
    redis_reply_t *reply = NULL;
    struct err err = {0};

    (void)state;
    assert_int_equal(redis_do(r, soon(), &reply, &err, "SET", "k", "12", NULL), 0);
    assert_int_equal(redis_type(reply), REDIS_STATUS);
    assert_string_equal(redis_str(reply), "OK");
    redis_reply_free(reply);
    assert_int_equal(redis_do(r, soon(), &reply, &err, "GET", "k", NULL), 0);
    assert_int_equal(redis_type(reply), REDIS_STRING);
    assert_int_equal(redis_int(reply), 12);
    redis_reply_free(reply);
    assert_int_equal(redis_do(r, soon(), &reply, &err, "INCRBY", "k", "-20", NULL), 0);
    assert_int_equal(redis_type(reply), REDIS_INTEGER);
    assert_int_equal(redis_int(reply), -8);
    redis_reply_free(reply);
    assert_int_equal(redis_do(r, soon(), &reply, &err, "MGET", "k", "nothing", NULL), 0);
    assert_int_equal(redis_type(reply), REDIS_ARRAY);
    assert_int_equal(redis_len(reply), 2);
    assert_int_equal(redis_int(redis_at(reply, 0)), -8);
    assert_int_equal(redis_type(redis_at(reply, 1)), REDIS_NIL);
    assert_null(redis_at(reply, 2));
    redis_reply_free(reply);
    assert_int_equal(redis_do(r, soon(), &reply, &err, "LPUSH", "k", "x", NULL), -1);
    assert_int_equal(err.kind, ERR_BUG);
    assert_int_equal(redis_generation(r), 1);
    redis_destroy(&r);
}

static void test_call_on_a_full_server_is_unavailable_redis_full(void **state)
{
    redis_t *r = connection();
    redis_reply_t *reply = NULL;
    struct err err = {0};

    (void)state;
    COMMAND(r, "CONFIG", "SET", "maxmemory", "1");
    assert_int_equal(redis_do(r, soon(), &reply, &err, "SET", "k", "v", NULL), -1);
    assert_int_equal(err.kind, ERR_UNAVAILABLE);
    assert_string_equal(err.code, "redis_full");
    COMMAND(r, "CONFIG", "SET", "maxmemory", "0");
    redis_destroy(&r);
}

static void test_call_takes_binary_arguments_of_megabytes(void **state)
{
    enum { SIZE = 5 << 20 };
    AUTO_FREE char *big = malloc(SIZE);
    redis_t *r = connection();
    redis_reply_t *reply = NULL;
    struct err err = {0};
    const char *argv[] = {"SET", "big", big};
    const size_t argvlen[] = {3, 3, SIZE};

    (void)state;
    for (int i = 0; i < SIZE; i++) big[i] = (char)(i * 31 + (i >> 8));
    assert_int_equal(redis_call(r, soon(), 3, argv, argvlen, &reply, &err), 0);
    redis_reply_free(reply);
    assert_int_equal(redis_do(r, soon(), &reply, &err, "GET", "big", NULL), 0);
    assert_int_equal(redis_len(reply), SIZE);
    assert_memory_equal(redis_str(reply), big, SIZE);
    redis_reply_free(reply);
    COMMAND(r, "DEL", "big");
    redis_destroy(&r);
}

static void test_call_past_its_deadline_is_a_timeout_and_the_next_one_works(void **state)
{
    redis_t *r = connection();
    redis_reply_t *reply = NULL;
    struct err err = {0};

    (void)state;
    COMMAND(r, "PING");
    assert_int_equal(redis_do(r, clock_ms() + 30, &reply, &err, "BLPOP", "never", "0", NULL), -1);
    assert_int_equal(err.kind, ERR_TIMEOUT);
    COMMAND(r, "PING");
    assert_int_equal(redis_generation(r), 2);
    redis_destroy(&r);
}

static void test_pipeline_returns_errors_in_their_place(void **state)
{
    redis_t *r = connection();
    redis_reply_t *replies[3] = {0};
    struct err err = {0};
    const struct redis_command commands[] = {
        {3, (const char *[]){"SET", "p", "1"}, NULL},
        {2, (const char *[]){"LLEN", "p"}, NULL},
        {2, (const char *[]){"GET", "p"}, NULL},
    };

    (void)state;
    assert_int_equal(redis_pipeline(r, soon(), commands, 3, replies, &err), 0);
    assert_true(redis_is_error(replies[1], "WRONGTYPE"));
    assert_int_equal(redis_int(replies[2]), 1);
    for (int i = 0; i < 3; i++) redis_reply_free(replies[i]);
    redis_destroy(&r);
}

static void test_idle_connection_closed_by_the_server_is_replaced_unseen(void **state)
{
    redis_t *r = connection(), *other = connection();

    (void)state;
    COMMAND(r, "PING");
    COMMAND(other, "CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes");
    COMMAND(r, "PING");
    assert_int_equal(redis_generation(r), 2);
    redis_destroy(&r);
    redis_destroy(&other);
}

/* --- loop --- */

struct counter {
    redis_t *r;
    int64_t answers, nulls;
    bool in_order;
};

static void on_incr(void *user, const redis_reply_t *reply)
{
    struct counter *c = user;

    if (!reply) {
        c->nulls++;
        return;
    }
    c->answers++;
    if (redis_int(reply) != c->answers) c->in_order = false;
}

static void test_ten_thousand_commands_of_one_turn_are_answered_in_order(void **state)
{
    redis_t *r = loop_connection();
    struct counter c = {.in_order = true};

    (void)state;
    for (int i = 0; i < 10000; i++)
        assert_int_equal(redis_send(r, 2, (const char *[]){"INCR", "order"}, NULL, on_incr, &c), 0);
    assert_int_equal(redis_waiting(r), 10000);
    TURN_UNTIL(r, c.answers == 10000);
    assert_true(c.in_order);
    assert_int_equal(redis_waiting(r), 0);
    redis_destroy(&r);
}

static void send_next(void *user, const redis_reply_t *reply)
{
    struct counter *c = user;

    assert_non_null(reply);
    if (++c->answers < 500) redis_send(c->r, 1, (const char *[]){"PING"}, NULL, send_next, c);
}

static void test_handler_may_send_the_next_command(void **state)
{
    redis_t *r = loop_connection();
    struct counter c = {.r = r};

    (void)state;
    redis_send(r, 1, (const char *[]){"PING"}, NULL, send_next, &c);
    TURN_UNTIL(r, c.answers == 500);
    redis_destroy(&r);
}

static void test_send_while_not_connected_calls_the_handler_with_null(void **state)
{
    redis_t *r = connection();
    struct counter c = {0};

    (void)state;
    assert_int_equal(redis_send(r, 1, (const char *[]){"PING"}, NULL, on_incr, &c), -1);
    assert_int_equal(c.nulls, 1);
    redis_destroy(&r);
}

static void test_destroy_calls_outstanding_handlers_with_null(void **state)
{
    redis_t *r = loop_connection();
    struct counter c = {0};

    (void)state;
    for (int i = 0; i < 7; i++) redis_send(r, 1, (const char *[]){"PING"}, NULL, on_incr, &c);
    redis_destroy(&r);
    assert_null(r);
    assert_int_equal(c.nulls, 7);
}

static void test_restart_of_the_server_gives_null_then_a_new_generation(void **state)
{
    redis_t *r = loop_connection();
    struct counter c = {.in_order = true};

    (void)state;
    redis_send(r, 3, (const char *[]){"BLPOP", "never", "0"}, NULL, on_incr, &c);
    for (int i = 0; i < 3; i++) redis_send(r, 1, (const char *[]){"PING"}, NULL, on_incr, &c);
    turn(r);
    server_stop(&server);
    TURN_UNTIL(r, c.nulls == 4);
    assert_false(redis_connected(r));
    assert_true(strlen(redis_error(r)) > 0);
    server_start(&server, NULL);
    TURN_UNTIL(r, redis_connected(r));
    assert_int_equal(redis_generation(r), 2);
    assert_string_equal(redis_error(r), "");
    redis_send(r, 2, (const char *[]){"INCR", "fresh"}, NULL, on_incr, &c);
    TURN_UNTIL(r, c.answers == 1);
    assert_int_equal(c.nulls, 4);
    redis_destroy(&r);
}

static void test_server_that_stops_answering_is_cut_after_reply_ms(void **state)
{
    struct err err = {0};
    redis_t *r = redis_new(&(struct redis_options){.url = server.url, .reply_ms = 50}, &err);
    struct counter c = {0};

    (void)state;
    TURN_UNTIL(r, redis_connected(r));
    kill(server.pid, SIGSTOP);
    redis_send(r, 1, (const char *[]){"PING"}, NULL, on_incr, &c);
    TURN_UNTIL(r, c.nulls == 1);
    kill(server.pid, SIGCONT);
    TURN_UNTIL(r, redis_connected(r));
    assert_int_equal(redis_generation(r), 2);
    redis_destroy(&r);
}

/* --- scripts --- */

static struct redis_script add = {
    .name = "add",
    .source = "return redis.call('INCRBY', KEYS[1] .. 'n', ARGV[1])",
};
static struct redis_script broken = {.name = "broken",
                                     .source = "return redis.call('LPUSH', KEYS[1] .. 'n', 1)"};

static void on_add(void *user, const redis_reply_t *reply)
{
    struct counter *c = user;

    assert_non_null(reply);
    assert_int_equal(redis_type(reply), REDIS_INTEGER);
    assert_int_equal(redis_int(reply), ++c->answers);
}

static void test_script_unknown_to_the_server_is_loaded_unseen_and_order_is_kept(void **state)
{
    redis_t *r = loop_connection(), *other = connection();
    struct counter c = {0};

    (void)state;
    redis_script_init(&add);
    COMMAND(other, "DEL", "{t}n");
    for (int round = 1; round <= 3; round++) {
        COMMAND(other, "SCRIPT", "FLUSH");
        for (int i = 0; i < 200; i++)
            assert_int_equal(redis_send_script(r, &add, "{t}", 1, (const char *[]){"1"}, NULL, on_add, &c),
                             0);
        TURN_UNTIL(r, c.answers == 200 * round);
    }
    redis_destroy(&r);
    redis_destroy(&other);
}

static void test_script_is_loaded_once_for_a_burst_of_calls(void **state)
{
    redis_t *r = loop_connection(), *other = connection();
    struct counter c = {0};
    redis_reply_t *reply = NULL;
    struct err err = {0};

    (void)state;
    redis_script_init(&add);
    COMMAND(other, "DEL", "{t}n");
    COMMAND(other, "SCRIPT", "FLUSH");
    COMMAND(other, "CONFIG", "RESETSTAT");
    for (int i = 0; i < 100; i++)
        redis_send_script(r, &add, "{t}", 1, (const char *[]){"1"}, NULL, on_add, &c);
    TURN_UNTIL(r, c.answers == 100);
    assert_int_equal(redis_do(other, soon(), &reply, &err, "INFO", "commandstats", NULL), 0);
    assert_non_null(strstr(redis_str(reply), "cmdstat_script|load:calls=1,"));
    redis_reply_free(reply);
    redis_destroy(&r);
    redis_destroy(&other);
}

static void test_call_script_heals_and_reports_the_scripts_own_error(void **state)
{
    redis_t *r = connection();
    redis_reply_t *reply = NULL;
    struct err err = {0};

    (void)state;
    redis_script_init(&add);
    redis_script_init(&broken);
    COMMAND(r, "SCRIPT", "FLUSH");
    COMMAND(r, "SET", "{t}n", "5");
    assert_int_equal(redis_call_script(r, soon(), &add, "{t}", 1, (const char *[]){"3"}, NULL, &reply, &err),
                     0);
    assert_int_equal(redis_int(reply), 8);
    redis_reply_free(reply);
    assert_int_equal(redis_call_script(r, soon(), &broken, "{t}", 0, NULL, NULL, &reply, &err), -1);
    assert_int_equal(err.kind, ERR_BUG);
    redis_destroy(&r);
}

/* --- subscriptions --- */

struct heard {
    int messages, nulls;
    char last[32];
};

static void on_message(void *user, const redis_reply_t *reply)
{
    struct heard *h = user;

    if (!reply) {
        h->nulls++;
        return;
    }
    h->messages++;
    snprintf(h->last, sizeof h->last, "%s", redis_str(redis_at(reply, 2)));
}

static void test_subscription_survives_a_restart_and_tells_of_the_gap(void **state)
{
    redis_t *r = connection(), *other = connection();
    struct heard a = {0}, b = {0};

    (void)state;
    redis_subscribe(r, "a", on_message, &a);
    redis_subscribe(r, "b", on_message, &b);
    TURN_UNTIL(r, redis_connected(r));
    COMMAND(other, "PUBLISH", "a", "one");
    TURN_UNTIL(r, a.messages == 1);
    assert_string_equal(a.last, "one");
    server_stop(&server);
    TURN_UNTIL(r, a.nulls == 1 && b.nulls == 1);
    server_start(&server, NULL);
    TURN_UNTIL(r, redis_connected(r));
    COMMAND(other, "PUBLISH", "b", "two");
    TURN_UNTIL(r, b.messages == 1);
    assert_string_equal(b.last, "two");
    assert_int_equal(a.messages, 1);
    assert_int_equal(a.nulls, 1);
    assert_int_equal(redis_send(r, 1, (const char *[]){"PING"}, NULL, NULL, NULL), -1);
    redis_destroy(&r);
    redis_destroy(&other);
}

static void test_silent_subscriber_asks_whether_its_server_is_still_there(void **state)
{
    struct err err = {0};
    redis_t *r = redis_new(&(struct redis_options){.url = server.url, .reply_ms = 60}, &err);
    struct heard h = {0};

    (void)state;
    redis_subscribe(r, "a", on_message, &h);
    TURN_UNTIL(r, redis_connected(r));
    int64_t until = clock_ms() + 150;
    while (clock_ms() < until) turn(r);
    assert_int_equal(redis_generation(r), 1);
    kill(server.pid, SIGSTOP);
    TURN_UNTIL(r, h.nulls == 1);
    kill(server.pid, SIGCONT);
    redis_destroy(&r);
}

/* --- AUTH, db --- */

static int call_with(const char *userinfo, int db, struct err *err)
{
    char url[256];
    redis_t *r;
    redis_reply_t *reply = NULL;
    int rc;

    snprintf(url, sizeof url, "unix://%s%s/redis?db=%d", userinfo, server.folder, db);
    r = redis_new(&(struct redis_options){.url = url}, err);
    assert_non_null(r);
    rc = redis_do(r, soon(), &reply, err, "CLIENT", "INFO", NULL);
    if (rc == 0 && !strstr(redis_str(reply), " db=3 ")) rc = -2;
    redis_reply_free(reply);
    redis_destroy(&r);
    return rc;
}

static void test_auth_and_db_of_the_url_are_used_and_a_wrong_password_is_a_config_error(void **state)
{
    redis_t *r = connection();
    struct err err = {0};

    (void)state;
    COMMAND(r, "ACL", "SETUSER", "anna", "on", ">p@ss:1/", "allcommands", "allkeys");
    COMMAND(r, "CONFIG", "SET", "requirepass", "secret");
    assert_int_equal(call_with(":secret@", 3, &err), 0);
    assert_int_equal(call_with("anna:p%40ss%3a1%2F@", 3, &err), 0);
    assert_int_equal(call_with(":wrong@", 3, &err), -1);
    assert_int_equal(err.kind, ERR_CONFIG);
    assert_null(strstr(err.text, ":wrong"));
    assert_int_equal(call_with("", 3, &err), -1);
    assert_int_equal(err.kind, ERR_CONFIG);
    assert_int_equal(call_with(":secret@", 99, &err), -1);
    assert_int_equal(err.kind, ERR_CONFIG);
    COMMAND(r, "CONFIG", "SET", "requirepass", "");
    redis_destroy(&r);
}

/* --- pool --- */

struct pool_user {
    redis_pool_t *pool;
    int done;
};

static void *use_pool(void *arg)
{
    struct pool_user *u = arg;

    for (int i = 0; i < 100; i++) {
        struct err err = {0};
        redis_reply_t *reply = NULL;
        redis_t *r = redis_pool_take(u->pool, soon(), &err);
        if (!r) break;
        if (redis_do(r, soon(), &reply, &err, "INCR", "pool", NULL) == 0) u->done++;
        redis_reply_free(reply);
        redis_pool_put(u->pool, &r);
    }
    return NULL;
}

static void test_pool_of_two_serves_four_threads(void **state)
{
    struct err err = {0};
    redis_pool_t *pool = redis_pool_new(&(struct redis_options){.url = server.url}, 2, &err);
    struct pool_user users[4];
    pthread_t threads[4];
    redis_t *r = connection(), *a, *b;
    redis_reply_t *reply = NULL;

    (void)state;
    for (int i = 0; i < 4; i++) {
        users[i] = (struct pool_user){.pool = pool};
        pthread_create(&threads[i], NULL, use_pool, &users[i]);
    }
    for (int i = 0; i < 4; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(users[i].done, 100);
    }
    assert_int_equal(redis_do(r, soon(), &reply, &err, "GET", "pool", NULL), 0);
    assert_int_equal(redis_int(reply), 400);
    redis_reply_free(reply);
    a = redis_pool_take(pool, soon(), &err);
    b = redis_pool_take(pool, soon(), &err);
    assert_null(redis_pool_take(pool, clock_ms() + 10, &err));
    assert_int_equal(err.kind, ERR_UNAVAILABLE);
    redis_pool_put(pool, &a);
    redis_pool_put(pool, &b);
    redis_pool_destroy(&pool);
    redis_destroy(&r);
}

/* --- TLS --- */

static int free_port(void)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof a;
    AUTO_CLOSE int fd = socket(AF_INET, SOCK_STREAM, 0);

    assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof a), 0);
    getsockname(fd, (struct sockaddr *)&a, &len);
    return ntohs(a.sin_port);
}

static void make_certificate(const char *folder)
{
    char command[512];

    snprintf(
        command, sizeof command,
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 "
        "-keyout %s/key -out %s/cert -subj /CN=localhost -addext subjectAltName=DNS:localhost 2>/dev/null",
        folder, folder);
    assert_int_equal(system(command), 0);
}

static int tls_call(const char *host, int port, const char *ca, const char *value, struct err *err)
{
    char url[64];
    redis_t *r;
    redis_reply_t *reply = NULL;
    int rc;

    snprintf(url, sizeof url, "rediss://%s:%d/2", host, port);
    r = redis_new(&(struct redis_options){.url = url, .ca_file = ca}, err);
    if (!r) return -1;
    rc = redis_do(r, soon(), &reply, err, "ECHO", value, NULL);
    if (rc == 0 && strcmp(redis_str(reply), value) != 0) rc = -2;
    redis_reply_free(reply);
    redis_destroy(&r);
    return rc;
}

static struct server tls;
static int tls_port;
static char cert[96];

static int set_up_tls(void **state)
{
    char port[8], key[96];

    (void)state;
    tls_port = free_port();
    server_init(&tls);
    make_certificate(tls.folder);
    snprintf(port, sizeof port, "%d", tls_port);
    snprintf(cert, sizeof cert, "%s/cert", tls.folder);
    snprintf(key, sizeof key, "%s/key", tls.folder);
    server_start(&tls, (const char *[]){"--tls-port", port, "--tls-cert-file", cert, "--tls-key-file", key,
                                        "--tls-auth-clients", "no", "--bind", "127.0.0.1", NULL});
    return 0;
}

static int tear_down_tls(void **state)
{
    (void)state;
    server_done(&tls);
    return 0;
}

static void test_tls_checks_chain_and_host_name_and_carries_megabytes(void **state)
{
    AUTO_FREE char *big = malloc(3 << 20);
    struct err err = {0};

    (void)state;
    memset(big, 'x', 3 << 20);
    big[(3 << 20) - 1] = '\0';
    assert_int_equal(tls_call("localhost", tls_port, cert, "hello", &err), 0);
    assert_int_equal(tls_call("localhost", tls_port, cert, big, &err), 0);
    assert_int_equal(tls_call("127.0.0.1", tls_port, cert, "hello", &err), -1); /* not in the certificate */
    assert_int_equal(err.kind, ERR_CONFIG);
    assert_int_equal(tls_call("localhost", tls_port, NULL, "hello", &err),
                     -1); /* not signed by anyone known */
    assert_int_equal(err.kind, ERR_CONFIG);
    assert_int_equal(tls_call("localhost", tls_port, "/nowhere", "hello", &err), -1);
    assert_int_equal(err.kind, ERR_CONFIG);
}

static redis_t *tls_connection(void)
{
    char url[64];
    struct err err = {0};
    redis_t *r;

    snprintf(url, sizeof url, "rediss://localhost:%d", tls_port);
    r = redis_new(&(struct redis_options){.url = url, .ca_file = cert}, &err);
    assert_non_null(r);
    return r;
}

static int64_t length_of(redis_t *r, const char *key)
{
    redis_reply_t *reply = NULL;
    struct err err = {0};
    int64_t length;

    if (redis_do(r, soon(), &reply, &err, "STRLEN", key, NULL) == -1) fail_msg("%s", err.text);
    length = redis_int(reply);
    redis_reply_free(reply);
    return length;
}

/* Without replies nothing but POLLOUT can move the last bytes. */
static void test_tls_output_that_the_socket_did_not_take_goes_out_later(void **state)
{
    enum { SIZE = 60000, MOST = 2000 };
    static char text[SIZE + MOST];
    redis_t *r = tls_connection(), *other = tls_connection();
    struct counter c = {0};
    size_t sent = 0;

    (void)state;
    COMMAND(other, "PING");
    TURN_UNTIL(r, redis_connected(r));
    redis_send(r, 3, (const char *[]){"CLIENT", "REPLY", "OFF"}, NULL, on_incr, &c);
    redis_flush(r);
    kill(tls.pid, SIGSTOP);
    while (!(redis_events(r) & POLLOUT) && sent < MOST) {
        sent++;
        redis_send(r, 3, (const char *[]){"SET", "last", text}, (const size_t[]){3, 4, SIZE + sent}, on_incr,
                   &c);
        redis_flush(r);
    }
    assert_in_range(sent, 1, MOST - 1);
    kill(tls.pid, SIGCONT);
    TURN_UNTIL(r, length_of(other, "last") == (int64_t)(SIZE + sent));
    redis_destroy(&r);
    redis_destroy(&other);
    assert_int_equal(c.nulls, sent + 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_call_answers_every_type_of_reply),
        cmocka_unit_test(test_call_on_a_full_server_is_unavailable_redis_full),
        cmocka_unit_test(test_call_takes_binary_arguments_of_megabytes),
        cmocka_unit_test(test_call_past_its_deadline_is_a_timeout_and_the_next_one_works),
        cmocka_unit_test(test_pipeline_returns_errors_in_their_place),
        cmocka_unit_test(test_idle_connection_closed_by_the_server_is_replaced_unseen),
        cmocka_unit_test(test_ten_thousand_commands_of_one_turn_are_answered_in_order),
        cmocka_unit_test(test_handler_may_send_the_next_command),
        cmocka_unit_test(test_send_while_not_connected_calls_the_handler_with_null),
        cmocka_unit_test(test_destroy_calls_outstanding_handlers_with_null),
        cmocka_unit_test(test_restart_of_the_server_gives_null_then_a_new_generation),
        cmocka_unit_test(test_server_that_stops_answering_is_cut_after_reply_ms),
        cmocka_unit_test(test_script_unknown_to_the_server_is_loaded_unseen_and_order_is_kept),
        cmocka_unit_test(test_script_is_loaded_once_for_a_burst_of_calls),
        cmocka_unit_test(test_call_script_heals_and_reports_the_scripts_own_error),
        cmocka_unit_test(test_subscription_survives_a_restart_and_tells_of_the_gap),
        cmocka_unit_test(test_silent_subscriber_asks_whether_its_server_is_still_there),
        cmocka_unit_test(test_auth_and_db_of_the_url_are_used_and_a_wrong_password_is_a_config_error),
        cmocka_unit_test(test_pool_of_two_serves_four_threads),
    };
    const struct CMUnitTest tls_tests[] = {
        cmocka_unit_test(test_tls_checks_chain_and_host_name_and_carries_megabytes),
        cmocka_unit_test(test_tls_output_that_the_socket_did_not_take_goes_out_later),
    };
    int failed = cmocka_run_group_tests(tests, set_up, tear_down);
    return failed + cmocka_run_group_tests(tls_tests, set_up_tls, tear_down_tls);
}
