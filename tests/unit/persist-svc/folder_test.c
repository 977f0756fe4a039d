#define _GNU_SOURCE /* memfd_create */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>
#include "store_fixture.h"

#define PATH "essay-submissions/" OWNER "/0123456789ab/original.pdf"

static int memory_file(const char *text)
{
    int fd = memfd_create("source", 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    return fd;
}

static int put(const char *path, const char *text, int fd, struct err *err)
{
    char digest[DIGEST_HEX];
    digest_hex(text, strlen(text), digest);
    return stores.objects->put_file(stores.object_state, path, fd, (int64_t)strlen(text), digest, err);
}

static void check_object(const char *path, const char *expected)
{
    int fd;
    int64_t size;
    char text[64] = "";
    assert_int_equal(stores.objects->get(stores.object_state, path, &fd, &size, NULL), 0);
    assert_int_equal(size, strlen(expected));
    assert_int_equal(read(fd, text, sizeof text - 1), strlen(expected));
    assert_string_equal(text, expected);
    close(fd);
}

/* No temporary file is left, whatever happened. */
static void check_nothing_left_over(void)
{
    char command[120];
    snprintf(command, sizeof command, "test -z \"$(ls -A '%s/objects/.tmp')\"", var_folder);
    assert_int_equal(system(command), 0);
}

static void test_put_copies_from_any_descriptor(void **state)
{
    (void)state;
    int fd = memory_file("the bytes");
    assert_int_equal(put(PATH, "the bytes", fd, NULL), 0);
    check_object(PATH, "the bytes");
    check_nothing_left_over();
    close(fd);
}

static void test_put_links_a_file_of_the_same_file_system(void **state)
{
    (void)state;
    char source[64];
    struct stat st;
    snprintf(source, sizeof source, "%s/source", var_folder);
    int fd = open(source, O_RDWR | O_CREAT, 0600);
    assert_int_equal(write(fd, "the bytes", 9), 9);
    assert_int_equal(put(PATH, "the bytes", fd, NULL), 0);
    assert_int_equal(put(PATH, "the bytes", fd, NULL), 0);
    assert_int_equal(fstat(fd, &st), 0);
    unlink(source);
    check_object(PATH, "the bytes");
    check_nothing_left_over();
    close(fd);
}

static void test_put_of_the_same_bytes_writes_nothing(void **state)
{
    (void)state;
    char path[256];
    struct stat first, second;
    int fd = memory_file("the bytes");
    snprintf(path, sizeof path, "%s/objects/" PATH, var_folder);
    assert_int_equal(put(PATH, "the bytes", fd, NULL), 0);
    assert_int_equal(stat(path, &first), 0);
    assert_int_equal(put(PATH, "the bytes", fd, NULL), 0);
    assert_int_equal(stat(path, &second), 0);
    assert_int_equal(first.st_ino, second.st_ino);
    close(fd);
}

static void test_put_mends_a_damaged_object(void **state)
{
    (void)state;
    char path[256];
    int fd = memory_file("the bytes");
    snprintf(path, sizeof path, "%s/objects/" PATH, var_folder);
    assert_int_equal(put(PATH, "the bytes", fd, NULL), 0);
    int damage = open(path, O_WRONLY);
    assert_int_equal(write(damage, "THE", 3), 3);
    close(damage);
    assert_int_equal(put(PATH, "the bytes", fd, NULL), 0);
    check_object(PATH, "the bytes");
    close(fd);
}

static void test_put_of_bytes_with_another_digest_is_refused(void **state)
{
    (void)state;
    struct err err = {0};
    int fd = memory_file("the bytez");
    int64_t size;
    assert_int_equal(put(PATH, "the bytes", fd, &err), -1);
    assert_int_equal(err.kind, ERR_UNAVAILABLE);
    close(fd);
    assert_int_equal(stores.objects->get(stores.object_state, PATH, &fd, &size, &err), -1);
    assert_string_equal(err.code, "not_found");
    check_nothing_left_over();
}

static void test_put_of_a_document_that_is_cut_short_is_refused(void **state)
{
    (void)state;
    int fd = memory_file("the");
    assert_int_equal(put(PATH, "the bytes", fd, NULL), -1);
    check_nothing_left_over();
    close(fd);
}

static void test_data_is_put_and_replaced(void **state)
{
    (void)state;
    const char *path = "essay-submissions/" OWNER "/0123456789ab/artifacts/1/entry-0.json";
    assert_int_equal(stores.objects->put_data(stores.object_state, path, "{}", 2, NULL), 0);
    assert_int_equal(stores.objects->put_data(stores.object_state, path, "{\"a\":1}", 7, NULL), 0);
    check_object(path, "{\"a\":1}");
    check_nothing_left_over();
}

static void test_what_lies_below_a_folder_is_removed_and_nothing_else(void **state)
{
    (void)state;
    const char *mine = "essay-submissions/" OWNER "/0123456789ab/artifacts/1/entry-0.json", *others = "essay-submissions/" OWNER "1/x.json";
    int fd;
    int64_t size;
    struct err err = {0};
    assert_int_equal(stores.objects->put_data(stores.object_state, mine, "{}", 2, NULL), 0);
    assert_int_equal(stores.objects->put_data(stores.object_state, PATH, "x", 1, NULL), 0);
    assert_int_equal(stores.objects->put_data(stores.object_state, others, "{}", 2, NULL), 0);
    for (int times = 0; times < 2; times++) /* nothing there is no error */
        assert_int_equal(stores.objects->remove(stores.object_state, "essay-submissions/" OWNER, &err), 0);
    assert_int_equal(stores.objects->get(stores.object_state, mine, &fd, &size, &err), -1);
    assert_int_equal(stores.objects->get(stores.object_state, PATH, &fd, &size, &err), -1);
    check_object(others, "{}");
    assert_int_equal(stores.objects->remove(stores.object_state, "../..", &err), -1);
}

static void test_paths_out_of_the_folder_lead_nowhere(void **state)
{
    (void)state;
    int fd;
    int64_t size;
    struct err err = {0};
    assert_int_equal(stores.objects->get(stores.object_state, "../records.db", &fd, &size, &err), -1);
    assert_string_equal(err.code, "not_found");
    assert_int_equal(stores.objects->put_data(stores.object_state, "../evil", "x", 1, &err), -1);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, open_stores, close_stores)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_put_copies_from_any_descriptor),
        TEST(test_put_links_a_file_of_the_same_file_system),
        TEST(test_put_of_the_same_bytes_writes_nothing),
        TEST(test_put_mends_a_damaged_object),
        TEST(test_put_of_bytes_with_another_digest_is_refused),
        TEST(test_put_of_a_document_that_is_cut_short_is_refused),
        TEST(test_data_is_put_and_replaced),
        TEST(test_what_lies_below_a_folder_is_removed_and_nothing_else),
        TEST(test_paths_out_of_the_folder_lead_nowhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
