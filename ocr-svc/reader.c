/* How a page is read is decided page by page:
 *
 *   form fields   their values are in the document itself, drawn or not, and are taken, but for those that are hidden
 *   text layer    taken where it is what a reader sees (text_layer.h); pictures that lie on such a page, and what somebody
 *                 wrote on it, are recognised (mixed.h); not drawn where it answers all that the form asks (answered.h)
 *   otherwise     the page is drawn, and recognised unless it is blank
 */
#include "ocr-svc/reader.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "ocr-svc/answered.h"
#include "ocr-svc/fields.h"
#include "ocr-svc/ink.h"
#include "ocr-svc/mixed.h"
#include "ocr-svc/office.h"
#include "ocr-svc/text_layer.h"

/* Less ink than this is dust: a line of ten letters on a page of letter size has three times as much. */
#define BLANK_INK 0.0003

struct reader {
    decoder_t *decoder;
    const struct office *office;
    const struct ocr_provider *provider;
    const vocabulary_t *vocabulary;
    void *engine;
    int dpi;
};

reader_t *reader_new(const struct ocr *ocr, bool with_engine, struct err *err)
{
    reader_t *r = calloc(1, sizeof *r);
    if (!r) {
        err_set(err, ERR_NOMEM, "out of memory");
        return NULL;
    }
    struct limits limits;
    limits_from_settings(&limits, ocr->settings);
    r->dpi = (int)ocr->settings->ocr_dpi;
    r->provider = ocr->provider;
    r->office = ocr->office;
    r->vocabulary = ocr->vocabulary;
    if (!r->provider->without_document && !(r->decoder = decoder_new(&limits, err))) goto failed;
    if (with_engine && r->provider->open(ocr->settings, ocr->common, &r->engine, err) != 0) goto failed;
    return r;
failed:
    reader_destroy(&r);
    return NULL;
}

void reader_destroy(reader_t **r)
{
    if (!*r) return;
    if ((*r)->engine) (*r)->provider->close((*r)->engine);
    decoder_destroy(&(*r)->decoder);
    free(*r);
    *r = NULL;
}

bool reader_needs_document(const reader_t *r)
{
    return !r->provider->without_document;
}

int reader_inspect(reader_t *r, int fd, const struct ocr_wait *wait, struct decode_document *out,
                   struct err *err)
{
    if (reader_needs_document(r)) return decoder_open(r->decoder, fd, wait->deadline_ms, out, err);
    *out = (struct decode_document){.kind = DECODE_PDF, .pages = 1};
    return 0;
}

int reader_as_pdf(reader_t *r, int fd, const struct ocr_wait *wait, int *pdf, struct err *err)
{
    static const struct office none;
    if (reader_needs_document(r)) return office_to_pdf(r->office ? r->office : &none, fd, wait, pdf, err);
    *pdf = -1;
    return 0;
}

void reader_page_failed(struct page *page, const char *code)
{
    page_drop_all(page);
    page->source = PAGE_NONE;
    snprintf(page->failed, sizeof page->failed, "%s", code);
}

static int check_wanted(const struct ocr_wait *wait, struct err *err)
{
    if (wait->cancelled && wait->cancelled(wait->of))
        return err_set(err, ERR_CANCELLED, "not wanted any more");
    return 0;
}

/* ---- one page ------------------------------------------------------------------------------------ */

static int add_text_layer(struct page *page, const struct decode_words *w, struct err *err)
{
    for (uint32_t i = 0; i < w->head->n; i++) {
        const struct word_record *r = &w->words[i];
        struct page_box box = fields_box(page, r);
        if (r->is_field || r->is_note) continue;
        if (page_add_word(page, w->texts + r->text, NULL, &box, 1.0, WORD_TEXT_LAYER, err) != 0) return -1;
    }
    return 0;
}

/* What was typed into the page's fields and, where it was not recognised with the page, over it.  It stands where the document
 * says, and turns with the page. */
static int add_typed(struct page *page, const struct decode_words *w, bool notes, struct err *err)
{
    for (uint32_t i = 0; i < w->head->n; i++) {
        const struct word_record r = fields_turned(&w->words[i], page->rotation, w->head->width_pt, w->head->height_pt);
        const char *text = w->texts + r.text;
        if (r.is_field && fields_add(page, &r, text, w->texts + r.field, err) != 0) return -1;
        if (r.is_note && notes && fields_add_note(page, &r, text, err) != 0) return -1;
    }
    return 0;
}

static void note_picture(struct page *page, const struct pixels_header *h)
{
    page->width = h->width_pt;
    page->height = h->height_pt;
    page->dpi = (int)h->dpi;
    page->pixel_width = (int)h->width;
    page->pixel_height = (int)h->height;
}

/* The page's picture to read, unless it has been drawn. */
static int draw(reader_t *r, int index, const struct ocr_wait *wait, struct decode_pixels *picture, struct err *err)
{
    return picture->map ? 0 : decoder_pixels(r->decoder, index, r->dpi, wait->deadline_ms, picture, err);
}

/* `pen`: somebody wrote on the page, anywhere. */
static int recognise_beside(reader_t *r, const struct ocr_wait *wait, const struct decode_words *w, const struct decode_pixels *picture,
                            bool pen, struct page *page, struct err *err)
{
    note_picture(page, picture->head);
    return (pen ? mixed_recognise_page : mixed_recognise)(r->provider, r->engine, w, picture, wait, page, err);
}

static int recognise(reader_t *r, const struct ocr_wait *wait, const struct decode_pixels *picture, struct page *page, struct err *err)
{
    const struct pixels_header *h = picture->head;
    struct ocr_image image = {.grey = picture->grey,
                              .width = (int)h->width,
                              .height = (int)h->height,
                              .stride = h->stride,
                              .dpi = (int)h->dpi};
    struct ink_map ink;
    int result = ink_map_init(&ink, image.grey, image.width, image.height, image.stride);
    if (result == 0) {
        page->ink = ink_share(&ink);
        ink_map_done(&ink);
        note_picture(page, h);
        if (page->ink >= BLANK_INK) result = r->provider->recognise(r->engine, &image, wait, page, err);
    } else {
        err_set(err, ERR_NOMEM, "out of memory for a page's ink");
    }
    return result;
}

static void judge(const struct decode_words *w, const struct decode_pixels *picture, const struct page *page, enum text_layer *layer, bool *pen)
{
    bool doubtful = *layer == TEXT_LAYER_DOUBTFUL;
    if (doubtful) *layer = text_layer_look(w, picture);
    *pen = w->head->has_markings || text_layer_lacks(w, picture, page, doubtful && *layer == TEXT_LAYER_REAL);
}

/* Looks at a page that has the layer's words. Where it is likely to be read after that it is drawn for both at once, into *picture: a scan's
 * picture is unpacked each time that it is drawn. */
static int look(reader_t *r, int index, const struct ocr_wait *wait, const struct decode_words *w, const struct page *page,
                struct decode_pixels *picture, enum text_layer *layer, bool *pen, struct err *err)
{
    if (text_layer_likely_read(w, *layer)) {
        if (draw(r, index, wait, picture, err) != 0) return -1;
        judge(w, picture, page, layer, pen);
        return 0;
    }
    struct decode_pixels small = {0};
    if (decoder_pixels(r->decoder, index, TEXT_LAYER_DPI, wait->deadline_ms, &small, err) != 0) return -1;
    judge(w, &small, page, layer, pen);
    decode_pixels_done(&small);
    return 0;
}

/* The text is what is seen, and answers all that is asked: nothing has to be drawn. */
static bool may_lack(const reader_t *r, enum text_layer layer, const struct decode_words *w)
{
    return layer == TEXT_LAYER_DOUBTFUL || !r->vocabulary || !answered_by_text(r->vocabulary, w);
}

static int read_layer(reader_t *r, int index, const struct ocr_wait *wait, const struct decode_words *w, struct decode_pixels *picture,
                      bool pictures, bool pen, struct page *page, struct err *err)
{
    bool drawn = pictures || pen;
    int result = drawn ? draw(r, index, wait, picture, err) : 0;
    if (drawn && result == 0) result = recognise_beside(r, wait, w, picture, pen, page, err);
    for (size_t i = 0; i < page->n_words; i++) page->words[i].box = page_box_turned(page->words[i].box, (int)w->head->turn);
    page_turn(page, (int)w->head->turn);
    return result;
}

/* Text layer, recognition, or both.  *layer: what the text layer was found to be.  *picture: what was drawn to be read, if it was. */
static int read_base(reader_t *r, int index, const struct ocr_wait *wait, const struct decode_words *w, struct decode_pixels *picture,
                     struct page *page, enum text_layer *layer, struct err *err)
{
    struct err why = {0};
    bool pen = false;
    *layer = text_layer_judge(w);
    if (*layer != TEXT_LAYER_NONE) {
        if (add_text_layer(page, w, err) != 0) return -1;
        /* A page of text that cannot be drawn is still a page of text. */
        if (may_lack(r, *layer, w) && look(r, index, wait, w, page, picture, layer, &pen, &why) != 0 && *layer != TEXT_LAYER_REAL) {
            if (err) *err = why;
            return -1;
        }
    }
    if (check_wanted(wait, err) != 0) return -1;
    if (*layer != TEXT_LAYER_NONE) return read_layer(r, index, wait, w, picture, *layer == TEXT_LAYER_BESIDE, pen, page, err);
    page_drop_all(page);
    return draw(r, index, wait, picture, err) != 0 ? -1 : recognise(r, wait, picture, page, err);
}

static enum page_source source_of(const struct page *page)
{
    bool fields = false, text = false, recognised = false;
    for (size_t i = 0; i < page->n_words; i++) {
        fields |= page->words[i].source == WORD_FIELD;
        text |= page->words[i].source == WORD_TEXT_LAYER;
        recognised |= page->words[i].source == WORD_RECOGNISED;
    }
    if (fields + text + recognised > 1) return PAGE_MIXED;
    return fields ? PAGE_FIELDS : text ? PAGE_TEXT : recognised ? PAGE_OCR : PAGE_NONE;
}

static int read_once(reader_t *r, int fd, int index, const struct ocr_wait *wait, struct page *page,
                     struct err *err)
{
    struct decode_document document;
    struct decode_words w = {0};
    struct decode_pixels picture = {0};
    if (decoder_open(r->decoder, fd, wait->deadline_ms, &document, err) != 0) return -1;
    if (check_wanted(wait, err) != 0) return -1;
    if (decoder_words(r->decoder, index, wait->deadline_ms, &w, err) != 0) return -1;
    page->width = w.head->width_pt;
    page->height = w.head->height_pt;
    enum text_layer layer;
    int result = read_base(r, index, wait, &w, &picture, page, &layer, err);
    if (result == 0) result = add_typed(page, &w, layer != TEXT_LAYER_NONE, err);
    decode_pixels_done(&picture);
    decode_words_done(&w);
    return result;
}

/* No page fails, or goes without a look, by what the pages before it left of memory. */
static int read_page(reader_t *r, int fd, int index, const struct ocr_wait *wait, struct page *page, struct err *err)
{
    int result = read_once(r, fd, index, wait, page, err);
    if (!decoder_failed_kept(r->decoder)) return result;
    page_drop_all(page);
    *err = (struct err){0};
    return read_once(r, fd, index, wait, page, err);
}

int reader_page(reader_t *r, int fd, int index, const struct ocr_wait *wait, struct page *page,
                struct err *err)
{
    struct err why = {0};
    int result = reader_needs_document(r) ? read_page(r, fd, index, wait, page, &why)
                                          : r->provider->recognise(r->engine, NULL, wait, page, &why);
    if (result == 0) {
        page->source = source_of(page);
        return page_set_reading_order(page, err);
    }
    if (why.kind == ERR_INPUT || why.kind == ERR_LIMIT) {
        reader_page_failed(page, why.code[0] ? why.code : "damaged");
        return 0;
    }
    if (err) *err = why;
    return -1;
}
