/* The pure half: what a status means when a provider's own table does not know better. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <string.h>

#include "lib/auto.h"
#include "lib/provider.h"

static void test_each_status_has_its_class(void **state)
{
    (void)state;
    static const struct {
        int status;
        enum err_kind kind;
    } rows[] = {
        {200, ERR_NONE},         {201, ERR_NONE},         {204, ERR_NONE},         {301, ERR_CONFIG},
        {400, ERR_INPUT},        {401, ERR_CONFIG},       {402, ERR_CONFIG},       {403, ERR_CONFIG},
        {404, ERR_CONFIG},       {405, ERR_CONFIG},       {407, ERR_CONFIG},       {408, ERR_UNAVAILABLE},
        {409, ERR_INPUT},        {410, ERR_CONFIG},       {413, ERR_LIMIT},        {414, ERR_LIMIT},
        {422, ERR_INPUT},        {425, ERR_UNAVAILABLE},  {429, ERR_THROTTLED},    {431, ERR_LIMIT},
        {500, ERR_UNAVAILABLE},  {501, ERR_INPUT},        {502, ERR_UNAVAILABLE},  {503, ERR_UNAVAILABLE},
        {504, ERR_UNAVAILABLE},  {505, ERR_INPUT},        {529, ERR_UNAVAILABLE},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct httpc_answer answer = {.status = rows[i].status};
        struct err err = {0};
        int rc = provider_judge_status("Widgets", &answer, &err);
        if (rc != (rows[i].kind == ERR_NONE ? 0 : -1) || err.kind != rows[i].kind)
            fail_msg("%d: %s", rows[i].status, err_kind_name(err.kind));
        if (rc == -1) {
            assert_int_equal(err.sys, rows[i].status);
            assert_non_null(strstr(err.text, "Widgets"));
        }
    }
}

static void test_a_429_carries_the_wait_that_was_asked_for(void **state)
{
    (void)state;
    struct httpc_answer answer = {.status = 429};
    struct err err = {0};
    buf_puts(&answer.headers, "retry-after: 40\n");
    assert_int_equal(provider_judge_status("Widgets", &answer, &err), -1);
    assert_int_equal(err.retry_after_ms, 40000);
    httpc_answer_done(&answer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_status_has_its_class),
        cmocka_unit_test(test_a_429_carries_the_wait_that_was_asked_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
