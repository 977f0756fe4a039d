/* What the answers of stores that are somebody else's mean: a line for each that their makers document. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <string.h>
#include "lib/auto.h"
#include "lib/s3.h"
#include "persist-svc/providers/rpc.h"
#include "persist-svc/providers/supabase.h"

struct row {
    int status;
    const char *body, *headers;
    enum err_kind kind;
    const char *code, *word; /* the code, and a word of the text for people */
};

static void check(provider_judge *judge, const struct row *rows, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct httpc_answer answer = {.status = rows[i].status};
        struct err err = {0};
        buf_puts(&answer.body, rows[i].body);
        buf_puts(&answer.headers, rows[i].headers ? rows[i].headers : "");
        int rc = judge(&answer, NULL, &err);
        if ((rc == 0) != (rows[i].kind == ERR_NONE) || err.kind != rows[i].kind || strcmp(err.code, rows[i].code ? rows[i].code : "") != 0 ||
            (rows[i].word && !strstr(err.text, rows[i].word)))
            fail_msg("row %zu (%d %s): %s, code \"%s\", %s", i, rows[i].status, rows[i].body, err_kind_name(err.kind), err.code, err.text);
        httpc_answer_done(&answer);
    }
}

#define REFUSED "provider_refused"
#define PG(code) "{\"code\":\"" code "\",\"details\":null,\"hint\":null,\"message\":\"a student's name\"}"

static void test_every_answer_of_postgrest_has_its_class(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {200, "[]", NULL, ERR_NONE, NULL, NULL},
        {204, "", NULL, ERR_NONE, NULL, NULL},
        {409, PG("23505"), NULL, ERR_INPUT, REFUSED, "23505"},
        {400, PG("22P02"), NULL, ERR_INPUT, REFUSED, "22P02"},
        {403, PG("42501"), NULL, ERR_CONFIG, REFUSED, "service key"},
        {401, PG("42501"), NULL, ERR_CONFIG, REFUSED, "service key"},
        {404, PG("42P01"), NULL, ERR_CONFIG, REFUSED, "migrat"},
        {404, PG("42883"), NULL, ERR_CONFIG, REFUSED, "migrat"},
        {409, PG("23503"), NULL, ERR_INPUT, REFUSED, "23503"},
        {400, PG("23502"), NULL, ERR_INPUT, REFUSED, NULL},
        {400, PG("23514"), NULL, ERR_INPUT, REFUSED, NULL},
        {400, PG("42P10"), NULL, ERR_CONFIG, REFUSED, "migrat"},
        {400, PG("42703"), NULL, ERR_CONFIG, REFUSED, "migrat"},
        {400, PG("P0001"), NULL, ERR_INPUT, REFUSED, "function"},
        {401, PG("22023"), NULL, ERR_CONFIG, REFUSED, "SUPABASE_SERVICE_ROLE_KEY"},
        {403, PG("0L000"), NULL, ERR_CONFIG, REFUSED, "keys"},
        {403, PG("0P000"), NULL, ERR_CONFIG, REFUSED, "role"},
        {405, PG("25006"), NULL, ERR_UNAVAILABLE, NULL, "only takes reads"},
        {500, PG("21000"), NULL, ERR_INPUT, REFUSED, "twice"}, /* no trying again heals it */
        {500, PG("25P02"), NULL, ERR_UNAVAILABLE, NULL, NULL},
        {500, PG("53400"), NULL, ERR_UNAVAILABLE, NULL, NULL},
        {500, PG("54000"), NULL, ERR_LIMIT, REFUSED, "larger"},
        {500, PG("58030"), NULL, ERR_UNAVAILABLE, NULL, "disk"},
        {500, PG("57P03"), NULL, ERR_UNAVAILABLE, NULL, "restarted"},
        {500, PG("P0002"), NULL, ERR_UNAVAILABLE, NULL, NULL},
        {500, PG("XX000"), NULL, ERR_UNAVAILABLE, NULL, "damage"},
        {503, PG("08006"), NULL, ERR_UNAVAILABLE, NULL, NULL},
        {503, PG("53300"), NULL, ERR_UNAVAILABLE, NULL, NULL},
        {503, PG("53100"), NULL, ERR_UNAVAILABLE, NULL, "disk"},
        {500, PG("57014"), NULL, ERR_TIMEOUT, NULL, NULL},
        {503, PG("57P01"), NULL, ERR_UNAVAILABLE, NULL, NULL},
        {500, PG("40001"), NULL, ERR_UNAVAILABLE, NULL, NULL},
        {500, PG("40P01"), NULL, ERR_UNAVAILABLE, NULL, NULL},
        {500, PG("55P03"), NULL, ERR_UNAVAILABLE, NULL, NULL},
        {403, PG("28000"), NULL, ERR_CONFIG, REFUSED, NULL},
        {500, PG("42P17"), NULL, ERR_CONFIG, REFUSED, NULL},
        {503, PG("PGRST000"), NULL, ERR_UNAVAILABLE, NULL, NULL},
        {503, PG("PGRST002"), "Retry-After: 7\n", ERR_THROTTLED, NULL, NULL},
        {504, PG("PGRST003"), NULL, ERR_UNAVAILABLE, NULL, NULL},
        {401, PG("PGRST301"), NULL, ERR_CONFIG, REFUSED, "SUPABASE_SERVICE_ROLE_KEY"},
        {401, PG("PGRST302"), NULL, ERR_CONFIG, REFUSED, "SUPABASE_SERVICE_ROLE_KEY"},
        {401, PG("PGRST303"), NULL, ERR_CONFIG, REFUSED, "expired"},
        {404, PG("PGRST202"), NULL, ERR_CONFIG, REFUSED, "migrations"},
        {404, PG("PGRST205"), NULL, ERR_CONFIG, REFUSED, "migrations"},
        {300, PG("PGRST201"), NULL, ERR_CONFIG, REFUSED, "migrations"},
        {300, PG("PGRST203"), NULL, ERR_CONFIG, REFUSED, "migrations"},
        {406, PG("PGRST106"), NULL, ERR_CONFIG, REFUSED, "migrations"},
        {503, PG("PGRST001"), NULL, ERR_UNAVAILABLE, NULL, NULL},
        {400, PG("PGRST100"), NULL, ERR_INPUT, REFUSED, NULL},
        {400, PG("PGRST102"), NULL, ERR_INPUT, REFUSED, NULL},
        {400, PG("PGRST124"), NULL, ERR_INPUT, REFUSED, NULL},
        {400, PG("PGRST128"), NULL, ERR_INPUT, REFUSED, NULL},
        {400, PG("PGRST200"), NULL, ERR_INPUT, REFUSED, NULL},
        {400, PG("PGRST204"), NULL, ERR_INPUT, REFUSED, NULL},
        {416, PG("PGRST103"), NULL, ERR_INPUT, REFUSED, NULL},
        {406, PG("PGRST107"), NULL, ERR_INPUT, REFUSED, NULL},
        {406, PG("PGRST116"), NULL, ERR_INPUT, REFUSED, NULL},
        {405, PG("PGRST117"), NULL, ERR_INPUT, REFUSED, NULL},
        {404, PG("PGRST125"), NULL, ERR_CONFIG, REFUSED, "SUPABASE_URL"},
        {409, PG("PT409"), NULL, ERR_INPUT, REFUSED, "refused"}, /* what a function raises so has the status of its number */
        {503, PG("PT503"), NULL, ERR_UNAVAILABLE, NULL, NULL},
        {429, PG("PT429"), "Retry-After: 2\n", ERR_THROTTLED, NULL, NULL},
        {503, "<html>", "Retry-After: 3\n", ERR_THROTTLED, NULL, NULL},
        {503, "", NULL, ERR_UNAVAILABLE, NULL, NULL},
        {502, "<html>bad gateway</html>", NULL, ERR_UNAVAILABLE, NULL, NULL},
        {429, "{}", "Retry-After: 2\n", ERR_THROTTLED, NULL, NULL},
        {401, "{\"message\":\"Invalid API key\"}", NULL, ERR_CONFIG, REFUSED, "key"},
    };
    check(supabase_judge_records, rows, COUNT_OF(rows));
}

#define STORAGE(status, error, code) "{\"statusCode\":\"" status "\",\"error\":\"" error "\",\"message\":\"x\",\"code\":\"" code "\"}"

/* What a provider's outage is known by (lib/provider.c) is the status that is told. */
static void test_an_outage_of_the_database_is_told_from_trouble_with_one_record(void **state)
{
    (void)state;
    static const struct {
        int status, told;
        const char *body;
    } rows[] = {
        {405, 503, PG("25006")}, {500, 503, PG("57P02")}, {500, 503, PG("57P03")}, {503, 503, PG("57P01")}, {503, 503, PG("53100")},
        {500, 500, PG("25P02")}, {500, 500, PG("58030")}, {500, 500, PG("XX000")}, {500, 500, PG("XX001")}, {500, 500, PG("57014")},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct httpc_answer answer = {.status = rows[i].status};
        struct err err = {0};
        buf_puts(&answer.body, rows[i].body);
        assert_int_equal(supabase_judge_records(&answer, NULL, &err), -1);
        if (err.sys != rows[i].told) fail_msg("%s: told as %d", rows[i].body, err.sys);
        httpc_answer_done(&answer);
    }
}

static void test_every_answer_of_storage_has_its_class_whatever_its_http_status(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {200, "{}", NULL, ERR_NONE, NULL, NULL},
        {400, STORAGE("404", "not_found", "NoSuchKey"), NULL, ERR_INPUT, "not_found", NULL},
        {400, "{\"statusCode\":\"404\",\"error\":\"Not found\"}", NULL, ERR_INPUT, "not_found", NULL},
        {400, STORAGE("404", "Bucket not found", "NoSuchBucket"), NULL, ERR_CONFIG, REFUSED, "bucket"},
        {400, "{\"statusCode\":\"404\",\"error\":\"Bucket not found\"}", NULL, ERR_CONFIG, REFUSED, "bucket"},
        {400, STORAGE("413", "Payload too large", "EntityTooLarge"), NULL, ERR_LIMIT, "too_large", "limit"},
        {400, STORAGE("415", "invalid_mime_type", "InvalidMimeType"), NULL, ERR_CONFIG, REFUSED, "kind of file"},
        {400, STORAGE("403", "Unauthorized", "AccessDenied"), NULL, ERR_CONFIG, REFUSED, "SUPABASE_SERVICE_ROLE_KEY"},
        {400, STORAGE("400", "InvalidRequest", "InvalidRequest"), NULL, ERR_CONFIG, REFUSED, "SUPABASE_SERVICE_ROLE_KEY"},
        {400, STORAGE("400", "InvalidJWT", "InvalidJWT"), NULL, ERR_CONFIG, REFUSED, "SUPABASE_SERVICE_ROLE_KEY"},
        {400, STORAGE("400", "InvalidKey", "InvalidKey"), NULL, ERR_INPUT, REFUSED, NULL},
        {400, STORAGE("409", "Duplicate", "KeyAlreadyExists"), NULL, ERR_INPUT, REFUSED, NULL},
        {400, STORAGE("409", "Duplicate", "BucketAlreadyExists"), NULL, ERR_INPUT, REFUSED, NULL},
        {400, STORAGE("409", "ResourceNotEmpty", "ResourceNotEmpty"), NULL, ERR_INPUT, REFUSED, NULL},
        {404, "{\"message\":\"Route POST:/objekt not found\",\"error\":\"Not Found\",\"statusCode\":404}", NULL, ERR_CONFIG, REFUSED, "SUPABASE_URL"},
        {404, "<html>no such page</html>", NULL, ERR_CONFIG, REFUSED, "address"},
        {413, "{\"statusCode\":\"413\",\"error\":\"Payload Too Large\"}", NULL, ERR_LIMIT, "too_large", "limit"},
        {400, STORAGE("423", "ResourceLocked", "ResourceLocked"), NULL, ERR_UNAVAILABLE, NULL, NULL},
        {400, STORAGE("503", "LockTimeout", "LockTimeout"), NULL, ERR_UNAVAILABLE, NULL, NULL},
        {500, STORAGE("500", "Internal", "InternalError"), NULL, ERR_UNAVAILABLE, NULL, NULL},
        {429, STORAGE("429", "too_many_connections", "SlowDown"), "Retry-After: 5\n", ERR_THROTTLED, NULL, NULL},
        {544, STORAGE("544", "DatabaseTimeout", "DatabaseTimeout"), NULL, ERR_UNAVAILABLE, NULL, NULL},
        {502, "<html>bad gateway</html>", NULL, ERR_UNAVAILABLE, NULL, NULL},
    };
    check(supabase_judge_objects, rows, COUNT_OF(rows));
}

#define XML(code) "<?xml version=\"1.0\"?><Error><Code>" code "</Code><Message>x</Message></Error>"

static void test_every_answer_of_s3_has_its_class(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {200, "", NULL, ERR_NONE, NULL, NULL},
        {404, XML("NoSuchKey"), NULL, ERR_INPUT, "not_found", NULL},
        {404, "", NULL, ERR_INPUT, "not_found", NULL},
        {404, XML("NoSuchBucket"), NULL, ERR_CONFIG, REFUSED, "SHEAF_S3_BUCKET"},
        {403, XML("AccessDenied"), NULL, ERR_CONFIG, REFUSED, "policy"},
        {403, XML("SignatureDoesNotMatch"), NULL, ERR_CONFIG, REFUSED, "AWS_SECRET_ACCESS_KEY"},
        {403, XML("InvalidAccessKeyId"), NULL, ERR_CONFIG, REFUSED, "AWS_ACCESS_KEY_ID"},
        {403, XML("RequestTimeTooSkewed"), NULL, ERR_CONFIG, REFUSED, "clock"},
        {400, XML("ExpiredToken"), NULL, ERR_CONFIG, REFUSED, "AWS_SESSION_TOKEN"},
        {301, XML("PermanentRedirect"), NULL, ERR_CONFIG, REFUSED, "SHEAF_S3_REGION"},
        {307, "", NULL, ERR_CONFIG, REFUSED, NULL},
        {400, XML("EntityTooLarge"), NULL, ERR_LIMIT, "too_large", NULL},
        {400, XML("XAmzContentSHA256Mismatch"), NULL, ERR_UNAVAILABLE, NULL, NULL},
        {409, XML("OperationAborted"), NULL, ERR_UNAVAILABLE, NULL, NULL},
        {400, XML("AuthorizationHeaderMalformed"), NULL, ERR_CONFIG, REFUSED, "SHEAF_S3_REGION"},
        {400, XML("RequestTimeout"), NULL, ERR_UNAVAILABLE, NULL, "slow"},
        {200, "<DeleteResult><Error><Key>k</Key><Code>AccessDenied</Code></Error></DeleteResult>", NULL, ERR_CONFIG, REFUSED, "policy"},
        {200, "<DeleteResult><Error><Key>k</Key><Code>InternalError</Code></Error></DeleteResult>", NULL, ERR_UNAVAILABLE, NULL, NULL},
        {200, XML("InternalError"), NULL, ERR_UNAVAILABLE, NULL, NULL},
        {409, XML("ConditionalRequestConflict"), NULL, ERR_INPUT, REFUSED, NULL},
        {412, XML("PreconditionFailed"), NULL, ERR_INPUT, REFUSED, NULL},
        {503, XML("SlowDown"), NULL, ERR_UNAVAILABLE, NULL, NULL},
        {500, XML("InternalError"), NULL, ERR_UNAVAILABLE, NULL, NULL},
        {429, "", "Retry-After: 1\n", ERR_THROTTLED, NULL, NULL},
    };
    check(s3_judge, rows, COUNT_OF(rows));
}

static void test_no_text_repeats_what_the_other_side_said(void **state)
{
    (void)state;
    struct httpc_answer answer = {.status = 409};
    struct err err = {0};
    buf_puts(&answer.body, PG("23505"));
    assert_int_equal(supabase_judge_records(&answer, NULL, &err), -1);
    assert_null(strstr(err.text, "student"));
    httpc_answer_done(&answer);
}

static void test_an_upload_is_stored_when_storage_names_the_object(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {200, "{\"Key\":\"essay-submissions/o/b/original.pdf\",\"Id\":\"00000000-0000-4000-8000-00000000000a\"}", NULL, ERR_NONE, NULL, NULL},
        {200, "<html>sign in</html>", NULL, ERR_UNAVAILABLE, NULL, "SUPABASE_URL"},
        {200, "{}", NULL, ERR_UNAVAILABLE, NULL, NULL},
        {204, "", NULL, ERR_UNAVAILABLE, NULL, NULL},
        {503, "", NULL, ERR_UNAVAILABLE, NULL, "trouble"},
    };
    check(supabase_judge_stored, rows, COUNT_OF(rows));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_answer_of_postgrest_has_its_class),
        cmocka_unit_test(test_an_outage_of_the_database_is_told_from_trouble_with_one_record),
        cmocka_unit_test(test_every_answer_of_storage_has_its_class_whatever_its_http_status),
        cmocka_unit_test(test_an_upload_is_stored_when_storage_names_the_object),
        cmocka_unit_test(test_every_answer_of_s3_has_its_class),
        cmocka_unit_test(test_no_text_repeats_what_the_other_side_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
