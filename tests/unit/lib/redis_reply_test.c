#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include "lib/auto.h"
#include "lib/buf.h"
#include "lib/redis_inner.h"

static size_t budget;

/* All of `bytes` in pieces of `piece`; the first reply, or NULL. *rc: what the reader said last. */
static redis_reply_t *read_reply(const char *bytes, size_t len, size_t piece, int *rc, struct err *err)
{
    struct redisReader *reader;
    redis_reply_t *reply = NULL;

    budget = REDIS_REPLY_MAX;
    reader = redis_reader_new(&budget);
    *rc = 0;
    for (size_t at = 0; at < len && *rc == 0; at += piece) {
        size_t n = len - at < piece ? len - at : piece;
        if (redis_reader_feed(reader, bytes + at, n, err) == -1)
            *rc = -1;
        else
            *rc = redis_reader_next(reader, &reply, err);
    }
    redis_reader_destroy(&reader);
    return reply;
}

#define READ(text, piece) read_reply(text, sizeof(text) - 1, piece, &rc, &err)

static void test_every_type_is_read_in_one_piece_and_byte_by_byte(void **state)
{
    static const char bytes[] = "*6\r\n$3\r\na\0b\r\n+OK\r\n-ERR no\r\n:-7\r\n$-1\r\n*2\r\n*0\r\n$0\r\n\r\n";
    int rc = 0;
    struct err err = {0};

    (void)state;
    for (size_t piece = 1; piece <= sizeof bytes; piece += sizeof bytes - 2) {
        redis_reply_t *r = READ(bytes, piece);
        assert_non_null(r);
        assert_int_equal(redis_type(r), REDIS_ARRAY);
        assert_int_equal(redis_len(r), 6);
        assert_int_equal(redis_type(redis_at(r, 0)), REDIS_STRING);
        assert_int_equal(redis_len(redis_at(r, 0)), 3);
        assert_memory_equal(redis_str(redis_at(r, 0)), "a\0b", 4);
        assert_int_equal(redis_type(redis_at(r, 1)), REDIS_STATUS);
        assert_true(redis_is_error(redis_at(r, 2), NULL));
        assert_true(redis_is_error(redis_at(r, 2), "ERR"));
        assert_false(redis_is_error(redis_at(r, 2), "NOSCRIPT"));
        assert_int_equal(redis_int(redis_at(r, 3)), -7);
        assert_int_equal(redis_type(redis_at(r, 4)), REDIS_NIL);
        assert_int_equal(redis_len(redis_at(redis_at(r, 5), 0)), 0);
        assert_string_equal(redis_str(redis_at(redis_at(r, 5), 1)), "");
        redis_reply_free(r);
    }
}

/* Texts of all lengths from none to larger than any block, and after each a number. */
static void test_a_reply_of_hundreds_of_words_keeps_each_of_them(void **state)
{
    enum { WORDS = 600, LONGEST = 20000 };
    AUTO_FREE char *text = malloc(LONGEST + 1);
    AUTO(buf_done) struct buf bytes = BUF_INIT;
    struct err err = {0};
    int rc = 0;

    (void)state;
    memset(text, 'x', LONGEST);
    buf_printf(&bytes, "*%d\r\n", WORDS);
    for (int i = 0; i < WORDS; i++) {
        int len = i % 50 == 49 ? LONGEST : i;
        buf_printf(&bytes, "*2\r\n$%d\r\n%.*s\r\n:%d\r\n", len, len, text, i);
    }
    redis_reply_t *r = read_reply(bytes.data, bytes.len, 4096, &rc, &err);
    assert_non_null(r);
    for (int i = 0; i < WORDS; i++) {
        const redis_reply_t *pair = redis_at(r, (size_t)i);
        size_t len = i % 50 == 49 ? LONGEST : (size_t)i;
        assert_int_equal(redis_len(redis_at(pair, 0)), len);
        assert_int_equal(strspn(redis_str(redis_at(pair, 0)), "x"), len);
        assert_int_equal(redis_int(redis_at(pair, 1)), i);
    }
    redis_reply_free(r);
}

static void test_accessors_of_the_wrong_type_answer_nothing(void **state)
{
    int rc = 0;
    struct err err = {0};
    redis_reply_t *text = READ("$2\r\nhi\r\n", 100), *number = READ(":5\r\n", 100);

    (void)state;
    assert_int_equal(redis_int(text), 0);
    assert_null(redis_at(text, 0));
    assert_string_equal(redis_str(number), "");
    assert_int_equal(redis_len(number), 0);
    assert_false(redis_is_error(number, NULL));
    assert_int_equal(redis_type(NULL), REDIS_NIL);
    assert_int_equal(redis_int(NULL), 0);
    assert_string_equal(redis_str(NULL), "");
    assert_int_equal(redis_len(NULL), 0);
    assert_null(redis_at(NULL, 0));
    assert_false(redis_is_error(NULL, NULL));
    redis_reply_free(NULL);
    redis_reply_free(text);
    redis_reply_free(number);
}

static void test_int_of_a_text_takes_digits_only(void **state)
{
    static const struct {
        const char *bytes;
        int64_t value;
    } cases[] = {
        {"$2\r\n42\r\n", 42},    {"$3\r\n-42\r\n", -42}, {"$3\r\n4 2\r\n", 0},
        {"$2\r\n 4\r\n", 0},     {"$0\r\n\r\n", 0},      {"$19\r\n9223372036854775807\r\n", INT64_MAX},
        {"$3\r\n4\0002\r\n", 0}, {"$2\r\n+4\r\n", 0},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct err err = {0};
        int rc = 0;
        size_t len = i == 6 ? 9 : strlen(cases[i].bytes);
        redis_reply_t *r = read_reply(cases[i].bytes, len, 100, &rc, &err);
        assert_non_null(r);
        assert_true(redis_int(r) == cases[i].value);
        redis_reply_free(r);
    }
}

static void test_what_is_not_redis_is_an_error(void **state)
{
    static const char *const texts[] = {
        "HTTP/1.1 400 Bad Request\r\n\r\n",
        "$x\r\n",
        "*-2\r\n",
        "$-2\r\n",
        "*99999999999999999999\r\n",
        "$9223372036854775808\r\n",
        "*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n:1\r\n",
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        struct err err = {0};
        int rc = 0;
        assert_null(read_reply(texts[i], strlen(texts[i]), 5, &rc, &err));
        assert_int_equal(rc, -1);
        assert_int_equal(err.kind, ERR_UNAVAILABLE);
    }
}

static void test_array_larger_than_the_budget_is_refused_before_it_is_allocated(void **state)
{
    int rc = 0;
    struct err err = {0};

    (void)state;
    assert_null(READ("*2000000000\r\n", 100));
    assert_int_equal(rc, -1);
    assert_null(READ("*2\r\n*5000000\r\n", 100)); /* not finished, but within the budget: 40 MB */
    assert_int_equal(rc, 0);
    assert_null(READ("*2\r\n*5000000\r\n*5000000\r\n", 100)); /* the second level is inside the first */
    assert_int_equal(rc, -1);
}

static void test_text_that_never_ends_is_cut_at_the_limit(void **state)
{
    enum { PIECE = 1 << 20 };
    AUTO_FREE char *piece = calloc(1, PIECE);
    struct err err = {0};
    redis_reply_t *reply = NULL;
    struct redisReader *reader;
    int fed = 0;

    (void)state;
    budget = REDIS_REPLY_MAX;
    reader = redis_reader_new(&budget);
    assert_int_equal(redis_reader_feed(reader, "$9000000000\r\n", 13, &err), 0);
    while (fed < 100 && redis_reader_feed(reader, piece, PIECE, &err) == 0) {
        assert_int_equal(redis_reader_next(reader, &reply, &err), 0);
        fed++;
    }
    assert_in_range(fed, 64, 65);
    redis_reader_destroy(&reader);
}

static void test_errors_of_redis_have_their_kinds(void **state)
{
    static const struct {
        const char *bytes;
        enum err_kind kind;
    } cases[] = {
        {"-OOM command not allowed when used memory > 'maxmemory'.\r\n", ERR_UNAVAILABLE},
        {"-LOADING Redis is loading the dataset in memory\r\n", ERR_UNAVAILABLE},
        {"-READONLY You can't write against a read only replica.\r\n", ERR_UNAVAILABLE},
        {"-BUSY Redis is busy running a script.\r\n", ERR_UNAVAILABLE},
        {"-BUSYGROUP Consumer Group name already exists\r\n", ERR_BUG},
        {"-NOAUTH Authentication required.\r\n", ERR_CONFIG},
        {"-WRONGPASS invalid username-password pair\r\n", ERR_CONFIG},
        {"-MOVED 866 127.0.0.1:7001\r\n", ERR_CONFIG},
        {"-WRONGTYPE Operation against a key\r\n", ERR_BUG},
        {"+OK\r\n", ERR_BUG},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct err err = {0};
        int rc = 0;
        redis_reply_t *r = read_reply(cases[i].bytes, strlen(cases[i].bytes), 100, &rc, &err);
        assert_int_equal(redis_reply_err(r, &err), -1);
        assert_int_equal(err.kind, cases[i].kind);
        assert_string_equal(err.code, i == 0 ? "redis_full" : "");
        redis_reply_free(r);
    }
}

static void test_error_text_leaves_out_the_arguments_that_redis_quotes(void **state)
{
    int rc = 0;
    struct err err = {0};
    redis_reply_t *r = READ("-ERR unknown command 'X', with args beginning with: 'Ana Example'\r\n", 100);

    (void)state;
    redis_reply_err(r, &err);
    assert_string_equal(err.text, "Redis says: ERR unknown command 'X'");
    redis_reply_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_type_is_read_in_one_piece_and_byte_by_byte),
        cmocka_unit_test(test_a_reply_of_hundreds_of_words_keeps_each_of_them),
        cmocka_unit_test(test_accessors_of_the_wrong_type_answer_nothing),
        cmocka_unit_test(test_int_of_a_text_takes_digits_only),
        cmocka_unit_test(test_what_is_not_redis_is_an_error),
        cmocka_unit_test(test_array_larger_than_the_budget_is_refused_before_it_is_allocated),
        cmocka_unit_test(test_text_that_never_ends_is_cut_at_the_limit),
        cmocka_unit_test(test_errors_of_redis_have_their_kinds),
        cmocka_unit_test(test_error_text_leaves_out_the_arguments_that_redis_quotes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
