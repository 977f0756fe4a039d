/* null: every document is one page that says "null page". The smallest provider, the engine's tests, and the
 * benchmarks' zero. */
#include "lib/auto.h"
#include "ocr-svc/ocr.h"

static int null_open(const struct settings *settings, void *common, void **engine, struct err *err)
{
    (void)settings, (void)common, (void)err;
    *engine = NULL;
    return 0;
}

static int null_recognise(void *engine, const struct ocr_image *image, const struct ocr_wait *wait,
                          struct page *page, struct err *err)
{
    static const struct {
        const char *text;
        struct page_box box;
    } words[] = {{"null", {1000, 1000, 1800, 1200}}, {"page", {1900, 1000, 2700, 1200}}};
    (void)engine, (void)image, (void)wait;
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
