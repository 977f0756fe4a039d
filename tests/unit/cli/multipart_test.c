#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/multipart.h"
#include "lib/buf.h"

/* A file with the given bytes; its path is the caller's. */
static char *make_file(const char *name, const char *data, size_t len)
{
    char folder[] = "/tmp/multipart_test.XXXXXX", path[256];
    assert_non_null(mkdtemp(folder));
    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *f = fopen(path, "w");
    assert_int_equal(fwrite(data, 1, len, f), len);
    assert_int_equal(fclose(f), 0);
    return strdup(path);
}

static void remove_file(char *path)
{
    (void)unlink(path);
    *strrchr(path, '/') = '\0';
    (void)rmdir(path);
    free(path);
}

static struct buf read_all(multipart_t *m, size_t room)
{
    struct buf all = BUF_INIT;
    char piece[512];
    while (all.len < multipart_length(m)) {
        int64_t n = multipart_read(m, piece, room);
        assert_true(n > 0);
        buf_add(&all, piece, (size_t)n);
    }
    return all;
}

static multipart_t *make_body(const char *path)
{
    struct err err;
    multipart_t *m = multipart_new(&err);
    assert_int_equal(multipart_add_text(m, "batch_id", "b1", &err), 0);
    assert_int_equal(multipart_add_file(m, "files", path, &err), 0);
    return m;
}

static void test_body_is_as_rfc_7578_has_it_and_as_long_as_said(void **state)
{
    (void)state;
    char *path = make_file("a \"b\".pdf", "%PDF\0x", 6);
    multipart_t *m = make_body(path);
    const char *boundary = strstr(multipart_header(m), "boundary=") + 9;
    struct buf want = BUF_INIT, got = read_all(m, 512);
    buf_printf(&want,
               "--%s\r\nContent-Disposition: form-data; name=\"batch_id\"\r\n\r\nb1\r\n"
               "--%s\r\nContent-Disposition: form-data; name=\"files\"; filename=\"a %%22b%%22.pdf\"\r\n"
               "Content-Type: application/octet-stream\r\n\r\n",
               boundary, boundary);
    buf_add(&want, "%PDF\0x", 6);
    buf_printf(&want, "\r\n--%s--\r\n", boundary);
    assert_int_equal(got.len, want.len);
    assert_memory_equal(got.data, want.data, want.len);
    assert_int_equal(multipart_sent(m), multipart_length(m));
    buf_done(&want);
    buf_done(&got);
    multipart_destroy(&m);
    remove_file(path);
}

static void test_small_reads_and_a_second_round_give_the_same_bytes(void **state)
{
    (void)state;
    char *path = make_file("x", "0123456789", 10);
    multipart_t *m = make_body(path);
    struct buf first = read_all(m, 512);
    multipart_rewind(m);
    struct buf second = read_all(m, 1);
    assert_int_equal(first.len, second.len);
    assert_memory_equal(first.data, second.data, first.len);
    buf_done(&first);
    buf_done(&second);
    multipart_destroy(&m);
    remove_file(path);
}

static void test_an_empty_file_is_an_empty_part(void **state)
{
    (void)state;
    char *path = make_file("x", "", 0);
    multipart_t *m = make_body(path);
    struct buf all = read_all(m, 7);
    assert_non_null(strstr(all.data, "octet-stream\r\n\r\n\r\n--"));
    buf_done(&all);
    multipart_destroy(&m);
    remove_file(path);
}

static void test_a_file_that_became_shorter_breaks_off(void **state)
{
    (void)state;
    char piece[4096], *path = make_file("x", "0123456789", 10);
    multipart_t *m = make_body(path);
    assert_int_equal(truncate(path, 0), 0);
    int64_t n;
    while ((n = multipart_read(m, piece, sizeof piece)) > 0) {
    }
    assert_int_equal(n, -1);
    multipart_destroy(&m);
    remove_file(path);
}

static void test_what_is_no_file_is_refused_by_name(void **state)
{
    (void)state;
    struct err err;
    multipart_t *m = multipart_new(&err);
    assert_int_equal(multipart_add_file(m, "files", "/nowhere/at/all", &err), -1);
    assert_int_equal(err.kind, ERR_INPUT);
    assert_int_equal(multipart_add_file(m, "files", "/tmp", &err), -1);
    assert_non_null(strstr(err.text, "/tmp is not a file"));
    multipart_destroy(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_body_is_as_rfc_7578_has_it_and_as_long_as_said),
        cmocka_unit_test(test_small_reads_and_a_second_round_give_the_same_bytes),
        cmocka_unit_test(test_an_empty_file_is_an_empty_part),
        cmocka_unit_test(test_a_file_that_became_shorter_breaks_off),
        cmocka_unit_test(test_what_is_no_file_is_refused_by_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
