#define _GNU_SOURCE /* nftw */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

/* The back end is compiled in here with an fsync that can be told to fail. */
static int syncs_until_failure = -1;
static int failing_fsync(int fd)
{
    if (syncs_until_failure == 0) {
        errno = EIO;
        return -1;
    }
    if (syncs_until_failure > 0) syncs_until_failure--;
    return fsync(fd);
}
/* And with one that notes what the disk was told to begin with: all of it, from the front. */
static off64_t told_bytes;
static int noting_sync_file_range(int fd, off64_t at, off64_t bytes, unsigned flags)
{
    assert_int_equal(at, told_bytes);
    told_bytes += bytes;
    return sync_file_range(fd, at, bytes, flags);
}
#define fsync failing_fsync
#define sync_file_range noting_sync_file_range
#include "lib/blob_folder.c"
#undef fsync
#undef sync_file_range

#define JOB   "00aabbcc-ddee-8f00-9a11-2233445566e7"
#define OTHER "00aabbcc-ddee-8f00-9a11-2233445577e7" /* in the same folder */

static char root[64];
static blob_store_t *store;

static int set_up(void **state)
{
    struct settings settings = {.var = root};
    (void)state;
    strcpy(root, "/tmp/sheaf-blob-XXXXXX");
    assert_non_null(mkdtemp(root));
    store = blob_open(&settings, NULL);
    assert_non_null(store);
    return 0;
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st, (void)type, (void)ftw;
    return remove(path);
}

/* Every test finds the store empty. */
static int empty(void **state)
{
    (void)state;
    syncs_until_failure = -1;
    assert_int_equal(blob_drop_job(store, JOB, NULL), 0);
    assert_int_equal(blob_drop_job(store, OTHER, NULL), 0);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    blob_close(&store);
    nftw(root, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
    return 0;
}

static int files;
static int count_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)path, (void)st, (void)ftw;
    if (type == FTW_F) files++;
    return 0;
}

static int count_files(void)
{
    files = 0;
    nftw(root, count_entry, 16, FTW_PHYS);
    return files;
}

static void put(const char *name, const char *text)
{
    struct err err = {0};
    if (blob_put(store, name, text, strlen(text), &err) == -1) fail_msg("%s", err.text);
}

static void make_old(const char *name)
{
    char path[512];
    struct timeval times[2] = {{.tv_sec = 1000}, {.tv_sec = 1000}};
    snprintf(path, sizeof path, "%s/blobs/e7/%s", root, name);
    assert_int_equal(utimes(path, times), 0);
}

static int age_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    struct timeval times[2] = {{.tv_sec = 1000}, {.tv_sec = 1000}};
    (void)st, (void)ftw;
    return type == FTW_F ? utimes(path, times) : 0;
}

static void make_all_old(void)
{
    assert_int_equal(nftw(root, age_entry, 16, FTW_PHYS), 0);
}

static bool is_there(const char *name)
{
    struct buf b = BUF_INIT;
    struct err err = {0};
    int rc = blob_get(store, name, 1000, &b, &err);
    if (rc == -1) assert_string_equal(err.code, "gone");
    buf_done(&b);
    return rc == 0;
}

static void test_committed_blob_is_read_back(void **state)
{
    blob_writer_t *w = blob_create(store, JOB ".upload", NULL);
    struct buf b = BUF_INIT;
    int fd = -1;
    int64_t size = 0;

    (void)state;
    assert_int_equal(blob_write(w, "hello ", 6, NULL), 0);
    assert_int_equal(blob_write(w, "world", 5, NULL), 0);
    assert_false(is_there(JOB ".upload"));
    assert_int_equal(blob_commit(&w, NULL), 0);
    assert_null(w);
    assert_int_equal(blob_get(store, JOB ".upload", 11, &b, NULL), 0);
    assert_string_equal(b.data, "hello world");
    buf_done(&b);
    assert_int_equal(blob_fd(store, JOB ".upload", &fd, &size, NULL), 0);
    assert_int_equal(size, 11);
    close(fd);
    assert_int_equal(count_files(), 1);
}

static void test_large_blob_is_on_its_way_to_the_disk_while_it_is_written(void **state)
{
    static char data[3 * 1024 * 1024 + 7];
    const size_t piece = 65000;
    blob_writer_t *w = blob_create(store, JOB ".upload", NULL);
    struct buf b = BUF_INIT;

    (void)state;
    told_bytes = 0;
    for (size_t i = 0; i < sizeof data; i++) data[i] = (char)(i * 31 >> 7);
    for (size_t at = 0; at < sizeof data; at += piece) {
        const size_t left = sizeof data - at;
        assert_int_equal(blob_write(w, data + at, left < piece ? left : piece, NULL), 0);
        assert_true((off64_t)at < told_bytes + AHEAD_BYTES);
    }
    assert_int_equal(blob_commit(&w, NULL), 0);
    assert_int_equal(blob_get(store, JOB ".upload", sizeof data, &b, NULL), 0);
    assert_int_equal(b.len, sizeof data);
    assert_memory_equal(b.data, data, sizeof data);
    buf_done(&b);
}

static void test_empty_blob_is_a_blob(void **state)
{
    struct buf b = BUF_INIT;

    (void)state;
    put(JOB ".empty", "");
    assert_int_equal(blob_get(store, JOB ".empty", 0, &b, NULL), 0);
    assert_int_equal(b.len, 0);
    assert_string_equal(b.data, "");
    buf_done(&b);
}

static void test_abort_leaves_nothing(void **state)
{
    blob_writer_t *w = blob_create(store, JOB ".upload", NULL);

    (void)state;
    assert_int_equal(blob_write(w, "x", 1, NULL), 0);
    blob_abort(&w);
    assert_null(w);
    blob_abort(&w);
    assert_int_equal(count_files(), 0);
}

static void test_commit_whose_sync_of_the_file_fails_leaves_nothing(void **state)
{
    struct err err = {0};

    (void)state;
    syncs_until_failure = 0;
    assert_int_equal(blob_put(store, JOB ".upload", "x", 1, &err), -1);
    assert_int_equal(err.kind, ERR_UNAVAILABLE);
    assert_int_equal(err.sys, EIO);
    assert_int_equal(count_files(), 0);
}

static void test_commit_whose_sync_of_the_folder_fails_is_an_error(void **state)
{
    struct err err = {0};

    (void)state;
    syncs_until_failure = 1;
    assert_int_equal(blob_put(store, JOB ".upload", "x", 1, &err), -1);
    assert_int_equal(err.kind, ERR_UNAVAILABLE);
}

static void test_blob_above_max_is_a_limit_error_and_leaves_out_alone(void **state)
{
    struct buf b = BUF_INIT;
    struct err err = {0};

    (void)state;
    put(JOB ".upload", "four");
    assert_int_equal(blob_get(store, JOB ".upload", 3, &b, &err), -1);
    assert_int_equal(err.kind, ERR_LIMIT);
    assert_null(b.data);
}

static void test_missing_blob_is_gone(void **state)
{
    struct err err = {0};

    (void)state;
    assert_false(is_there(JOB ".upload"));
    assert_int_equal(blob_keep(store, JOB ".upload", &err), -1);
    assert_int_equal(err.kind, ERR_INPUT);
    assert_string_equal(err.code, "gone");
    assert_int_equal(blob_drop(store, JOB ".upload", &err), 0);
}

static void test_names_that_are_no_names_are_refused(void **state)
{
    static const char *const names[] = {
        "",       "upload",          ".",        "..",         "../" JOB ".x", JOB,           JOB ".",
        JOB "/x", JOB ".x/../../..", JOB ".x y", "." JOB ".x", JOB ".x\n",     "x" JOB ".up", JOB ".\xc3\xa9",
    };
    char longest[400];

    (void)state;
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        struct err err = {0};
        assert_null(blob_create(store, names[i], &err));
        assert_int_equal(err.kind, ERR_INPUT);
        assert_int_equal(blob_keep(store, names[i], NULL), -1);
        assert_int_equal(blob_drop(store, names[i], NULL), -1);
    }
    memset(longest, 'a', sizeof longest);
    memcpy(longest, JOB ".", sizeof JOB);
    longest[sizeof longest - 1] = '\0';
    assert_null(blob_create(store, longest, NULL));
    assert_int_equal(blob_drop_job(store, "..", NULL), -1);
    assert_int_equal(blob_drop_job(store, "", NULL), -1);
}

static void test_sweep_takes_old_unkept_blobs_and_unfinished_ones(void **state)
{
    blob_writer_t *w = blob_create(store, JOB ".unfinished", NULL);

    (void)state;
    make_all_old();
    put(JOB ".old", "x");
    put(JOB ".kept", "x");
    put(JOB ".young", "x");
    assert_int_equal(blob_keep(store, JOB ".kept", NULL), 0);
    make_old(JOB ".old");
    make_old(JOB ".kept");
    assert_int_equal(blob_sweep(store, 60000, 1000000), 2);
    assert_false(is_there(JOB ".old"));
    assert_true(is_there(JOB ".kept"));
    assert_true(is_there(JOB ".young"));
    blob_abort(&w);
}

static void test_sweep_goes_on_where_its_budget_ended(void **state)
{
    char name[BLOB_NAME_MAX];
    int removed = 0, calls = 0;

    (void)state;
    for (unsigned i = 0; i < 20; i++) {
        put(blob_output_name(name, JOB, "page", i, "1.1.1"), "x");
        make_old(name);
    }
    /* 256 folders of 2 entries ("." and ".."), and our 20 files. */
    while (calls++ < 55) removed += blob_sweep(store, 60000, 10);
    assert_int_equal(removed, 20);
    assert_int_equal(count_files(), 0);
}

static void test_kept_blob_is_not_replaced(void **state)
{
    struct buf b = BUF_INIT;
    struct err err = {0};

    (void)state;
    put(JOB ".page", "first");
    put(JOB ".page", "second");
    assert_int_equal(blob_keep(store, JOB ".page", NULL), 0);
    assert_int_equal(blob_keep(store, JOB ".page", NULL), 0);
    assert_int_equal(blob_put(store, JOB ".page", "third", 5, &err), -1);
    assert_int_equal(err.kind, ERR_INPUT);
    assert_int_equal(blob_get(store, JOB ".page", 100, &b, NULL), 0);
    assert_string_equal(b.data, "second");
    buf_done(&b);
    assert_int_equal(count_files(), 1);
}

static void test_drop_job_takes_all_of_that_job_and_no_other(void **state)
{
    (void)state;
    put(JOB ".upload", "x");
    put(JOB ".page.0.1.1.1", "x");
    put(OTHER ".upload", "x");
    assert_int_equal(blob_keep(store, JOB ".upload", NULL), 0);
    blob_writer_t *w = blob_create(store, JOB ".late", NULL);
    assert_int_equal(blob_drop_job(store, JOB, NULL), 0);
    assert_int_equal(count_files(), 1);
    assert_true(is_there(OTHER ".upload"));
    assert_int_equal(blob_commit(&w, NULL), -1);
    assert_int_equal(blob_drop_job(store, JOB, NULL), 0);
}

static void test_names_of_upload_and_output(void **state)
{
    char name[BLOB_NAME_MAX];

    (void)state;
    assert_string_equal(blob_upload_name(name, JOB), JOB ".upload");
    assert_string_equal(blob_output_name(name, JOB, "page", 12, "1700.2.3"), JOB ".page.12.1700.2.3");
}

#define T(name) cmocka_unit_test_setup(name, empty)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_committed_blob_is_read_back),
        T(test_large_blob_is_on_its_way_to_the_disk_while_it_is_written),
        T(test_empty_blob_is_a_blob),
        T(test_abort_leaves_nothing),
        T(test_commit_whose_sync_of_the_file_fails_leaves_nothing),
        T(test_commit_whose_sync_of_the_folder_fails_is_an_error),
        T(test_blob_above_max_is_a_limit_error_and_leaves_out_alone),
        T(test_missing_blob_is_gone),
        T(test_names_that_are_no_names_are_refused),
        T(test_sweep_takes_old_unkept_blobs_and_unfinished_ones),
        T(test_sweep_goes_on_where_its_budget_ended),
        T(test_kept_blob_is_not_replaced),
        T(test_drop_job_takes_all_of_that_job_and_no_other),
        T(test_names_of_upload_and_output),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
