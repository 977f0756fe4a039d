/* The Redis back end of the blob store against a real redis-server. */
#define _GNU_SOURCE /* nftw */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <dirent.h>
#include <sys/stat.h>
#include "lib/auto.h"
#include "lib/blob.h"
#include "lib/clock.h"
#include "tests/unit/live/server.h"

#define JOB   "00aabbcc-ddee-8f00-9a11-2233445566e7"
#define OTHER "00aabbcc-ddee-8f00-9a11-2233445566e8"
#define SIZE  (3 * 1000 * 1000)

static struct server server;
static struct settings settings;
static blob_store_t *store;
static redis_t *side;
static char *big;

static int set_up(void **state)
{
    static char word[] = "redis";
    struct err err = {0};

    (void)state;
    server_init(&server);
    server_start(&server, NULL);
    settings.var = server.folder;
    settings.blobs = word;
    settings.blob_redis_url = server.url;
    settings.blob_cache_bytes = 8 << 20;
    store = blob_open(&settings, &err);
    if (!store) fail_msg("%s", err.text);
    side = redis_new(&(struct redis_options){.url = server.url}, &err);
    big = malloc(SIZE);
    for (int i = 0; i < SIZE; i++) big[i] = (char)(i * 7 + (i >> 10));
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    free(big);
    redis_destroy(&side);
    blob_close(&store);
    server_done(&server);
    return 0;
}

static int64_t ask(const char *command, const char *key)
{
    redis_reply_t *reply = NULL;
    struct err err = {0};
    int64_t answer;

    if (redis_do(side, clock_ms() + 5000, &reply, &err, command, key, NULL) == -1) fail_msg("%s", err.text);
    answer = redis_int(reply);
    redis_reply_free(reply);
    return answer;
}

/* Of keys that begin with `prefix`. */
static size_t count_keys(const char *prefix)
{
    redis_reply_t *reply = NULL;
    struct err err = {0};
    size_t n;
    char pattern[128];

    snprintf(pattern, sizeof pattern, "%s*", prefix);
    if (redis_do(side, clock_ms() + 5000, &reply, &err, "KEYS", pattern, NULL) == -1)
        fail_msg("%s", err.text);
    n = redis_len(reply);
    redis_reply_free(reply);
    return n;
}

static void put_big(const char *name)
{
    struct err err = {0};
    if (blob_put(store, name, big, SIZE, &err) == -1) fail_msg("%s", err.text);
}

static void expect_big(const char *name)
{
    struct buf b = BUF_INIT;
    struct err err = {0};

    if (blob_get(store, name, SIZE, &b, &err) == -1) fail_msg("%s", err.text);
    assert_int_equal(b.len, SIZE);
    assert_memory_equal(b.data, big, SIZE);
    buf_done(&b);
}

static void expect_gone(const char *name)
{
    int fd = -1;
    int64_t size = 0;
    struct err err = {0};

    assert_int_equal(blob_fd(store, name, &fd, &size, &err), -1);
    assert_int_equal(err.kind, ERR_INPUT);
    assert_string_equal(err.code, "gone");
}

static int64_t cache_bytes(int *files)
{
    char path[128];
    int64_t bytes = 0;
    struct dirent *e;
    struct stat st;
    DIR *d;

    snprintf(path, sizeof path, "%s/cache", server.folder);
    d = opendir(path);
    assert_non_null(d);
    *files = 0;
    while ((e = readdir(d))) {
        if (fstatat(dirfd(d), e->d_name, &st, 0) == -1 || !S_ISREG(st.st_mode)) continue;
        bytes += st.st_size;
        ++*files;
    }
    closedir(d);
    return bytes;
}

static void test_three_megabytes_come_back_and_live_a_day_until_kept(void **state)
{
    (void)state;
    put_big(JOB ".upload");
    expect_big(JOB ".upload");
    assert_int_equal(count_keys("sheaf:blob:" JOB ".upload:"), (SIZE + BLOB_CHUNK - 1) / BLOB_CHUNK);
    assert_in_range(ask("TTL", "sheaf:blob:" JOB ".upload"), 86000, 86400);
    assert_in_range(ask("TTL", "sheaf:blobs:" JOB), 86000, 86400);
    assert_int_equal(blob_keep(store, JOB ".upload", NULL), 0);
    assert_int_equal(ask("TTL", "sheaf:blob:" JOB ".upload"), -1);
    assert_int_equal(ask("TTL", "sheaf:blobs:" JOB), -1);
    /* Another output of the job does not make the index short-lived again. */
    assert_int_equal(blob_put(store, JOB ".page.0.1.1.1", "text", 4, NULL), 0);
    assert_int_equal(ask("TTL", "sheaf:blobs:" JOB), -1);
    assert_int_equal(blob_drop_job(store, JOB, NULL), 0);
}

static void test_kept_blob_is_not_replaced(void **state)
{
    struct err err = {0};

    (void)state;
    put_big(JOB ".upload");
    assert_int_equal(blob_keep(store, JOB ".upload", NULL), 0);
    assert_int_equal(blob_put(store, JOB ".upload", "other", 5, &err), -1);
    assert_int_equal(err.kind, ERR_INPUT);
    assert_int_equal(blob_keep(store, JOB ".upload", NULL), 0);
    expect_big(JOB ".upload");
    assert_int_equal(count_keys("sheaf:blob:" JOB ".upload:"), (SIZE + BLOB_CHUNK - 1) / BLOB_CHUNK);
    assert_int_equal(blob_drop_job(store, JOB, NULL), 0);
}

static void test_aborted_blob_leaves_no_key(void **state)
{
    blob_writer_t *w = blob_create(store, JOB ".upload", NULL);

    (void)state;
    assert_non_null(w);
    assert_int_equal(blob_write(w, big, SIZE, NULL), 0);
    blob_abort(&w);
    assert_int_equal(count_keys("sheaf:blob"), 0);
    expect_gone(JOB ".upload");
}

static void test_blob_with_a_lost_part_is_gone_not_half(void **state)
{
    redis_reply_t *reply = NULL;
    struct err err = {0};

    (void)state;
    put_big(JOB ".part");
    assert_int_equal(
        redis_do(side, clock_ms() + 5000, &reply, &err, "KEYS", "sheaf:blob:" JOB ".part:*:3", NULL), 0);
    assert_int_equal(redis_len(reply), 1);
    ask("DEL", redis_str(redis_at(reply, 0)));
    redis_reply_free(reply);
    assert_int_equal(blob_keep(store, JOB ".part", &err), -1);
    assert_string_equal(err.code, "gone");
    expect_gone(JOB ".part");
    assert_int_equal(blob_drop(store, JOB ".part", NULL), 0);
    assert_int_equal(blob_drop(store, JOB ".part", NULL), 0);
    assert_int_equal(count_keys("sheaf:blob"), 0);
}

static void test_drop_job_takes_all_of_that_job_and_no_other(void **state)
{
    (void)state;
    put_big(JOB ".upload");
    assert_int_equal(blob_put(store, JOB ".empty", "", 0, NULL), 0);
    assert_int_equal(blob_put(store, OTHER ".upload", "x", 1, NULL), 0);
    assert_int_equal(blob_drop_job(store, JOB, NULL), 0);
    assert_int_equal(count_keys("sheaf:blob:" JOB), 0);
    assert_int_equal(count_keys("sheaf:blobs:" JOB), 0);
    assert_int_equal(count_keys("sheaf:blob:" OTHER), 2);
    assert_int_equal(blob_drop_job(store, OTHER, NULL), 0);
    assert_int_equal(count_keys("sheaf:blob"), 0);
}

static void test_cache_serves_again_and_stays_within_its_limit(void **state)
{
    char name[BLOB_NAME_MAX];
    int files = 0;

    (void)state;
    for (unsigned i = 0; i < 5; i++) {
        put_big(blob_output_name(name, JOB, "page", i, "1.1.1"));
        expect_big(name);
        assert_true(cache_bytes(&files) <= settings.blob_cache_bytes);
    }
    assert_true(files > 0);
    ask("DEL", "sheaf:blob:" JOB ".page.4.1.1.1");
    expect_big(JOB ".page.4.1.1.1"); /* still here, without asking */
    assert_int_equal(blob_drop_job(store, JOB, NULL), 0);
}

static void test_full_server_refuses_the_write_as_unavailable(void **state)
{
    redis_reply_t *reply = NULL;
    struct err err = {0};

    (void)state;
    assert_int_equal(redis_do(side, clock_ms() + 5000, &reply, &err, "CONFIG", "SET", "maxmemory", "1", NULL),
                     0);
    redis_reply_free(reply);
    assert_int_equal(blob_put(store, JOB ".full", big, SIZE, &err), -1);
    assert_int_equal(err.kind, ERR_UNAVAILABLE);
    assert_string_equal(err.code, "redis_full");
    assert_int_equal(redis_do(side, clock_ms() + 5000, &reply, &err, "CONFIG", "SET", "maxmemory", "0", NULL),
                     0);
    redis_reply_free(reply);
}

static void test_writer_whose_server_goes_away_fails_and_the_next_one_works(void **state)
{
    struct err err = {0};
    blob_writer_t *w = blob_create(store, JOB ".cut", &err);

    (void)state;
    assert_int_equal(blob_write(w, big, BLOB_CHUNK * 2, &err), 0);
    server_stop(&server);
    assert_int_equal(blob_write(w, big, SIZE, &err), -1);
    assert_int_equal(err.kind, ERR_UNAVAILABLE);
    blob_abort(&w);
    server_start(&server, NULL);
    put_big(JOB ".after");
    expect_big(JOB ".after");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_three_megabytes_come_back_and_live_a_day_until_kept),
        cmocka_unit_test(test_kept_blob_is_not_replaced),
        cmocka_unit_test(test_aborted_blob_leaves_no_key),
        cmocka_unit_test(test_blob_with_a_lost_part_is_gone_not_half),
        cmocka_unit_test(test_drop_job_takes_all_of_that_job_and_no_other),
        cmocka_unit_test(test_cache_serves_again_and_stays_within_its_limit),
        cmocka_unit_test(test_full_server_refuses_the_write_as_unavailable),
        cmocka_unit_test(test_writer_whose_server_goes_away_fails_and_the_next_one_works),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
