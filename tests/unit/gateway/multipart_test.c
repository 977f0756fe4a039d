/* The parser is told the same whatever pieces the bytes come in: every test that can runs with each split. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "gateway/multipart.h"
#include "gateway/multipart_head.h"
#include "lib/buf.h"

#define TYPE "multipart/form-data; boundary=XyZ"

/* What was called, as text: "<name|filename>data</>". */
struct heard {
    struct buf text;
    int stop_at; /* the call that answers -1; 0: none */
    int calls;
};

static int called(struct heard *h)
{
    return ++h->calls == h->stop_at ? -1 : 0;
}

static int on_begin(void *user, const struct multipart_part *part)
{
    struct heard *h = user;
    buf_printf(&h->text, "<%s|%s>", part->name, part->filename ? part->filename : "-");
    return called(h);
}

static int on_data(void *user, const void *data, size_t len)
{
    struct heard *h = user;
    assert_true(len > 0);
    buf_add(&h->text, data, len);
    return called(h);
}

static int on_end(void *user)
{
    struct heard *h = user;
    buf_puts(&h->text, "</>");
    return called(h);
}

/* Feeds body in pieces cut at `a` and `b`; 0 done, 1 not complete, -1 refused. */
static int parse_cut(const char *body, size_t len, size_t a, size_t b, struct heard *h, struct err *err)
{
    const struct multipart_sink sink = {on_begin, on_data, on_end, h};
    multipart_t *m = multipart_new(TYPE, 4, &sink, err);
    const size_t cut[] = {0, a, b, len};
    int rc = 0;
    assert_non_null(m);
    for (int i = 0; i < 3 && rc == 0; i++) {
        /* A copy of the exact size, so that reading beyond a piece is seen by the sanitizer. */
        const size_t n = cut[i + 1] - cut[i];
        char *piece = malloc(n ? n : 1);
        memcpy(piece, body + cut[i], n);
        rc = multipart_feed(m, piece, n, err);
        free(piece);
    }
    if (rc == 0 && !multipart_done(m)) rc = 1;
    multipart_destroy(&m);
    return rc;
}

static void expect(const char *body, size_t len, int rc, const char *heard)
{
    for (size_t a = 0; a <= len; a++) {
        for (size_t b = a; b <= len; b += len > 300 ? 17 : 1) {
            struct heard h = {0};
            struct err err = {0};
            int got = parse_cut(body, len, a, b, &h, &err);
            if (got != rc || (heard && strcmp(h.text.data ? h.text.data : "", heard) != 0))
                fail_msg("cut at %zu and %zu: rc %d (%s), heard \"%s\"", a, b, got, err.text,
                         h.text.data ? h.text.data : "");
            if (rc == -1) assert_int_equal(err.kind, ERR_INPUT);
            if (rc == -1) assert_string_equal(err.code, "bad_multipart");
            buf_done(&h.text);
        }
    }
}
#define EXPECT(body, rc, heard) expect(body, sizeof(body) - 1, rc, heard)

#define FILE_HEAD                                                                                            \
    "Content-Disposition: form-data; name=\"files\"; filename=\"a.pdf\"\r\nContent-Type: "                   \
    "application/pdf\r\n\r\n"
#define FIELD_HEAD "Content-Disposition: form-data; name=\"batch_id\"\r\n\r\n"

static void test_a_file_and_a_field_are_heard_in_order(void **state)
{
    (void)state;
    EXPECT("--XyZ\r\n" FILE_HEAD "%PDF-1.7 abc\r\n--XyZ\r\n" FIELD_HEAD "42\r\n--XyZ--\r\n", 0,
           "<files|a.pdf>%PDF-1.7 abc</><batch_id|->42</>");
}

static void test_data_that_looks_like_a_delimiter_is_data(void **state)
{
    (void)state;
    EXPECT("--XyZ\r\n" FIELD_HEAD "\r\n--Xy\r\n\r\r\n--X\r\n-\r\n--XyZ--", 0,
           "<batch_id|->\r\n--Xy\r\n\r\r\n--X\r\n-</>");
}

static void test_data_that_begins_with_a_delimiter_s_tail_keeps_all_bytes(void **state)
{
    (void)state;
    EXPECT("--XyZ\r\n" FIELD_HEAD "--Xy\r\n--XyZ--", 0, "<batch_id|->--Xy</>");
}

static void test_an_empty_body_is_empty(void **state)
{
    (void)state;
    EXPECT("--XyZ\r\n" FILE_HEAD "\r\n--XyZ--", 0, "<files|a.pdf></>");
}

static void test_an_empty_body_may_share_its_line_end_with_the_head(void **state)
{
    (void)state;
    EXPECT("--XyZ\r\n" FILE_HEAD "--XyZ--", 0, "<files|a.pdf></>");
}

static void test_a_preamble_and_an_epilogue_are_nobody_s(void **state)
{
    (void)state;
    EXPECT("This is MIME.\r\n--XyZ\r\n" FIELD_HEAD "1\r\n--XyZ--\r\nwhatever\r\n--XyZ\r\n", 0,
           "<batch_id|->1</>");
}

static void test_blanks_behind_a_delimiter_are_allowed(void **state)
{
    (void)state;
    EXPECT("--XyZ \t\r\n" FIELD_HEAD "1\r\n--XyZ--", 0, "<batch_id|->1</>");
}

static void test_a_form_without_parts_is_complete(void **state)
{
    (void)state;
    EXPECT("--XyZ--\r\n", 0, "");
}

static void test_a_body_that_ends_early_is_not_complete(void **state)
{
    static const char body[] = "--XyZ\r\n" FILE_HEAD "%PDF-1.7 abc\r\n--XyZ--";
    (void)state;
    for (size_t len = 0; len < sizeof body - 1; len++) expect(body, len, 1, NULL);
}

static void test_malformed_bodies_are_refused(void **state)
{
    (void)state;
    EXPECT("--XyZ\r\n\r\ndata\r\n--XyZ--", -1, "");
    EXPECT("--XyZ\r\nContent-Type: text/plain\r\n\r\ndata\r\n--XyZ--", -1, "");
    EXPECT("--XyZ\r\nContent-Disposition: attachment; name=\"a\"\r\n\r\nx\r\n--XyZ--", -1, "");
    EXPECT("--XyZ\r\nContent-Disposition: form-data; filename=\"a\"\r\n\r\nx\r\n--XyZ--", -1, "");
    EXPECT("--XyZ\r\nContent-Disposition: form-data; name=\"a\r\n\r\nx\r\n--XyZ--", -1, "");
    EXPECT("--XyZjunk\r\n" FIELD_HEAD "x\r\n--XyZ--", -1, "");
    EXPECT("--XyZ\r\n" FIELD_HEAD "x\r\n--XyZ-\r\n", -1, "<batch_id|->x</>");
}

static void test_an_endless_head_is_refused(void **state)
{
    struct buf body = BUF_INIT;
    struct heard h = {0};
    struct err err = {0};
    (void)state;
    buf_puts(&body, "--XyZ\r\n");
    for (int i = 0; i < MULTIPART_HEAD_MAX; i++) buf_puts(&body, "X: y\r\n");
    assert_int_equal(parse_cut(body.data, body.len, 100, 5000, &h, &err), -1);
    assert_string_equal(err.code, "bad_multipart");
    buf_done(&body);
    buf_done(&h.text);
}

static void test_a_part_too_many_is_a_limit(void **state)
{
    struct buf body = BUF_INIT;
    struct heard h = {0};
    struct err err = {0};
    (void)state;
    for (int i = 0; i < 5; i++) buf_puts(&body, "--XyZ\r\n" FIELD_HEAD "1\r\n");
    assert_int_equal(parse_cut(body.data, body.len, 3, 7, &h, &err), -1);
    assert_int_equal(err.kind, ERR_LIMIT);
    assert_string_equal(err.code, "too_many_files");
    buf_done(&body);
    buf_done(&h.text);
}

static void test_a_callback_can_break_off_and_nothing_is_called_after(void **state)
{
    static const char body[] = "--XyZ\r\n" FIELD_HEAD "1\r\n--XyZ\r\n" FIELD_HEAD "2\r\n--XyZ--";
    (void)state;
    for (int stop = 1; stop <= 6; stop++) {
        struct heard h = {.stop_at = stop};
        struct err err = {0};
        assert_int_equal(parse_cut(body, sizeof body - 1, 0, sizeof body - 1, &h, &err), -1);
        assert_int_equal(h.calls, stop);
        assert_int_equal(err.kind, ERR_NONE);
        buf_done(&h.text);
    }
}

static void boundary_is(const char *type, const char *expected)
{
    char out[MULTIPART_BOUNDARY_MAX + 1] = "untouched";
    struct err err = {0};
    int rc = multipart_boundary(type, out, &err);
    assert_int_equal(rc, expected ? 0 : -1);
    assert_string_equal(out, expected ? expected : "untouched");
    if (rc == -1) assert_string_equal(err.code, "bad_multipart");
}

static void test_boundaries(void **state)
{
    (void)state;
    boundary_is("multipart/form-data; boundary=abc", "abc");
    boundary_is("Multipart/Form-Data;charset=utf-8;BOUNDARY=\"a b:c\"", "a b:c");
    boundary_is("multipart/form-data;boundary=----WebKitFormBoundary0", "----WebKitFormBoundary0");
    boundary_is("multipart/form-data;; ;boundary=a;", "a");
    boundary_is("multipart/form-data", NULL);
    boundary_is("multipart/form-data; boundary=", NULL);
    boundary_is("multipart/form-data; boundary=\"\"", NULL);
    boundary_is("multipart/form-data; boundary=\"open", NULL);
    boundary_is("multipart/form-datax; boundary=a", NULL);
    boundary_is("application/x-www-form-urlencoded", NULL);
    boundary_is("multipart/form-data; "
                "boundary=0123456789012345678901234567890123456789012345678901234567890123456789", /* 70 */
                "0123456789012345678901234567890123456789012345678901234567890123456789");
    boundary_is("multipart/form-data; "
                "boundary=01234567890123456789012345678901234567890123456789012345678901234567890",
                NULL);
    boundary_is("", NULL);
    boundary_is(NULL, NULL);
}

static void filename_is(const char *parameter, const char *expected)
{
    char line[256];
    struct multipart_names names;
    snprintf(line, sizeof line, "Content-Disposition: form-data; name=\"files\"; %s\r\n\r\n", parameter);
    assert_int_equal(multipart_head(line, strlen(line), &names), 0);
    assert_true(names.has_filename);
    assert_string_equal(names.filename, expected);
}

static void test_file_names_as_clients_write_them(void **state)
{
    (void)state;
    filename_is("filename=\"a.pdf\"", "a.pdf");
    filename_is("filename=a.pdf", "a.pdf");
    filename_is("filename=\"\"", "");
    filename_is("filename=\"say \\\"hi\\\".pdf\"", "say \"hi\".pdf");
    filename_is("filename=\"say %22hi%22.pdf\"", "say \"hi\".pdf");
    filename_is("filename=\"C:\\docs\\a.pdf\"", "C:\\docs\\a.pdf");
    filename_is("filename=\"100% sure.pdf\"", "100% sure.pdf");
    filename_is("filename=\"plain.pdf\"; filename*=UTF-8''n%C3%BA.pdf", "n\xc3\xba.pdf");
    filename_is("filename*=utf-8'es'n%C3%BA.pdf; filename=\"plain.pdf\"", "n\xc3\xba.pdf");
    filename_is("filename*=latin1''x; filename=\"plain.pdf\"", "plain.pdf");
    filename_is("filename*=latin1''x", ""); /* a file all the same */
    filename_is("filename*=UTF-8''bad%2; filename=\"p\"", "bad%2");
}

static void test_a_header_may_be_folded(void **state)
{
    (void)state;
    EXPECT("--XyZ\r\nContent-Type: application/pdf;\r\n\tname=\"a.pdf\"\r\nContent-Disposition: form-data;\r\n name=\"files\";\r\n"
           "\tfilename=\"a\r\n b.pdf\"\r\n\r\n1\r\n--XyZ--",
           0, "<files|a b.pdf>1</>");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_header_may_be_folded),
        cmocka_unit_test(test_a_file_and_a_field_are_heard_in_order),
        cmocka_unit_test(test_data_that_looks_like_a_delimiter_is_data),
        cmocka_unit_test(test_data_that_begins_with_a_delimiter_s_tail_keeps_all_bytes),
        cmocka_unit_test(test_an_empty_body_is_empty),
        cmocka_unit_test(test_an_empty_body_may_share_its_line_end_with_the_head),
        cmocka_unit_test(test_a_preamble_and_an_epilogue_are_nobody_s),
        cmocka_unit_test(test_blanks_behind_a_delimiter_are_allowed),
        cmocka_unit_test(test_a_form_without_parts_is_complete),
        cmocka_unit_test(test_a_body_that_ends_early_is_not_complete),
        cmocka_unit_test(test_malformed_bodies_are_refused),
        cmocka_unit_test(test_an_endless_head_is_refused),
        cmocka_unit_test(test_a_part_too_many_is_a_limit),
        cmocka_unit_test(test_a_callback_can_break_off_and_nothing_is_called_after),
        cmocka_unit_test(test_boundaries),
        cmocka_unit_test(test_file_names_as_clients_write_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
