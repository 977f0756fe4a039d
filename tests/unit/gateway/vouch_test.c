/* What Supabase's sign-in means by its answer to "whose is this token": a line for each that it documents. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "gateway/vouch.h"
#include "lib/auto.h"

#define HIS "6f1aaaaa-0000-4000-8000-000000000001"
#define GOTRUE(code) "{\"code\":403,\"error_code\":\"" code "\",\"msg\":\"a user's address\"}"

static int judge(int status, const char *body, const char *headers, struct vouched *out, struct err *err)
{
    struct httpc_answer answer = {.status = status};
    *err = (struct err){0};
    *out = (struct vouched){"left over"};
    buf_puts(&answer.body, body);
    buf_puts(&answer.headers, headers);
    int rc = vouch_judge(&answer, out, err);
    httpc_answer_done(&answer);
    return rc;
}

static void test_a_user_is_who_it_says(void **state)
{
    (void)state;
    struct vouched out;
    struct err err;
    assert_int_equal(judge(200, "{\"id\":\"" HIS "\",\"aud\":\"authenticated\",\"email\":\"a@b\"}", "", &out, &err), 0);
    assert_string_equal(out.user, HIS);
}

static void test_each_refusal_is_nobodys_session_whatever_its_shape(void **state)
{
    (void)state;
    static const struct {
        int status;
        const char *body, *headers;
    } rows[] = {
        {401, GOTRUE("no_authorization"), ""},
        {403, GOTRUE("bad_jwt"), ""},
        {403, GOTRUE("session_not_found"), ""},
        {403, GOTRUE("user_not_found"), ""},
        {403, GOTRUE("user_banned"), ""},
        {403, "{\"code\":\"bad_jwt\",\"message\":\"x\"}", ""},
        {401, "{\"error\":\"invalid_token\",\"error_description\":\"x\"}", ""},
        {403, "{\"message\":\"the API key of somebody\",\"code\":\"bad_jwt\"}", ""}, /* a word of its own comes first */
        {403, "{\"message\":\"the API key of somebody\"}", "x-sb-error-code: bad_jwt\n"},
        {401, "<html>", ""},
        {401, "", ""},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct vouched out;
        struct err err;
        if (judge(rows[i].status, rows[i].body, rows[i].headers, &out, &err) != 0 || *out.user) fail_msg("row %zu: %s", i, err.text);
    }
}

static void test_what_says_nothing_of_the_token_has_its_class_and_text(void **state)
{
    (void)state;
    static const struct {
        int status;
        const char *body, *headers;
        enum err_kind kind;
        const char *text;
    } rows[] = {
        {401, "{\"message\":\"Invalid API key\",\"hint\":\"Double check\"}", "", ERR_CONFIG, "SUPABASE_ANON_KEY"},
        {401, "{\"message\":\"No API key found in request\"}", "", ERR_CONFIG, "SUPABASE_SERVICE_ROLE_KEY"},
        {404, "404 page not found", "", ERR_CONFIG, "address"},
        {429, "{\"code\":429,\"error_code\":\"over_request_rate_limit\"}", "", ERR_THROTTLED, "pause"},
        {500, "{\"code\":500,\"error_code\":\"unexpected_failure\",\"error_id\":\"x\"}", "", ERR_UNAVAILABLE, "trouble"},
        {502, "<html>", "", ERR_UNAVAILABLE, "trouble"},
        {503, "", "", ERR_UNAVAILABLE, "trouble"},
        {504, "", "", ERR_UNAVAILABLE, "trouble"},
        {200, "{\"id\":", "", ERR_UNAVAILABLE, "no sense"},
        {200, "{}", "", ERR_UNAVAILABLE, "no sense"},
        {200, "{\"id\":\"\"}", "", ERR_UNAVAILABLE, "no sense"},
        {200, "{\"id\":\"" HIS HIS "\"}", "", ERR_UNAVAILABLE, "no sense"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct vouched out;
        struct err err;
        assert_int_equal(judge(rows[i].status, rows[i].body, rows[i].headers, &out, &err), -1);
        if (err.kind != rows[i].kind || !strstr(err.text, rows[i].text) || err.sys != rows[i].status) fail_msg("row %zu: %s, %s", i, err_kind_name(err.kind), err.text);
        assert_string_equal(out.user, "");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_user_is_who_it_says),
        cmocka_unit_test(test_each_refusal_is_nobodys_session_whatever_its_shape),
        cmocka_unit_test(test_what_says_nothing_of_the_token_has_its_class_and_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
