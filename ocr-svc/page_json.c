/* A page as proto/STAGES.md writes it. Written straight into the buffer: a page of 1,000 words as a tree of
 * JSON values would take ten times the memory. */
#include <math.h>
#include <stdbool.h>
#include "ocr-svc/page.h"

static void write_text(const struct page *page, struct buf *out)
{
    struct buf text = BUF_INIT;
    for (size_t i = 0; i < page->n_words; i++) {
        if (i > 0) buf_putc(&text, page->words[i].line != page->words[i - 1].line ? '\n' : ' ');
        buf_puts(&text, page_word_text(page, &page->words[i]));
    }
    buf_json_string(out, text.data ? text.data : "");
    if (text.bad) out->bad = true;
    buf_done(&text);
}

static void write_word(const struct page *page, const struct page_word *w, struct buf *out)
{
    buf_puts(out, "{\"t\":");
    buf_json_string(out, page_word_text(page, w));
    buf_printf(out, ",\"b\":[%d,%d,%d,%d],\"c\":%.2f,\"l\":%d,\"k\":%d,\"s\":\"%c\"", w->box.left, w->box.top,
               w->box.right, w->box.bottom, (double)w->confidence, w->line, w->block, (char)w->source);
    if (page_word_field(page, w)) {
        buf_puts(out, ",\"f\":");
        buf_json_string(out, page_word_field(page, w));
    }
    buf_putc(out, '}');
}

int page_write_json(const struct page *page, struct buf *out, struct err *err)
{
    buf_printf(
        out, "{\"page\":%d,\"width\":%.1f,\"height\":%.1f,\"source\":\"%s\",\"rotation\":%d,\"ink\":%.4f",
        page->number, page->width, page->height, page_source_name(page->source), page->rotation, page->ink);
    if (page->slant != 0) buf_printf(out, ",\"slant\":%.2f", page->slant * 180 / M_PI);
    buf_puts(out, ",\"failed\":");
    if (page->failed[0])
        buf_json_string(out, page->failed);
    else
        buf_puts(out, "null");
    buf_printf(out, ",\"conf\":%.2f", page_confidence(page));
    if (page->lang) {
        buf_puts(out, ",\"lang\":");
        buf_json_string(out, page->lang);
    }
    if (page->dpi > 0)
        buf_printf(out, ",\"image\":{\"dpi\":%d,\"width\":%d,\"height\":%d}", page->dpi, page->pixel_width,
                   page->pixel_height);
    buf_puts(out, ",\"words\":[");
    for (size_t i = 0; i < page->n_words; i++) {
        if (i > 0) buf_putc(out, ',');
        write_word(page, &page->words[i], out);
    }
    buf_puts(out, "],\"text\":");
    write_text(page, out);
    buf_putc(out, '}');
    if (out->bad) return err_set(err, ERR_NOMEM, "out of memory for a page's JSON");
    return 0;
}
