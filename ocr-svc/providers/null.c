/* null: every document is one page that says "null page". The smallest provider, the engine's tests, and the
 * benchmarks' zero.  With SHEAF_NULL_OCR_DELAY it takes its time over each page, as a real engine does. */
#include <time.h>
#include "lib/auto.h"
#include "lib/clock.h"
#include "ocr-svc/ocr.h"

static int null_open(const struct settings *settings, void *common, void **engine, struct err *err)
{
    (void)common, (void)err;
    *engine = (void *)settings; /* which outlive every engine */
    return 0;
}

/* Works for so long, unless nobody wants the answer any more. */
static int take_time(int64_t ms, const struct ocr_wait *wait, struct err *err)
{
    int64_t until_ms = clock_ms() + ms;
    for (int64_t now_ms; (now_ms = clock_ms()) < until_ms;) {
        if (wait->cancelled && wait->cancelled(wait->of)) return err_set(err, ERR_CANCELLED, "not wanted any more");
        if (now_ms >= wait->deadline_ms) return err_set(err, ERR_TIMEOUT, "the page's time was up");
        int64_t step_ms = until_ms - now_ms < 20 ? until_ms - now_ms : 20;
        nanosleep(&(struct timespec){.tv_nsec = (long)step_ms * 1000000}, NULL);
    }
    return 0;
}

static int null_recognise(void *engine, const struct ocr_image *image, const struct ocr_wait *wait,
                          struct page *page, struct err *err)
{
    static const struct {
        const char *text;
        struct page_box box;
    } words[] = {{"null", {1000, 1000, 1800, 1200}}, {"page", {1900, 1000, 2700, 1200}}};
    const struct settings *settings = engine;
    (void)image;
    if (take_time(settings->null_ocr_delay_ms, wait, err)) return -1;
    page->width = 612;
    page->height = 792;
    for (size_t i = 0; i < COUNT_OF(words); i++)
        if (page_add_word(page, words[i].text, NULL, &words[i].box, 1.0, WORD_RECOGNISED, err) != 0)
            return -1;
    return 0;
}

static void null_close(void *engine)
{
    (void)engine;
}

const struct ocr_provider ocr_null = {
    .name = "null",
    .without_document = true,
    .open = null_open,
    .recognise = null_recognise,
    .close = null_close,
};
