/* A mail server that is not there, or is there and says nothing: tried again, and nothing is in doubt. */
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/auto.h"
#include "lib/clock.h"
#include "lib/smtpc.h"

/* On a free port of loopback; with `listening` the kernel takes connections, and nobody answers them. */
static int a_port(bool listening, int *port)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof a;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof a), 0);
    getsockname(fd, (struct sockaddr *)&a, &len);
    if (listening) assert_int_equal(listen(fd, 4), 0);
    *port = ntohs(a.sin_port);
    return fd;
}

static int send_to(const char *host, int port, int64_t ms, bool *in_doubt, struct err *err)
{
    const struct smtpc_server server = {.host = host, .port = port, .tls = SMTPC_PLAIN, .hello = "example.org"};
    *err = (struct err){0};
    smtpc_t *c = smtpc_new(&server, err);
    assert_non_null(c); /* the first takes a while: what it stands on is set up */
    const struct smtpc_mail mail = {.from = "a@example.org", .to = "b@example.org", .data = "x\r\n", .len = 3, .deadline_ms = clock_ms() + ms};
    int rc = smtpc_send(c, &mail, in_doubt, err);
    smtpc_destroy(&c);
    return rc;
}

static void test_nobody_listens_is_unavailable(void **state)
{
    (void)state;
    struct err err;
    bool in_doubt;
    int port;
    AUTO_CLOSE int fd = a_port(false, &port);
    assert_int_equal(send_to("127.0.0.1", port, 5000, &in_doubt, &err), -1);
    assert_int_equal(err.kind, ERR_UNAVAILABLE);
    assert_non_null(strstr(err.text, "The mail server: "));
    assert_int_equal(err.sys, 0);
    assert_false(in_doubt);
}

static void test_a_server_without_a_word_is_given_up_at_the_deadline(void **state)
{
    (void)state;
    struct err err;
    bool in_doubt;
    int port;
    AUTO_CLOSE int fd = a_port(true, &port);
    assert_int_equal(send_to("127.0.0.1", port, 300, &in_doubt, &err), -1);
    assert_int_equal(err.kind, ERR_TIMEOUT);
    assert_string_equal(err.text, "The mail server did not answer in time.");
    assert_false(in_doubt);
}

/* RFC 6761: no name ends in .invalid, so no resolver need be asked; one that is away says the same. */
static void test_a_name_that_nobody_knows_is_tried_again(void **state)
{
    (void)state;
    struct err err;
    bool in_doubt;
    assert_int_equal(send_to("mail.example.invalid", 25, 2000, &in_doubt, &err), -1);
    assert_true(err.kind == ERR_UNAVAILABLE || err.kind == ERR_TIMEOUT);
    assert_false(in_doubt);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nobody_listens_is_unavailable),
        cmocka_unit_test(test_a_server_without_a_word_is_given_up_at_the_deadline),
        cmocka_unit_test(test_a_name_that_nobody_knows_is_tried_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
