#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "gateway/standing.h"
#include "lib/buf.h"
#include "lib/redis_inner.h"

#define JOB_STATE_TEXT                                                                                                         \
    "[\"started\",\"1790000000000000\",\"17\",\"2\",\"1\",\"1790000000000\",\"5\",\"2\",\"owner-1\",\"batch-1\",\"Waits for \\\"it\\\".\"]"

/* What Redis answers to an HMGET of these. */
static redis_reply_t *reply_of(const char *const *texts, int n)
{
    size_t budget = REDIS_REPLY_MAX;
    struct err err = {0};
    struct buf bytes = {0};
    redis_reply_t *reply = NULL;
    struct redisReader *reader = redis_reader_new(&budget);
    buf_printf(&bytes, "*%d\r\n", n);
    for (int i = 0; i < n; i++) buf_printf(&bytes, "$%zu\r\n%s\r\n", strlen(texts[i]), texts[i]);
    assert_int_equal(redis_reader_feed(reader, bytes.data, bytes.len, &err), 0);
    assert_int_equal(redis_reader_next(reader, &reply, &err), 1);
    redis_reader_destroy(&reader);
    buf_done(&bytes);
    return reply;
}

static void test_a_job_is_asked_for_its_state_once_and_for_its_own_fields(void **state)
{
    char names[STANDING_JOB][JOB_FIELD_MAX];
    (void)state;
    standing_job_fields(names);
    assert_string_equal(names[0], "state");
    assert_string_equal(names[1], "name");
    assert_string_equal(names[STANDING_JOB_BRIEF - 1], "d:notify");
    assert_string_equal(names[STANDING_JOB - 1], "by:notify");
}

static void test_the_places_of_its_state_become_values_beside_its_fields(void **state)
{
    const char *texts[STANDING_JOB], *value[JOB_FIELDS];
    (void)state;
    for (int i = 0; i < STANDING_JOB; i++) texts[i] = "";
    texts[0] = JOB_STATE_TEXT;
    texts[1] = "a.pdf";
    redis_reply_t *reply = reply_of(texts, STANDING_JOB);
    json_t *standing = standing_job(reply, value, JOB_FIELDS);
    assert_string_equal(value[JOB_STATE], "started");
    assert_string_equal(value[JOB_OWNER], "owner-1");
    assert_string_equal(value[JOB_BATCH], "batch-1");
    assert_string_equal(value[JOB_RUN], "1790000000000000");
    assert_string_equal(value[JOB_SEQ], "17");
    assert_string_equal(value[JOB_MSG], "Waits for \"it\".");
    assert_string_equal(value[JOB_NAME], "a.pdf");
    json_decref(standing);
    redis_reply_free(reply);
}

static void test_a_batch_likewise(void **state)
{
    const char *texts[STANDING_BATCH] = {"[\"owner-1\",\"9\",\"1\",\"2\",\"3\",\"1\",\"2\",\"1\",\"9\",\"0\",\"44\"]", "1790000000000"};
    const char *value[BATCH_FIELDS];
    (void)state;
    redis_reply_t *reply = reply_of(texts, STANDING_BATCH);
    json_t *standing = standing_batch(reply, value);
    assert_string_equal(value[BATCH_OWNER], "owner-1");
    assert_string_equal(value[BATCH_QUEUED], "1");
    assert_string_equal(value[BATCH_STARTED], "2");
    assert_string_equal(value[BATCH_FINISHED], "3");
    assert_string_equal(value[BATCH_FAILED], "1");
    assert_string_equal(value[BATCH_CANCELLED], "2");
    assert_string_equal(value[BATCH_SEALED], "1");
    assert_string_equal(value[BATCH_EXPECTED], "9");
    assert_string_equal(value[BATCH_SEQ], "44");
    assert_string_equal(value[BATCH_CREATED], "1790000000000");
    json_decref(standing);
    redis_reply_free(reply);
}

static void test_what_is_not_there_or_no_array_is_nobodys(void **state)
{
    static const char *const states[] = {"", "started", "[]", "{}", "[1,2,3,4,5,6,7,8,9]"};
    char owner[37];
    (void)state;
    for (size_t i = 0; i < sizeof states / sizeof *states; i++) {
        const char *texts[STANDING_JOB], *value[JOB_FIELDS];
        for (int k = 0; k < STANDING_JOB; k++) texts[k] = "";
        texts[0] = states[i];
        redis_reply_t *reply = reply_of(texts, STANDING_JOB);
        json_t *standing = standing_job(reply, value, JOB_FIELDS);
        assert_string_equal(value[JOB_OWNER], "");
        json_decref(standing);
        redis_reply_free(reply);
        standing_job_owner(states[i], owner, sizeof owner);
        assert_string_equal(owner, "");
    }
    standing_job_owner(JOB_STATE_TEXT, owner, sizeof owner);
    assert_string_equal(owner, "owner-1");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_job_is_asked_for_its_state_once_and_for_its_own_fields),
        cmocka_unit_test(test_the_places_of_its_state_become_values_beside_its_fields),
        cmocka_unit_test(test_a_batch_likewise),
        cmocka_unit_test(test_what_is_not_there_or_no_array_is_nobodys),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
