/* ocr-svc/decode: the decoding child, for real. This test is its own child, as the service is. */
#define _GNU_SOURCE
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <dirent.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include "lib/buf.h"
#include "lib/clock.h"
#include "lib/settings.h"
#include "ocr-svc/child.h"
#include "ocr-svc/decode.h"
#include "ocr-svc/reader.h"

static const struct limits limits = {.child_bytes = (int64_t)512 << 20,
                                     .max_pixels = 40000000,
                                     .max_pages = 200,
                                     .cpu_seconds = 10,
                                     .wall_ms = 30000};

static int64_t soon(void)
{
    return clock_ms() + 60000;
}

static int file_of(const void *data, size_t len)
{
    int fd = memfd_create("document", MFD_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, data, len), (ssize_t)len);
    return fd;
}

/* A PDF from its objects; poppler finds them without a cross-reference table. */
static int pdf_of(const char *pages, const char *page, const char *content, const char *more)
{
    struct buf b = BUF_INIT;
    buf_puts(
        &b,
        "%PDF-1.5\n1 0 obj <</Type/Catalog/Pages 2 0 R/AcroForm<</Fields[6 0 R 7 0 R]/DR<<>>>> >> endobj\n");
    buf_printf(&b, "2 0 obj <</Type/Pages %s>> endobj\n", pages);
    buf_printf(
        &b, "3 0 obj <</Type/Page/Parent 2 0 R %s/Resources<</Font<</F 5 0 R/H 6 0 R>>>>/Contents 4 0 R>> endobj\n",
        page);
    buf_printf(&b, "4 0 obj <</Length %zu>> stream\n%s\nendstream endobj\n", strlen(content), content);
    buf_printf(&b, "5 0 obj <</Type/Font/Subtype/Type1/BaseFont/Helvetica>> endobj\n%s", more);
    buf_puts(&b, "trailer <</Root 1 0 R/Size 8>>\n%%EOF\n");
    int fd = file_of(b.data, b.len);
    buf_done(&b);
    return fd;
}

#define ONE_PAGE "/Kids[3 0 R]/Count 1"
#define FIELDS                                                                                               \
    "6 0 obj <</Type/Annot/Subtype/Widget/FT/Tx/T(Student)/V(Ana Luz)/Rect[100 200 300 220]/F 4/DA(/F 10 "   \
    "Tf)>> "                                                                                                 \
    "endobj\n"                                                                                               \
    "7 0 obj <</Type/Annot/Subtype/Widget/FT/Btn/T(Agree)/V/Yes/AS/Yes/Rect[100 100 110 110]/F 4"            \
    "/AP<</N<</Yes 8 0 R/Off 8 0 R>>>>>> endobj\n"                                                           \
    "8 0 obj <</Type/XObject/Subtype/Form/BBox[0 0 10 10]/Length 0>> stream\n\nendstream endobj\n"

static int open_fails(int fd, const struct limits *with, char code[24])
{
    struct err err = {0};
    struct decode_document doc;
    decoder_t *d = decoder_new(with, &err);
    assert_non_null(d);
    int result = decoder_open(d, fd, soon(), &doc, &err);
    decoder_destroy(&d);
    close(fd);
    strcpy(code, err.code);
    return result;
}

static void test_open_pdf_says_how_many_pages(void **state)
{
    (void)state;
    struct decode_document doc;
    decoder_t *d = decoder_new(&limits, NULL);
    int fd = pdf_of("/Kids[3 0 R 3 0 R]/Count 2", "/MediaBox[0 0 612 792]", "", "");
    assert_int_equal(decoder_open(d, fd, soon(), &doc, NULL), 0);
    assert_int_equal(doc.kind, DECODE_PDF);
    assert_int_equal(doc.pages, 2);
    close(fd);
    decoder_destroy(&d);
}

static void test_open_what_is_no_document_is_unsupported(void **state)
{
    (void)state;
    char code[24];
    assert_int_equal(open_fails(file_of("plain text, whatever its name", 29), &limits, code), -1);
    assert_string_equal(code, "unsupported_type");
    assert_int_equal(open_fails(file_of("", 0), &limits, code), -1);
    assert_string_equal(code, "unsupported_type");
}

static void test_open_pdf_of_which_only_the_head_came_is_damaged(void **state)
{
    (void)state;
    char code[24];
    assert_int_equal(open_fails(file_of("%PDF-1.7\n", 9), &limits, code), -1);
    assert_string_equal(code, "damaged");
}

static void test_open_pdf_without_pages_is_no_pages(void **state)
{
    (void)state;
    char code[24];
    assert_int_equal(open_fails(pdf_of("/Kids[]/Count 0", "", "", ""), &limits, code), -1);
    assert_string_equal(code, "no_pages");
}

static void test_open_pdf_of_too_many_pages_is_refused(void **state)
{
    (void)state;
    char code[24];
    struct limits one = limits;
    one.max_pages = 1;
    int fd = pdf_of("/Kids[3 0 R 3 0 R]/Count 2", "/MediaBox[0 0 612 792]", "", "");
    assert_int_equal(open_fails(fd, &one, code), -1);
    assert_string_equal(code, "too_many_pages");
}

static void test_open_png_of_a_billion_pixels_is_refused_from_its_header(void **state)
{
    (void)state;
    char code[24];
    static const uint8_t png[64] = {0x89, 'P',  'N', 'G', '\r', '\n', 0x1a, '\n', 0,    0, 0,
                                  13,   'I',  'H', 'D', 'R',  0,    0,    0x88, 0xb8, 0, 0,
                                  0x88, 0xb8, 1,   0,   0,    0,    0,    0,    0,    0};
    assert_int_equal(open_fails(file_of(png, sizeof png), &limits, code), -1);
    assert_string_equal(code, "page_too_large");
}

static const struct word_record *word_named(const struct decode_words *w, const char *text)
{
    for (uint32_t i = 0; i < w->head->n; i++)
        if (strcmp(w->texts + w->words[i].text, text) == 0) return &w->words[i];
    fail_msg("no word \"%s\"", text);
    return NULL;
}

static void assert_near(double have, double want)
{
    if (fabs(have - want) > 2) fail_msg("%f is not near %f", have, want);
}

/* A text at 100,200 of the page's own coordinates and a field right there, seen upright. */
static void check_rotated(int degrees, double x, double y)
{
    char page[200];
    struct decode_document doc;
    struct decode_words w = {0};
    decoder_t *d = decoder_new(&limits, NULL);
    snprintf(page, sizeof page, "/MediaBox[0 0 400 600]/Rotate %d/Annots[6 0 R 7 0 R]", degrees);
    int fd = pdf_of(ONE_PAGE, page, "BT /F 10 Tf 100 300 Td (hello) Tj ET", FIELDS);
    assert_int_equal(decoder_open(d, fd, soon(), &doc, NULL), 0);
    assert_int_equal(decoder_words(d, 0, soon(), &w, NULL), 0);
    assert_true(w.head->width_pt == (degrees % 180 ? 600 : 400));
    const struct word_record *value = word_named(&w, "Ana Luz");
    assert_true(value->is_field);
    assert_string_equal(w.texts + value->field, "Student");
    assert_near((double)(value->left + value->right) / 2, x);
    assert_near((double)(value->top + value->bottom) / 2, y);
    assert_true(word_named(&w, "[x]")->is_field);
    assert_false(word_named(&w, "hello")->is_field);
    decode_words_done(&w);
    close(fd);
    decoder_destroy(&d);
}

static void test_field_stands_where_the_reader_sees_it_at_every_rotation(void **state)
{
    (void)state; /* its middle is 200,210 of 400 × 600 */
    check_rotated(0, 200, 600 - 210);
    check_rotated(90, 210, 200);
    check_rotated(180, 400 - 200, 210);
    check_rotated(270, 600 - 210, 400 - 200);
}

/* Flags of an annotation: bit 2 hidden, bit 6 not to be viewed. A form's own sums and keys are kept so, and nobody answered them. */
static void test_a_field_that_nobody_sees_is_no_answer(void **state)
{
    (void)state;
    for (int flags = 0; flags <= 32; flags += flags ? 30 : 2) {
        char hidden[400];
        struct decode_document doc;
        struct decode_words w = {0};
        decoder_t *d = decoder_new(&limits, NULL);
        snprintf(hidden, sizeof hidden,
                 "6 0 obj <</Type/Annot/Subtype/Widget/FT/Tx/T(Student)/V(Ana Luz)/Rect[100 200 300 220]/F %d/DA(/F 10 Tf)>> endobj\n"
                 "7 0 obj <</Type/Annot/Subtype/Widget/FT/Tx/T(Grade)/V(5)/Rect[100 100 300 120]/F 4/DA(/F 10 Tf)>> endobj\n", flags);
        int fd = pdf_of(ONE_PAGE, "/MediaBox[0 0 400 600]/Annots[6 0 R 7 0 R]", "BT /F 10 Tf 100 300 Td (hello) Tj ET", hidden);
        assert_int_equal(decoder_open(d, fd, soon(), &doc, NULL), 0);
        assert_int_equal(decoder_words(d, 0, soon(), &w, NULL), 0);
        assert_int_equal(w.head->n, flags ? 2 : 3);
        assert_true(word_named(&w, "5")->is_field);
        decode_words_done(&w);
        close(fd);
        decoder_destroy(&d);
    }
}

/* By how much a page has to be turned on which text is shown by these operators. */
static uint32_t turn_of_text(const char *content)
{
    struct decode_document doc;
    struct decode_words w = {0};
    decoder_t *d = decoder_new(&limits, NULL);
    int fd = pdf_of(ONE_PAGE, "/MediaBox[0 0 400 600]", content, "");
    assert_int_equal(decoder_open(d, fd, soon(), &doc, NULL), 0);
    assert_int_equal(decoder_words(d, 0, soon(), &w, NULL), 0);
    uint32_t turn = w.head->turn;
    decode_words_done(&w);
    close(fd);
    decoder_destroy(&d);
    return turn;
}

static void test_text_that_runs_up_or_down_the_page_says_how_the_page_lies(void **state)
{
    (void)state;
    assert_int_equal(turn_of_text("BT /F 10 Tf 1 0 0 1 100 300 Tm (hello again) Tj ET"), 0);
    assert_int_equal(turn_of_text("BT /F 10 Tf 0 1 -1 0 100 300 Tm (hello again) Tj ET"), 90);
    assert_int_equal(turn_of_text("BT /F 10 Tf -1 0 0 -1 300 300 Tm (hello again) Tj ET"), 180);
    assert_int_equal(turn_of_text("BT /F 10 Tf 0 -1 1 0 100 300 Tm (hello again) Tj ET"), 270);
    assert_int_equal(turn_of_text("BT /F 10 Tf 1 0 0 1 50 300 Tm (hello again) Tj 0 1 -1 0 20 100 Tm (up) Tj ET"), 0);
    assert_int_equal(turn_of_text(""), 0);
}

/* A font whose A, B and C are letters of Hebrew. */
#define HEBREW                                                                                                                     \
    "6 0 obj <</Type/Font/Subtype/Type1/BaseFont/Helvetica/ToUnicode 7 0 R>> endobj\n7 0 obj <</Length 127>> stream\n"            \
    "begincmap 1 begincodespacerange <00> <ff> endcodespacerange 3 beginbfchar <41> <05d0> <42> <05d1> <43> <05d2> "               \
    "endbfchar endcmap\nendstream endobj\n"

/* Poppler marks where such a word begins and ends, and gives these marks no boxes. */
static void test_a_word_from_right_to_left_moves_no_other_words_box(void **state)
{
    (void)state;
    struct decode_document doc;
    struct decode_words w = {0};
    decoder_t *d = decoder_new(&limits, NULL);
    int fd = pdf_of(ONE_PAGE, "/MediaBox[0 0 400 600]",
                    "BT /H 10 Tf 100 300 Td (ABC) Tj /F 10 Tf 0 -100 Td (Student) Tj 100 0 Td (Ana) Tj ET", HEBREW);
    assert_int_equal(decoder_open(d, fd, soon(), &doc, NULL), 0);
    assert_int_equal(decoder_words(d, 0, soon(), &w, NULL), 0);
    assert_int_equal(w.head->n, 3);
    (void)word_named(&w, "\xD7\x92\xD7\x91\xD7\x90");
    (void)word_named(&w, "Student");
    assert_near((double)word_named(&w, "Ana")->left, 200);
    decode_words_done(&w);
    close(fd);
    decoder_destroy(&d);
}

static void test_page_without_an_end_is_damaged(void **state)
{
    (void)state;
    char page[1024];
    struct decode_document doc;
    struct decode_words w = {0};
    struct err err = {0};
    decoder_t *d = decoder_new(&limits, NULL);
    snprintf(page, sizeof page, "/MediaBox[0 0 %0400d %0400d]", 9, 9);
    for (char *zero = strstr(page, "00"); *zero; zero++)
        if (*zero == '0') *zero = '9';
    int fd = pdf_of(ONE_PAGE, page, "", "");
    assert_int_equal(decoder_open(d, fd, soon(), &doc, NULL), 0);
    assert_int_equal(decoder_words(d, 0, soon(), &w, &err), -1);
    assert_string_equal(err.code, "damaged");
    close(fd);
    decoder_destroy(&d);
}

static void test_text_typed_over_the_page_is_its_text_and_hidden_text_is_not(void **state)
{
    (void)state;
    struct decode_document doc;
    struct decode_words w = {0};
    decoder_t *d = decoder_new(&limits, NULL);
    int fd = pdf_of(ONE_PAGE, "/MediaBox[0 0 400 600]/Annots[6 0 R 7 0 R]", "BT /F 10 Tf 100 300 Td (hello) Tj ET",
                    "6 0 obj <</Type/Annot/Subtype/FreeText/Rect[100 200 300 220]/F 4/Contents(Ana Luz)/DA(/F 10 Tf)>> endobj\n"
                    "7 0 obj <</Type/Annot/Subtype/FreeText/Rect[100 100 300 120]/F 2/Contents(gone)/DA(/F 10 Tf)>> endobj\n");
    assert_int_equal(decoder_open(d, fd, soon(), &doc, NULL), 0);
    assert_int_equal(decoder_words(d, 0, soon(), &w, NULL), 0);
    assert_int_equal(w.head->n, 2);
    assert_int_equal(w.head->has_markings, 0);
    const struct word_record *note = word_named(&w, "Ana Luz");
    assert_true(note->is_note && !note->is_field);
    assert_near((double)note->left, 100);
    assert_near((double)note->top, 600 - 220);
    decode_words_done(&w);
    close(fd);
    decoder_destroy(&d);
}

static void test_page_of_a_size_that_no_paper_has_is_drawn_as_a_letter_and_a_slip_as_it_is(void **state)
{
    (void)state;
    static const struct {
        const char *box;
        uint32_t height;
    } pages[] = {{"/MediaBox[0 0 2550 3300]", 1100}, {"/MediaBox[0 0 61.2 79.2]", 1100}, {"/MediaBox[0 0 612 792]", 1100}, {"/MediaBox[0 0 216 216]", 300}};
    for (size_t i = 0; i < sizeof pages / sizeof *pages; i++) {
        struct decode_document doc;
        struct decode_pixels p = {0};
        decoder_t *d = decoder_new(&limits, NULL);
        int fd = pdf_of(ONE_PAGE, pages[i].box, "", "");
        assert_int_equal(decoder_open(d, fd, soon(), &doc, NULL), 0);
        assert_int_equal(decoder_pixels(d, 0, 100, soon(), &p, NULL), 0);
        assert_in_range(p.head->height, pages[i].height - 1, pages[i].height);
        assert_int_equal(p.head->dpi, 100);
        decode_pixels_done(&p);
        close(fd);
        decoder_destroy(&d);
    }
}

static void test_page_of_a_poster_is_drawn_at_what_fits(void **state)
{
    (void)state;
    struct decode_document doc;
    struct decode_pixels p = {0};
    struct limits small = limits;
    small.max_pixels = 722500; /* 850 by 850 */
    decoder_t *d = decoder_new(&small, NULL);
    int fd = pdf_of(ONE_PAGE, "/MediaBox[0 0 1224 1224]", "0 0 612 1224 re f", "");
    assert_int_equal(decoder_open(d, fd, soon(), &doc, NULL), 0);
    assert_int_equal(decoder_pixels(d, 0, 300, soon(), &p, NULL), 0);
    assert_true((int64_t)p.head->width * p.head->height <= small.max_pixels);
    assert_int_equal(p.head->dpi, 50);
    assert_int_equal(p.grey[p.head->stride * 500 + 100], 0);
    assert_int_equal(p.grey[p.head->stride * 500 + 800], 255);
    decode_pixels_done(&p);
    close(fd);
    decoder_destroy(&d);
}

static void test_page_that_is_not_there_is_refused(void **state)
{
    (void)state;
    struct decode_document doc;
    struct decode_words w = {0};
    struct err err = {0};
    decoder_t *d = decoder_new(&limits, NULL);
    int fd = pdf_of(ONE_PAGE, "/MediaBox[0 0 612 792]", "", "");
    assert_int_equal(decoder_open(d, fd, soon(), &doc, NULL), 0);
    assert_int_equal(decoder_words(d, 1, soon(), &w, &err), -1);
    assert_string_equal(err.code, "damaged");
    close(fd);
    decoder_destroy(&d);
}

/* Our children, by pid; returns how many. */
static int children(pid_t out[8])
{
    int n = 0;
    FILE *f = fopen("/proc/thread-self/children", "r");
    if (!f) skip();
    while (n < 8 && fscanf(f, "%d", &out[n]) == 1) n++;
    fclose(f);
    return n;
}

static void test_death_of_the_child_costs_one_page_and_no_more(void **state)
{
    (void)state;
    struct decode_document doc;
    struct decode_words w = {0};
    struct err err = {0};
    pid_t pids[8];
    decoder_t *d = decoder_new(&limits, NULL);
    int fd = pdf_of(ONE_PAGE, "/MediaBox[0 0 612 792]", "", "");
    assert_int_equal(decoder_open(d, fd, soon(), &doc, NULL), 0);
    assert_int_equal(children(pids), 1);
    kill(pids[0], SIGSEGV);
    assert_int_equal(decoder_words(d, 0, soon(), &w, &err), -1);
    assert_string_equal(err.code, "damaged");
    assert_int_equal(decoder_open(d, fd, soon(), &doc, NULL), 0);
    assert_int_equal(decoder_words(d, 0, soon(), &w, NULL), 0);
    decode_words_done(&w);
    close(fd);
    decoder_destroy(&d);
    assert_int_equal(children(pids), 0);
}

static void test_child_that_does_not_answer_is_ended_at_the_deadline(void **state)
{
    (void)state;
    struct decode_document doc;
    struct err err = {0};
    pid_t pids[8];
    decoder_t *d = decoder_new(&limits, NULL);
    int fd = pdf_of(ONE_PAGE, "/MediaBox[0 0 612 792]", "", "");
    assert_int_equal(children(pids), 1);
    kill(pids[0], SIGSTOP);
    assert_int_equal(decoder_open(d, fd, clock_ms() + 50, &doc, &err), -1);
    assert_int_equal(err.kind, ERR_TIMEOUT);
    assert_int_equal(children(pids), 0);
    assert_int_equal(decoder_open(d, fd, soon(), &doc, NULL), 0);
    close(fd);
    decoder_destroy(&d);
}

static void test_child_inherits_nothing_but_its_socket(void **state)
{
    (void)state;
    char path[64];
    pid_t pids[8];
    int extra = dup(2), highest = 0; /* not close-on-exec */
    decoder_t *d = decoder_new(&limits, NULL);
    assert_int_equal(children(pids), 1);
    snprintf(path, sizeof path, "/proc/%d/fd", (int)pids[0]);
    DIR *dir = opendir(path);
    assert_non_null(dir);
    for (struct dirent *e; (e = readdir(dir));)
        if (atoi(e->d_name) > highest) highest = atoi(e->d_name);
    closedir(dir);
    assert_int_equal(highest, CHILD_FD);
    decoder_destroy(&d);
    close(extra);
}

static void test_null_provider_reads_a_page_without_a_document(void **state)
{
    (void)state;
    struct settings settings = {.max_megapixels = 40, .max_pages = 200, .ocr_child_bytes = (int64_t)512 << 20};
    char name[] = "null";
    struct ocr_wait wait = {.deadline_ms = soon()};
    struct decode_document doc;
    struct page page;
    settings.ocr = name;
    struct ocr ocr;
    assert_int_equal(ocr_open(&settings, &ocr, NULL), 0);
    reader_t *r = reader_new(&ocr, true, NULL);
    assert_non_null(r);
    assert_false(reader_needs_document(r));
    assert_int_equal(reader_inspect(r, -1, &wait, &doc, NULL), 0);
    assert_int_equal(doc.pages, 1);
    page_init(&page, 1);
    assert_int_equal(reader_page(r, -1, 0, &wait, &page, NULL), 0);
    assert_int_equal(page.n_words, 2);
    assert_string_equal(page_word_text(&page, &page.words[0]), "null");
    assert_int_equal(page.source, PAGE_OCR);
    page_done(&page);
    reader_destroy(&r);
}

static void test_provider_that_does_not_exist_is_a_mistake_in_the_settings(void **state)
{
    (void)state;
    struct err err = {0};
    assert_null(ocr_provider_find("crystal-ball", &err));
    assert_int_equal(err.kind, ERR_CONFIG);
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], DECODE_CHILD) == 0) return decode_child_main();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_open_pdf_says_how_many_pages),
        cmocka_unit_test(test_open_what_is_no_document_is_unsupported),
        cmocka_unit_test(test_open_pdf_of_which_only_the_head_came_is_damaged),
        cmocka_unit_test(test_open_pdf_without_pages_is_no_pages),
        cmocka_unit_test(test_open_pdf_of_too_many_pages_is_refused),
        cmocka_unit_test(test_open_png_of_a_billion_pixels_is_refused_from_its_header),
        cmocka_unit_test(test_field_stands_where_the_reader_sees_it_at_every_rotation),
        cmocka_unit_test(test_a_field_that_nobody_sees_is_no_answer),
        cmocka_unit_test(test_text_that_runs_up_or_down_the_page_says_how_the_page_lies),
        cmocka_unit_test(test_a_word_from_right_to_left_moves_no_other_words_box),
        cmocka_unit_test(test_page_without_an_end_is_damaged),
        cmocka_unit_test(test_text_typed_over_the_page_is_its_text_and_hidden_text_is_not),
        cmocka_unit_test(test_page_of_a_size_that_no_paper_has_is_drawn_as_a_letter_and_a_slip_as_it_is),
        cmocka_unit_test(test_page_of_a_poster_is_drawn_at_what_fits),
        cmocka_unit_test(test_page_that_is_not_there_is_refused),
        cmocka_unit_test(test_death_of_the_child_costs_one_page_and_no_more),
        cmocka_unit_test(test_child_that_does_not_answer_is_ended_at_the_deadline),
        cmocka_unit_test(test_child_inherits_nothing_but_its_socket),
        cmocka_unit_test(test_null_provider_reads_a_page_without_a_document),
        cmocka_unit_test(test_provider_that_does_not_exist_is_a_mistake_in_the_settings),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
