/* ocr-svc/decode: a child that hangs, spins, grows, crashes or lies, page by page.  Its documents are of a kind of our own:
 * the first line names the kind, each further letter is a page and what it does to whoever opens it. */
#define _GNU_SOURCE
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#include "lib/clock.h"
#include "ocr-svc/decode.h"
#include "ocr-svc/decode_format.h"
#include "ocr-svc/reader.h"

/* ---- the child's side ----------------------------------------------------------------------------- */

#define MARK "sheaf-test\n"

static bool scripted_is(const uint8_t *head, size_t len)
{
    return len >= sizeof MARK - 1 && memcmp(head, MARK, sizeof MARK - 1) == 0;
}

static volatile uint64_t spun;

static void act(char what)
{
    switch (what) {
    case 'h': /* hangs */
        for (;;) pause();
    case 's': /* spins */
        for (;;) spun++;
    case 'g': /* grows as long as it is let */
        for (;;) {
            char *more = malloc(1 << 20);
            if (!more) abort(); /* as glib and C++ do */
            memset(more, 1, 1 << 20);
        }
    case 'c': /* crashes */
        raise(SIGSEGV);
        break;
    case 'e': /* ends, as if all were well */
        _exit(0);
    case 'w': /* writes more than any page is */
        for (int fd = memfd_create("big", 0);;)
            if (ftruncate(fd, (off_t)1 << 40) != 0) abort();
    default: /* reads well */
        break;
    }
}

/* Documents opened by this child, pages asked of the last one, and drawings of the last page; the last dots of each picture are as dark. */
static uint8_t opened, asked, drawn;

static enum decode_status scripted_open(int fd, const struct limits *limits, void **doc, enum decode_kind *kind,
                                        int *pages)
{
    char text[256] = "", *letters = calloc(1, sizeof text);
    ssize_t n = pread(fd, text, sizeof text - 1, 0);
    close(fd);
    (void)limits;
    if (!letters || n <= 0) return DECODE_DAMAGED;
    strcpy(letters, text + sizeof MARK - 1);
    if (letters[0] == 'O') act(letters[1]); /* already when it is opened */
    opened++;
    asked = 0;
    *doc = letters;
    *kind = DECODE_IMAGE;
    *pages = (int)strlen(letters);
    return DECODE_OK;
}

/* A page 't' is a scan with one word of text, 'f' has one word and no picture. */
static enum decode_status scripted_words(void *doc, int page, struct word_sink *sink)
{
    char what = ((const char *)doc)[page];
    struct word_record over_all_ink = {.left = 0, .top = 15, .right = 72, .bottom = 25};
    struct word_record in_a_corner = {.left = 0, .top = 60, .right = 10, .bottom = 70};
    drawn = 0;
    asked++;
    sink->header.width_pt = sink->header.height_pt = 72;
    sink->header.chars = 4;
    sink->header.image_share = what == 't';
    if (what == 't') memset(sink->header.pictures, 0xFF, sizeof sink->header.pictures);
    if (what == 't') word_sink_add(sink, in_a_corner, "text", NULL);
    if (what == 'f') word_sink_add(sink, over_all_ink, "text", NULL);
    return DECODE_OK;
}

static enum decode_status scripted_pixels(void *doc, int page, int dpi, struct pixel_sink *sink)
{
    act(((const char *)doc)[page]);
    if (((const char *)doc)[page] == 'f' && dpi > 72) return DECODE_DAMAGED;
    if (((const char *)doc)[page] == 'm' && asked > 1) return DECODE_PAGE_TOO_LARGE; /* the pages before left too little memory */
    drawn++;
    enum decode_status status = pixel_sink_begin(sink, 200, 200, 72, 72);
    if (status != DECODE_OK) return status;
    memset(sink->grey, 255, 200 * 200);
    for (int x = 20; x < 180; x += 16) /* letters: it is not blank */
        for (int y = 50; y < 57; y++) memset(sink->grey + y * 200 + x, 0, 8);
    sink->grey[200 * 200 - 1] = drawn;
    sink->grey[200 * 200 - 2] = opened;
    if (((const char *)doc)[page] == 'l') sink->header->width = 100000;      /* lies about its size */
    return DECODE_OK;
}

static const struct decode_format scripted = {.name = "scripted",
                                              .is = scripted_is,
                                              .open = scripted_open,
                                              .words = scripted_words,
                                              .pixels = scripted_pixels,
                                              .close = free};

/* ---- the service's side --------------------------------------------------------------------------- */

static const struct limits limits = {.child_bytes = (int64_t)192 << 20,
                                     .max_pixels = 1000000,
                                     .max_pages = 200,
                                     .cpu_seconds = 1,
                                     .wall_ms = 30000}; /* a machine that is busy with other tests, too */

static int64_t soon(void)
{
    return clock_ms() + 60000;
}

static int document(const char *pages)
{
    int fd = memfd_create("document", MFD_CLOEXEC);
    assert_true(dprintf(fd, MARK "%s", pages) > 0);
    return fd;
}

/* The picture of the only page; afterwards a healthy document is read by whatever child there is then. */
static struct err picture_of_page(const char *pages, const struct limits *with)
{
    struct decode_document doc;
    struct decode_pixels p = {0};
    struct err err = {0};
    decoder_t *d = decoder_new(with, NULL);
    int sick = document(pages), well = document(".");
    if (decoder_open(d, sick, soon(), &doc, &err) == 0) {
        assert_int_equal(decoder_pixels(d, 0, 200, soon(), &p, &err), -1);
        decode_pixels_done(&p);
    }
    assert_int_equal(decoder_open(d, well, soon(), &doc, NULL), 0);
    assert_int_equal(decoder_pixels(d, 0, 200, soon(), &p, NULL), 0);
    decode_pixels_done(&p);
    decoder_destroy(&d);
    close(sick);
    close(well);
    return err;
}

static void assert_ends_as(const char *pages, enum err_kind kind, const char *code)
{
    struct err err = picture_of_page(pages, &limits);
    assert_int_equal(err.kind, kind);
    assert_string_equal(err.code, code);
}

static void test_page_that_hangs_is_ended_at_its_wall_limit(void **state)
{
    (void)state;
    struct limits quick = limits;
    quick.wall_ms = 1000;
    int64_t began = clock_ms();
    struct err err = picture_of_page("h", &quick);
    assert_int_equal(err.kind, ERR_TIMEOUT);
    assert_string_equal(err.code, "timeout");
    assert_true(clock_ms() - began >= quick.wall_ms);
}

static void test_page_that_spins_is_ended_by_its_processor_time_for_good(void **state)
{
    (void)state;
    assert_ends_as("s", ERR_LIMIT, "timeout");
}

static void test_page_that_grows_is_ended_within_the_childs_memory(void **state)
{
    (void)state;
#ifdef __SANITIZE_ADDRESS__
    skip(); /* there is no limit */
#endif
    struct rusage used;
    assert_ends_as("g", ERR_LIMIT, "page_too_large");
    assert_int_equal(getrusage(RUSAGE_CHILDREN, &used), 0);
    assert_true((int64_t)used.ru_maxrss * 1024 <= limits.child_bytes);
    assert_true((int64_t)used.ru_maxrss * 1024 > limits_data_bytes(&limits) / 2);
}

static void test_page_that_crashes_ends_quietly_or_writes_without_end_fails_alone(void **state)
{
    (void)state;
    assert_ends_as("c", ERR_INPUT, "damaged");
    assert_ends_as("e", ERR_INPUT, "damaged");
    assert_ends_as("w", ERR_LIMIT, "page_too_large");
}

static void test_child_that_lies_about_a_picture_is_not_believed(void **state)
{
    (void)state;
    assert_ends_as("l", ERR_INPUT, "damaged");
}

static void test_document_that_does_so_when_it_is_opened_ends_the_same(void **state)
{
    (void)state;
    assert_ends_as("Os", ERR_LIMIT, "timeout");
    assert_ends_as("Oc", ERR_INPUT, "damaged");
}

/* ---- the pages of one document -------------------------------------------------------------------- */

static int drawings, openings; /* of the page that was recognised last, and by its child until then */

static int one_word(void *engine, const struct ocr_image *image, const struct ocr_wait *wait, struct page *page,
                    struct err *err)
{
    (void)engine, (void)wait;
    drawings = image->grey[image->stride * (size_t)image->height - 1];
    openings = image->grey[image->stride * (size_t)image->height - 2];
    return page_add_word(page, "read", NULL, &(struct page_box){1000, 1000, 2000, 1200}, 0.9, WORD_RECOGNISED, err);
}

static int open_nothing(const struct settings *settings, void *common, void **engine, struct err *err)
{
    (void)settings, (void)common, (void)err;
    *engine = NULL;
    return 0;
}

static void close_nothing(void *engine)
{
    (void)engine;
}

static const struct ocr_provider provider = {
    .name = "one-word", .open = open_nothing, .recognise = one_word, .close = close_nothing};
static const struct settings settings = {
    .max_megapixels = 40, .max_pages = 200, .ocr_child_bytes = (int64_t)512 << 20, .ocr_dpi = 200};
static const struct ocr ocr = {.settings = &settings, .provider = &provider};

/* The only page of a document; the caller's. */
static void read_alone(const char *pages, struct page *page)
{
    struct ocr_wait wait = {.deadline_ms = soon()};
    reader_t *r = reader_new(&ocr, true, NULL);
    int fd = document(pages);
    page_init(page, 1);
    assert_int_equal(reader_page(r, fd, 0, &wait, page, NULL), 0);
    assert_string_equal(page->failed, "");
    close(fd);
    reader_destroy(&r);
}

static void test_scan_under_a_doubtful_text_is_drawn_once_for_the_look_and_to_be_read(void **state)
{
    struct page page;
    (void)state;
    read_alone("t", &page);
    assert_int_equal(page.source, PAGE_OCR);
    assert_int_equal(drawings, 1);
    page_done(&page);
}

static void test_page_of_text_is_drawn_no_larger_than_a_look_needs(void **state)
{
    struct page page;
    (void)state;
    read_alone("f", &page);
    assert_int_equal(page.source, PAGE_TEXT);
    page_done(&page);
}

/* Reads a page that is in order, and says how many documents its child had opened then. */
static int openings_after(reader_t *r, int fd, int index)
{
    struct ocr_wait wait = {.deadline_ms = soon()};
    struct page page;
    page_init(&page, index + 1);
    assert_int_equal(reader_page(r, fd, index, &wait, &page, NULL), 0);
    assert_string_equal(page.failed, "");
    assert_int_equal(page.n_words, 1);
    page_done(&page);
    return openings;
}

static void test_document_is_opened_once_for_pages_that_follow_each_other(void **state)
{
    (void)state;
    reader_t *r = reader_new(&ocr, true, NULL);
    int fd = document("..."), same = fcntl(fd, F_DUPFD_CLOEXEC, 0), other = document("...");
    assert_int_equal(openings_after(r, fd, 0), 1);
    assert_int_equal(openings_after(r, fd, 1), 1);
    assert_int_equal(openings_after(r, same, 2), 1);
    assert_int_equal(openings_after(r, other, 2), 2);
    assert_int_equal(openings_after(r, fd, 2), 3); /* one at a time is kept */
    close(fd);
    close(same);
    close(other);
    reader_destroy(&r);
}

static void test_page_that_fails_by_what_the_pages_before_it_left_is_read_from_the_document_opened_anew(void **state)
{
    (void)state;
    reader_t *r = reader_new(&ocr, true, NULL);
    int fd = document("..m.");
    assert_int_equal(openings_after(r, fd, 0), 1);
    assert_int_equal(openings_after(r, fd, 1), 1);
    assert_int_equal(openings_after(r, fd, 2), 2);
    assert_int_equal(openings_after(r, fd, 3), 2);
    close(fd);
    reader_destroy(&r);
}

static void test_pages_that_fail_leave_the_others_alive(void **state)
{
    (void)state;
    static const char pages[] = ".c.gel.";
    static const char *const failed[] = {"", "damaged", "", "page_too_large", "damaged", "damaged", ""};
    struct ocr_wait wait = {.deadline_ms = soon()};
    reader_t *r = reader_new(&ocr, true, NULL);
    int fd = document(pages);
    for (int i = 0; pages[i]; i++) {
        struct page page;
#ifdef __SANITIZE_ADDRESS__
        if (pages[i] == 'g') continue;
#endif
        page_init(&page, i + 1);
        assert_int_equal(reader_page(r, fd, i, &wait, &page, NULL), 0);
        assert_string_equal(page.failed, failed[i]);
        assert_int_equal(page.n_words, failed[i][0] ? 0 : 1);
        page_done(&page);
    }
    close(fd);
    reader_destroy(&r);
}

/* The pid of our only child. */
static pid_t child_pid(void)
{
    int pid = 0;
    FILE *f = fopen("/proc/thread-self/children", "r");
    if (!f) skip();
    assert_int_equal(fscanf(f, "%d", &pid), 1);
    fclose(f);
    return pid;
}

static void test_child_that_died_while_it_was_idle_is_replaced_and_no_document_blamed(void **state)
{
    (void)state;
    struct decode_document doc;
    siginfo_t ended;
    decoder_t *d = decoder_new(&limits, NULL);
    int fd = document(".");
    pid_t first = child_pid();
    kill(first, SIGSEGV);
    assert_int_equal(waitid(P_PID, (id_t)first, &ended, WEXITED | WNOWAIT), 0);
    assert_int_equal(decoder_open(d, fd, soon(), &doc, NULL), 0);
    assert_int_not_equal(child_pid(), first);
    decoder_destroy(&d);
    close(fd);
}

static void test_child_is_used_again_and_replaced_in_time(void **state)
{
    (void)state;
    struct decode_document doc;
    decoder_t *d = decoder_new(&limits, NULL);
    int fd = document(".");
    pid_t first = child_pid();
    for (int i = 0; i < DECODE_OPENINGS_PER_CHILD; i++) {
        assert_int_equal(decoder_open(d, fd, soon(), &doc, NULL), 0);
        assert_int_equal(child_pid(), first);
    }
    assert_int_equal(decoder_open(d, fd, soon(), &doc, NULL), 0);
    assert_int_not_equal(child_pid(), first);
    decoder_destroy(&d);
    close(fd);
}

int main(int argc, char **argv)
{
    static const struct decode_format *const formats[] = {&scripted, NULL};
    if (argc == 2 && strcmp(argv[1], DECODE_CHILD) == 0) return decode_child_serve(formats);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_page_that_hangs_is_ended_at_its_wall_limit),
        cmocka_unit_test(test_page_that_spins_is_ended_by_its_processor_time_for_good),
        cmocka_unit_test(test_page_that_grows_is_ended_within_the_childs_memory),
        cmocka_unit_test(test_page_that_crashes_ends_quietly_or_writes_without_end_fails_alone),
        cmocka_unit_test(test_child_that_lies_about_a_picture_is_not_believed),
        cmocka_unit_test(test_document_that_does_so_when_it_is_opened_ends_the_same),
        cmocka_unit_test(test_scan_under_a_doubtful_text_is_drawn_once_for_the_look_and_to_be_read),
        cmocka_unit_test(test_page_of_text_is_drawn_no_larger_than_a_look_needs),
        cmocka_unit_test(test_document_is_opened_once_for_pages_that_follow_each_other),
        cmocka_unit_test(test_page_that_fails_by_what_the_pages_before_it_left_is_read_from_the_document_opened_anew),
        cmocka_unit_test(test_pages_that_fail_leave_the_others_alive),
        cmocka_unit_test(test_child_that_died_while_it_was_idle_is_replaced_and_no_document_blamed),
        cmocka_unit_test(test_child_is_used_again_and_replaced_in_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
