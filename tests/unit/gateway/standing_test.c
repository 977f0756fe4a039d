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

/* Texts ended by a NUL, the last by that of the literal. */
struct text {
    const char *data;
    size_t len;
};
#define PAGE 2
#define STATE_OF(literal) {literal, sizeof literal}
static const struct text job_state = STATE_OF("started\0" "1790000000000000\0" "17\0" "2\0" "1\0" "1790000000000\0" "5\0" "2\0" "owner-1\0" "batch-1\0"
                                              "Waits for \"it\".");

/* What Redis answers to an HMGET of these. */
static redis_reply_t *reply_with(struct text state, const char *const *texts, int n, struct text stage)
{
    size_t budget = REDIS_REPLY_MAX;
    struct err err = {0};
    struct buf bytes = {0};
    redis_reply_t *reply = NULL;
    struct redisReader *reader = redis_reader_new(&budget);
    buf_printf(&bytes, "*%d\r\n", n);
    buf_printf(&bytes, "$%zu\r\n", state.len);
    buf_add(&bytes, state.data, state.len);
    buf_puts(&bytes, "\r\n");
    for (int i = 1; i < n; i++) {
        const struct text text = i == STANDING_STAGES + PAGE ? stage : (struct text){texts[i], strlen(texts[i])};
        buf_printf(&bytes, "$%zu\r\n", text.len);
        buf_add(&bytes, text.data, text.len);
        buf_puts(&bytes, "\r\n");
    }
    assert_int_equal(redis_reader_feed(reader, bytes.data, bytes.len, &err), 0);
    assert_int_equal(redis_reader_next(reader, &reply, &err), 1);
    redis_reader_destroy(&reader);
    buf_done(&bytes);
    return reply;
}

static redis_reply_t *reply_of(struct text state, const char *const *texts, int n)
{
    return reply_with(state, texts, n, (struct text){"", 0});
}

static void test_the_places_of_a_stage_become_values_of_the_stage(void **state)
{
    static const struct {
        struct text field;
        const char *opened, *done, *start, *end, *workers;
    } cases[] = {{STATE_OF("40\0" "39\0" "1790000000000\0" "1790000000500\0" "ocr-1,ocr-2"), "40", "39", "1790000000000", "1790000000500", "ocr-1,ocr-2"},
                 {STATE_OF("1\0" "\0" "\0" "\0"), "1", "", "", "", ""},
                 {STATE_OF("1\0" "1\0" "2\0" "3\0" "w\0" "of a later version"), "1", "1", "2", "3", "w"},
                 {{"40", 2}, "", "", "", "", ""}, {{"", 0}, "", "", "", "", ""}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *texts[STANDING_JOB], *value[JOB_FIELDS], *brief[JOB_BRIEF + 1];
        for (int k = 0; k < STANDING_JOB; k++) texts[k] = "";
        brief[JOB_BRIEF] = "untouched";
        redis_reply_t *reply = reply_with(job_state, texts, STANDING_JOB, cases[i].field);
        assert_true(standing_job(reply, value, JOB_FIELDS) && standing_job(reply, brief, JOB_BRIEF));
        assert_string_equal(value[JOB_OPENED + PAGE], cases[i].opened);
        assert_string_equal(value[JOB_DONE + PAGE], cases[i].done);
        assert_string_equal(value[JOB_FIRST_START + PAGE], cases[i].start);
        assert_string_equal(value[JOB_LAST_END + PAGE], cases[i].end);
        assert_string_equal(value[JOB_WORKERS + PAGE], cases[i].workers);
        assert_string_equal(value[JOB_WORKERS + STAGE_NAMES_N - 1], "");
        assert_string_equal(brief[JOB_DONE + PAGE], cases[i].done);
        assert_string_equal(brief[JOB_BRIEF], "untouched");
        redis_reply_free(reply);
    }
}

static void test_a_job_is_asked_for_its_state_once_and_for_its_own_fields(void **state)
{
    char names[STANDING_JOB][JOB_FIELD_MAX];
    (void)state;
    standing_job_fields(names);
    assert_string_equal(names[0], "state");
    assert_string_equal(names[1], "name");
    assert_string_equal(names[STANDING_STAGES], "stage:store");
    assert_string_equal(names[STANDING_STAGES + 4], "stage:extract");
    assert_string_equal(names[STANDING_JOB - 1], "stage:notify");
}

static void test_the_places_of_its_state_become_values_beside_its_fields(void **state)
{
    const char *texts[STANDING_JOB], *value[JOB_FIELDS];
    (void)state;
    for (int i = 0; i < STANDING_JOB; i++) texts[i] = "";
    texts[1] = "a.pdf";
    redis_reply_t *reply = reply_of(job_state, texts, STANDING_JOB);
    assert_true(standing_job(reply, value, JOB_FIELDS));
    assert_string_equal(value[JOB_STATE], "started");
    assert_string_equal(value[JOB_OWNER], "owner-1");
    assert_string_equal(value[JOB_BATCH], "batch-1");
    assert_string_equal(value[JOB_RUN], "1790000000000000");
    assert_string_equal(value[JOB_SEQ], "17");
    assert_string_equal(value[JOB_MSG], "Waits for \"it\".");
    assert_string_equal(value[JOB_NAME], "a.pdf");
    assert_string_equal(standing_job_owner(redis_at(reply, 0)), "owner-1");
    redis_reply_free(reply);
}

static void test_a_batch_likewise(void **state)
{
    static const struct text counts = STATE_OF("owner-1\0" "9\0" "1\0" "2\0" "3\0" "1\0" "2\0" "1\0" "9\0" "0\0" "44\0" "of a later version");
    const char *texts[STANDING_BATCH] = {"", "1790000000000"};
    const char *value[BATCH_FIELDS];
    (void)state;
    redis_reply_t *reply = reply_of(counts, texts, STANDING_BATCH);
    assert_true(standing_batch(reply, value));
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
    redis_reply_free(reply);
}

static void test_what_is_not_there_or_cut_short_is_nobodys(void **state)
{
    const struct text states[] = {{"", 0}, {"started", 7}, STATE_OF("started"), {job_state.data, job_state.len - 1},
                                  STATE_OF("[\"started\",\"1\",\"2\",\"3\",\"4\",\"5\",\"6\",\"7\",\"owner-1\",\"9\",\"\"]")};
    (void)state;
    for (size_t i = 0; i < sizeof states / sizeof *states; i++) {
        const char *texts[STANDING_JOB], *value[JOB_FIELDS];
        for (int k = 0; k < STANDING_JOB; k++) texts[k] = "";
        redis_reply_t *reply = reply_of(states[i], texts, STANDING_JOB);
        assert_false(standing_job(reply, value, JOB_FIELDS));
        assert_string_equal(value[JOB_OWNER], "");
        assert_string_equal(standing_job_owner(redis_at(reply, 0)), "");
        redis_reply_free(reply);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_places_of_a_stage_become_values_of_the_stage),
        cmocka_unit_test(test_a_job_is_asked_for_its_state_once_and_for_its_own_fields),
        cmocka_unit_test(test_the_places_of_its_state_become_values_beside_its_fields),
        cmocka_unit_test(test_a_batch_likewise),
        cmocka_unit_test(test_what_is_not_there_or_cut_short_is_nobodys),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
