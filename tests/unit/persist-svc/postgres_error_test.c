/* What PostgreSQL's errors mean: a line for each class that it documents (its appendix of error codes), and for connections
 * that come to nothing, as libpq words it. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <string.h>
#include "lib/auto.h"
#include "persist-svc/providers/postgres.h"

#define REFUSED "provider_refused"

static void test_every_sqlstate_has_its_class(void **state)
{
    (void)state;
    static const struct {
        const char *sqlstate;
        enum postgres_trouble trouble;
        enum err_kind kind;
        const char *code, *word;
    } rows[] = {
        /* the server itself: waited for */
        {"08000", POSTGRES_AWAY, ERR_THROTTLED, "", "connection broke"},
        {"08001", POSTGRES_AWAY, ERR_THROTTLED, "", "connection broke"},
        {"08003", POSTGRES_AWAY, ERR_THROTTLED, "", "connection broke"},
        {"08006", POSTGRES_AWAY, ERR_THROTTLED, "", "connection broke"},
        {"08P01", POSTGRES_AWAY, ERR_THROTTLED, "", "connection broke"}, /* what a pooler says whose server is away */
        {"25006", POSTGRES_AWAY, ERR_THROTTLED, "", "only takes reads"},
        {"53100", POSTGRES_AWAY, ERR_THROTTLED, "", "disk is full"},
        {"53200", POSTGRES_AWAY, ERR_THROTTLED, "", "memory"},
        {"53300", POSTGRES_FULL, ERR_THROTTLED, "", "room for another connection"},
        {"57P01", POSTGRES_AWAY, ERR_THROTTLED, "", "shut down"},
        {"57P02", POSTGRES_AWAY, ERR_THROTTLED, "", "crashed"},
        {"57P03", POSTGRES_AWAY, ERR_THROTTLED, "", "starting up"},
        /* bad luck: tried again, by attempts */
        {"25P02", POSTGRES_REFUSES, ERR_UNAVAILABLE, "", "25P02"},
        {"25P03", POSTGRES_REFUSES, ERR_UNAVAILABLE, "", "25P03"},
        {"40001", POSTGRES_REFUSES, ERR_UNAVAILABLE, "", "two changes"},
        {"40003", POSTGRES_REFUSES, ERR_UNAVAILABLE, "", "40003"},
        {"40P01", POSTGRES_REFUSES, ERR_UNAVAILABLE, "", "two changes"},
        {"53400", POSTGRES_REFUSES, ERR_UNAVAILABLE, "", "53400"}, /* a limit that this statement met */
        {"55006", POSTGRES_REFUSES, ERR_UNAVAILABLE, "", "busy"},
        {"55P03", POSTGRES_REFUSES, ERR_UNAVAILABLE, "", "busy"},
        {"57014", POSTGRES_REFUSES, ERR_TIMEOUT, "", "too long"},
        {"58030", POSTGRES_REFUSES, ERR_UNAVAILABLE, "", "disk"},
        {"XX001", POSTGRES_REFUSES, ERR_UNAVAILABLE, "", "damage"},
        {"P0002", POSTGRES_REFUSES, ERR_UNAVAILABLE, "", "P0002"},
        /* a person must act */
        {"28000", POSTGRES_REFUSES, ERR_CONFIG, REFUSED, "DATABASE_URL"},
        {"28P01", POSTGRES_REFUSES, ERR_CONFIG, REFUSED, "password"},
        {"3D000", POSTGRES_REFUSES, ERR_CONFIG, REFUSED, "database does not exist"},
        {"3F000", POSTGRES_REFUSES, ERR_CONFIG, REFUSED, "migrate"},
        {"57P04", POSTGRES_REFUSES, ERR_CONFIG, REFUSED, "dropped"},
        {"42501", POSTGRES_REFUSES, ERR_CONFIG, REFUSED, "row-level security"},
        {"42P01", POSTGRES_REFUSES, ERR_CONFIG, REFUSED, "missing"},
        {"42703", POSTGRES_REFUSES, ERR_CONFIG, REFUSED, "missing"},
        {"42883", POSTGRES_REFUSES, ERR_CONFIG, REFUSED, "missing"},
        {"42P17", POSTGRES_REFUSES, ERR_CONFIG, REFUSED, "migrate"},
        {"0LP01", POSTGRES_REFUSES, ERR_CONFIG, REFUSED, "keys"},
        {"0P000", POSTGRES_REFUSES, ERR_CONFIG, REFUSED, "role"},
        /* this record will never do */
        {"21000", POSTGRES_REFUSES, ERR_INPUT, REFUSED, "twice"},
        {"22001", POSTGRES_REFUSES, ERR_INPUT, REFUSED, "value"},
        {"22P05", POSTGRES_REFUSES, ERR_INPUT, REFUSED, "value"},
        {"23502", POSTGRES_REFUSES, ERR_INPUT, REFUSED, "value"},
        {"23503", POSTGRES_REFUSES, ERR_INPUT, REFUSED, "value"},
        {"23505", POSTGRES_REFUSES, ERR_INPUT, REFUSED, "value"},
        {"23514", POSTGRES_REFUSES, ERR_INPUT, REFUSED, "value"},
        {"54000", POSTGRES_REFUSES, ERR_LIMIT, REFUSED, "larger"},
        {"P0001", POSTGRES_REFUSES, ERR_INPUT, REFUSED, "function"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct err err = {0};
        enum postgres_trouble trouble = postgres_judge(rows[i].sqlstate, "the text of the server is never asked", &err);
        if (trouble != rows[i].trouble || err.kind != rows[i].kind || strcmp(err.code, rows[i].code) != 0 || !strstr(err.text, rows[i].word))
            fail_msg("%s: %d, %s, code \"%s\", %s", rows[i].sqlstate, (int)trouble, err_kind_name(err.kind), err.code, err.text);
        if ((err.kind == ERR_THROTTLED) != (err.retry_after_ms > 0)) fail_msg("%s: %lld ms", rows[i].sqlstate, (long long)err.retry_after_ms);
        assert_int_equal(strstr(err.text, "Waiting for PostgreSQL, ") == err.text, err.kind == ERR_THROTTLED);
    }
}

#define AT "connection to server at \"127.0.0.1\", port 5432 failed: "

/* As libpq words it with PQERRORS_SQLSTATE; what the server says has only its severity, in any language, and the code. */
static void test_a_connection_that_comes_to_nothing_is_waited_for_unless_a_person_must_act(void **state)
{
    (void)state;
    static const struct {
        const char *message, *sqlstate;
        enum postgres_trouble trouble;
        enum err_kind kind;
    } rows[] = {
        {AT "Connection refused\n\tIs the server running on that host and accepting TCP/IP connections?\n", "", POSTGRES_AWAY, ERR_THROTTLED},
        {"connection to server on socket \"/run/.s.PGSQL.5432\" failed: No such file or directory\n", "", POSTGRES_AWAY, ERR_THROTTLED},
        {AT "timeout expired\n", "", POSTGRES_AWAY, ERR_THROTTLED},
        {"could not translate host name \"db\" to address: Temporary failure in name resolution\n", "", POSTGRES_AWAY, ERR_THROTTLED},
        {AT "server closed the connection unexpectedly\n\tThis probably means the server terminated abnormally\n", "", POSTGRES_AWAY, ERR_THROTTLED},
        {AT "session is read-only\n", "", POSTGRES_AWAY, ERR_THROTTLED},
        {AT "FATAL:  57P03\n", "57P03", POSTGRES_AWAY, ERR_THROTTLED},
        {AT "FATAL:  53300\n", "53300", POSTGRES_FULL, ERR_THROTTLED},
        {AT "FATAL:  28P01\n", "28P01", POSTGRES_REFUSES, ERR_CONFIG},
        {AT "\xd0\x92\xd0\x90\xd0\x96\xd0\x9d\xd0\x9e:  28000\n", "28000", POSTGRES_REFUSES, ERR_CONFIG},
        {AT "FATAL:  3D000\n", "3D000", POSTGRES_REFUSES, ERR_CONFIG},
        {AT "fe_sendauth: no password supplied\n", "", POSTGRES_REFUSES, ERR_CONFIG},
        {AT "SSL error: certificate verify failed\n", "", POSTGRES_REFUSES, ERR_CONFIG},
        {AT "server does not support SSL, but SSL was required\n", "", POSTGRES_REFUSES, ERR_CONFIG},
        /* several hosts: one is down, the other a standby; one is down, the other knows no such user */
        {AT "Connection refused\n" AT "session is read-only\n", "", POSTGRES_AWAY, ERR_THROTTLED},
        {AT "FATAL:  57P03\n" AT "FATAL:  28P01\n" AT "FATAL:  57P03\n", "28P01", POSTGRES_REFUSES, ERR_CONFIG},
        {"", "", POSTGRES_AWAY, ERR_THROTTLED},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char sqlstate[6] = "?";
        struct err err = {0};
        postgres_connect_state(rows[i].message, sqlstate);
        enum postgres_trouble trouble = postgres_judge(sqlstate, rows[i].message, &err);
        if (strcmp(sqlstate, rows[i].sqlstate) != 0 || trouble != rows[i].trouble || err.kind != rows[i].kind)
            fail_msg("%s: state \"%s\", %d, %s", rows[i].message, sqlstate, (int)trouble, err.text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_sqlstate_has_its_class),
        cmocka_unit_test(test_a_connection_that_comes_to_nothing_is_waited_for_unless_a_person_must_act),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
