/* PDF documents, by poppler. The only file that includes it; runs in the decoding child alone. */
#define _GNU_SOURCE /* memmem */
#include <cairo.h>
#include <errno.h>
#include <math.h>
#include <poppler.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "lib/auto.h"
#include "ocr-svc/decode_format.h"
#include "ocr-svc/page.h"

#define TRIES 3   /* at drawing a page */
#define FEWER 0.7 /* dots an inch each time: half the pixels */

/* A page with a long side beyond these, in inches, is no sheet of paper: many programs give a scan or a photograph a page of
 * a point a pixel.  It is drawn, and counts, as a letter page. */
#define SHORTEST_PAGE 2.5
#define LONGEST_PAGE  17.5
#define LETTER_PAGE   11

#define TURNED 0.8 /* of a page's steps from letter to letter */

struct pdf {
    PopplerDocument *document;
    struct limits limits;
};

static bool pdf_is(const uint8_t *head, size_t len)
{
    return memmem(head, len, "%PDF-", 5) != NULL;
}

static enum decode_status pdf_open(int fd, const struct limits *limits, void **doc, enum decode_kind *kind,
                                   int *pages)
{
    GError *error = NULL;
    struct pdf *p = calloc(1, sizeof *p);
    if (!p) {
        close(fd);
        return DECODE_NO_MEMORY;
    }
    p->limits = *limits;
    p->document = poppler_document_new_from_fd(fd, NULL, &error); /* closes fd in any case */
    if (!p->document) {
        enum decode_status status = g_error_matches(error, POPPLER_ERROR, POPPLER_ERROR_ENCRYPTED)
                                        ? DECODE_ENCRYPTED
                                        : DECODE_DAMAGED;
        g_clear_error(&error);
        free(p);
        return status;
    }
    *doc = p;
    *kind = DECODE_PDF;
    *pages = poppler_document_get_n_pages(p->document);
    return DECODE_OK;
}

static void pdf_close(void *doc)
{
    struct pdf *p = doc;
    if (p->document) g_object_unref(p->document);
    free(p);
}

/* ---- text layer ---------------------------------------------------------------------------------- */

/* Characters that no reader meant: what a font without a sound map to Unicode leaves. */
static bool char_is_bad(gunichar c)
{
    return c == 0xFFFD || c < 0x20 || (c >= 0x7F && c < 0xA0) || (c >= 0xE000 && c <= 0xF8FF) || c >= 0xF0000;
}

/* Poppler puts these around words that run from right to left. They are no letters of the page. */
static bool is_direction(gunichar c)
{
    return c >= 0x202A && c <= 0x202E;
}

/* A ligature is a way to print letters, not another letter: "ﬁ" is searched and compared as "fi". */
static const char *ligature(gunichar c)
{
    static const char *const letters[] = {"ff", "fi", "fl", "ffi", "ffl", "st", "st"};
    return c >= 0xFB00 && c <= 0xFB06 ? letters[c - 0xFB00] : NULL;
}

/* Poppler writes two pieces of a row that stand far apart without a space when each is its own piece of text.
 */
static bool stands_apart(const PopplerRectangle *before, const PopplerRectangle *r)
{
    double dx = fmax(fmin(r->x1, r->x2) - fmax(before->x1, before->x2),
                     fmin(before->x1, before->x2) - fmax(r->x1, r->x2));
    double dy = fmax(fmin(r->y1, r->y2) - fmax(before->y1, before->y2),
                     fmin(before->y1, before->y2) - fmax(r->y1, r->y2));
    double size = fmax(fabs(before->y2 - before->y1), fabs(before->x2 - before->x1));
    return fmax(dx, dy) > 0.5 * size;
}

static void word_box_grow(struct word_record *w, const PopplerRectangle *r, bool first)
{
    float left = (float)fmin(r->x1, r->x2), right = (float)fmax(r->x1, r->x2);
    float top = (float)fmin(r->y1, r->y2), bottom = (float)fmax(r->y1, r->y2);
    if (first) {
        *w = (struct word_record){.left = left, .top = top, .right = right, .bottom = bottom};
        return;
    }
    w->left = fminf(w->left, left);
    w->top = fminf(w->top, top);
    w->right = fmaxf(w->right, right);
    w->bottom = fmaxf(w->bottom, bottom);
}

static void word_flush(struct word_sink *sink, GString *letters, const struct word_record *w)
{
    const struct words_header *h = &sink->header;
    bool on_page = w->right > 0 && w->bottom > 0 && w->left < h->width_pt && w->top < h->height_pt;
    if (letters->len && on_page && sink->header.n < PAGE_MAX_WORDS) {
        char *composed = g_utf8_normalize(letters->str, -1, G_NORMALIZE_NFC);
        word_sink_add(sink, *w, composed ? composed : letters->str, NULL);
        g_free(composed);
    }
    g_string_truncate(letters, 0);
}

/* Where the text of a page runs to, counted by steps from letter to letter within words. */
struct course {
    int right, down, left, up;
};

static void follow(struct course *c, const PopplerRectangle *before, const PopplerRectangle *r)
{
    double dx = r->x1 + r->x2 - before->x1 - before->x2, dy = r->y1 + r->y2 - before->y1 - before->y2;
    if (fabs(dx) >= fabs(dy))
        *(dx > 0 ? &c->right : &c->left) += dx != 0;
    else
        *(dy > 0 ? &c->down : &c->up) += 1;
}

/* A page that was printed or scanned on its side, and is shown so, has no /Rotate: only its letters tell. */
static uint32_t turn_of(const struct course *c)
{
    double enough = TURNED * (c->right + c->down + c->left + c->up);
    return c->up > enough ? 90 : c->left > enough ? 180 : c->down > enough ? 270 : 0;
}

static void read_text(PopplerPage *page, struct word_sink *sink)
{
    struct course course = {0};
    PopplerRectangle *boxes = NULL;
    guint n_boxes = 0, i = 0;
    char *text = poppler_page_get_text(page);
    if (text && poppler_page_get_text_layout(page, &boxes, &n_boxes)) {
        GString *letters = g_string_new(NULL);
        struct word_record w = {0};
        for (const char *at = text; *at && i < n_boxes; at = g_utf8_next_char(at), i++) {
            gunichar c = g_utf8_get_char(at);
            if (is_direction(c)) { /* has no box */
                i--;
                continue;
            }
            if (g_unichar_isspace(c)) {
                word_flush(sink, letters, &w);
                continue;
            }
            if (letters->len && stands_apart(&boxes[i - 1], &boxes[i])) word_flush(sink, letters, &w);
            sink->header.chars++;
            if (char_is_bad(c)) {
                sink->header.bad_chars++;
                c = 0xFFFD;
            }
            if (letters->len) follow(&course, &boxes[i - 1], &boxes[i]);
            word_box_grow(&w, &boxes[i], letters->len == 0);
            const char *several = ligature(c);
            if (several)
                g_string_append(letters, several);
            else
                g_string_append_unichar(letters, c);
        }
        word_flush(sink, letters, &w);
        g_string_free(letters, TRUE);
    }
    sink->header.turn = turn_of(&course);
    g_free(boxes);
    g_free(text);
}

/* ---- form fields --------------------------------------------------------------------------------- */

/* A rectangle of the page's own coordinates (origin bottom left, before /Rotate) as it stands on the upright
 * page (origin top left). w, h: of the upright page. */
static struct word_record placed(const PopplerRectangle *r, int degrees, double w, double h)
{
    double l = r->x1, b = r->y1, rt = r->x2, t = r->y2;
    struct word_record out = {0};
    switch (degrees) {
    case 90:
        out = (struct word_record){.left = (float)b, .right = (float)t, .top = (float)l, .bottom = (float)rt};
        break;
    case 180:
        out = (struct word_record){
            .left = (float)(w - rt), .right = (float)(w - l), .top = (float)b, .bottom = (float)t};
        break;
    case 270:
        out = (struct word_record){.left = (float)(w - t),
                                   .right = (float)(w - b),
                                   .top = (float)(h - rt),
                                   .bottom = (float)(h - l)};
        break;
    default:
        out = (struct word_record){
            .left = (float)l, .right = (float)rt, .top = (float)(h - t), .bottom = (float)(h - b)};
    }
    return out;
}

/* The annotation that stands at this place, or NULL. */
static PopplerAnnot *annotation_at(const struct word_record *w, GList *annotations, double height)
{
    for (GList *l = annotations; l; l = l->next) {
        const PopplerAnnotMapping *m = l->data;
        const PopplerRectangle *r = &m->area;
        if (fabs(r->x1 - w->left) < 1 && fabs(r->x2 - w->right) < 1 && fabs(height - r->y2 - w->top) < 1 &&
            fabs(height - r->y1 - w->bottom) < 1)
            return m->annot;
    }
    return NULL;
}

static bool is_hidden(PopplerAnnot *annot)
{
    return poppler_annot_get_flags(annot) & (POPPLER_ANNOT_FLAG_HIDDEN | POPPLER_ANNOT_FLAG_NO_VIEW);
}

/* poppler-glib gives the places of annotations with /Rotate applied, those of form fields without, and does
 * not say what /Rotate is.  A field is also an annotation: the turn that makes both agree is the page's. */
static int rotation_of(GList *fields, GList *annotations, double width, double height)
{
    for (int degrees = 0; degrees < 360; degrees += 90) {
        bool all = true;
        for (GList *l = fields; l && all; l = l->next) {
            struct word_record w =
                placed(&((PopplerFormFieldMapping *)l->data)->area, degrees, width, height);
            all = annotation_at(&w, annotations, height) != NULL;
        }
        if (all) return degrees;
    }
    return 0;
}

/* The value of a field as the document holds it, whether or not it was ever drawn. NULL: nothing to read. */
static char *field_value(PopplerFormField *field, struct word_record *w)
{
    switch (poppler_form_field_get_field_type(field)) {
    case POPPLER_FORM_FIELD_TEXT:
        if (poppler_form_field_text_is_password(field)) return NULL;
        w->multiline = poppler_form_field_text_get_text_type(field) == POPPLER_FORM_TEXT_MULTILINE;
        w->font_pt = (float)poppler_form_field_get_font_size(field);
        return poppler_form_field_text_get_text(field);
    case POPPLER_FORM_FIELD_BUTTON:
        if (poppler_form_field_button_get_button_type(field) == POPPLER_FORM_BUTTON_PUSH) return NULL;
        return poppler_form_field_button_get_state(field) ? g_strdup("[x]") : NULL;
    case POPPLER_FORM_FIELD_CHOICE: {
        char *own = poppler_form_field_choice_get_text(field);
        if (own && *own) return own;
        g_free(own);
        GString *chosen = g_string_new(NULL);
        int n = poppler_form_field_choice_get_n_items(field);
        for (int i = 0; i < n; i++) {
            if (!poppler_form_field_choice_is_item_selected(field, i)) continue;
            char *item = poppler_form_field_choice_get_item(field, i);
            if (item) g_string_append_printf(chosen, "%s%s", chosen->len ? " " : "", item);
            g_free(item);
        }
        return g_string_free(chosen, FALSE);
    }
    default:
        return NULL;
    }
}

static void read_fields(PopplerPage *page, GList *annotations, struct word_sink *sink)
{
    double width = sink->header.width_pt, height = sink->header.height_pt;
    GList *fields = poppler_page_get_form_field_mapping(page);
    int degrees = rotation_of(fields, annotations, width, height);
    for (GList *l = fields; l && sink->header.n < PAGE_MAX_WORDS; l = l->next) {
        PopplerFormFieldMapping *m = l->data;
        struct word_record w = placed(&m->area, degrees, width, height);
        w.is_field = 1;
        PopplerAnnot *shown = annotation_at(&w, annotations, height);
        char *value = shown && is_hidden(shown) ? NULL : field_value(m->field, &w);
        char *name = poppler_form_field_get_name(m->field);
        if (value && *value) {
            char *sound = g_utf8_make_valid(value, -1);
            char *composed = g_utf8_normalize(sound, -1, G_NORMALIZE_NFC);
            char *sound_name = name && *name ? g_utf8_make_valid(name, -1) : g_strdup("field");
            word_sink_add(sink, w, composed ? composed : sound, sound_name);
            g_free(sound_name);
            g_free(composed);
            g_free(sound);
        }
        g_free(value);
        g_free(name);
    }
    poppler_page_free_form_field_mapping(fields);
}

/* ---- what else lies on the page ------------------------------------------------------------------ */

/* Marks the cells of the page whose middle lies in the rectangle (points, upright, origin top left). */
static void mark(struct words_header *h, double left, double top, double right, double bottom)
{
    for (int y = 0; y < DECODE_CELLS; y++)
        for (int x = 0; x < DECODE_CELLS; x++) {
            double cx = (x + 0.5) * h->width_pt / DECODE_CELLS, cy = (y + 0.5) * h->height_pt / DECODE_CELLS;
            if (cx >= left && cx <= right && cy >= top && cy <= bottom) h->pictures[y] |= UINT32_C(1) << x;
        }
}

static void add_marking(const PopplerRectangle *area, struct words_header *h)
{
    h->has_markings = 1;
    mark(h, area->x1, h->height_pt - area->y2, area->x2, h->height_pt - area->y1);
}

/* Text that was typed over the page, by a viewer's "add text": poppler leaves it out of the page's text. False: it says nothing. */
static bool add_note(const PopplerAnnotMapping *m, struct word_sink *sink)
{
    double height = sink->header.height_pt;
    char *contents = poppler_annot_get_contents(m->annot);
    char *sound = contents ? g_utf8_make_valid(contents, -1) : NULL;
    char *composed = sound ? g_utf8_normalize(sound, -1, G_NORMALIZE_NFC) : NULL;
    bool said = composed && *g_strstrip(composed);
    struct word_record w = {.left = (float)m->area.x1,
                            .right = (float)m->area.x2,
                            .top = (float)(height - m->area.y2),
                            .bottom = (float)(height - m->area.y1),
                            .is_note = 1,
                            .multiline = 1};
    if (said && sink->header.n < PAGE_MAX_WORDS) word_sink_add(sink, w, composed, NULL);
    g_free(composed);
    g_free(sound);
    g_free(contents);
    return said;
}

/* Text, ink, stamps and free drawings, which somebody laid over the page. */
static void read_markings(GList *annotations, struct word_sink *sink)
{
    for (GList *l = annotations; l; l = l->next) {
        const PopplerAnnotMapping *m = l->data;
        if (is_hidden(m->annot)) continue;
        switch (poppler_annot_get_annot_type(m->annot)) {
        case POPPLER_ANNOT_FREE_TEXT:
            if (!add_note(m, sink)) add_marking(&m->area, &sink->header);
            break;
        case POPPLER_ANNOT_INK:
        case POPPLER_ANNOT_STAMP:
        case POPPLER_ANNOT_POLYGON:
        case POPPLER_ANNOT_POLY_LINE:
            add_marking(&m->area, &sink->header);
            break;
        default:
            break;
        }
    }
}

/* Counted in cells, so that overlapping strips count once. Places of pictures have their origin at the top. */
static void read_pictures(PopplerPage *page, struct words_header *h)
{
    GList *images = poppler_page_get_image_mapping(page);
    int n = 0;
    for (GList *l = images; l; l = l->next) {
        const PopplerRectangle *r = &((PopplerImageMapping *)l->data)->area;
        mark(h, fmin(r->x1, r->x2), fmin(r->y1, r->y2), fmax(r->x1, r->x2), fmax(r->y1, r->y2));
    }
    poppler_page_free_image_mapping(images);
    for (int y = 0; y < DECODE_CELLS; y++) n += __builtin_popcount(h->pictures[y]);
    h->image_share = (double)n / (DECODE_CELLS * DECODE_CELLS);
}

static enum decode_status pdf_words(void *doc, int number, struct word_sink *sink)
{
    struct pdf *p = doc;
    PopplerPage *page = poppler_document_get_page(p->document, number);
    if (!page) return DECODE_DAMAGED;
    poppler_page_get_size(page, &sink->header.width_pt, &sink->header.height_pt);
    GList *annotations = poppler_page_get_annot_mapping(page);
    read_text(page, sink);
    read_fields(page, annotations, sink);
    read_pictures(page, &sink->header); /* before the drawings: only pictures count for its share */
    read_markings(annotations, sink);
    poppler_page_free_annot_mapping(annotations);
    g_object_unref(page);
    return DECODE_OK;
}

/* ---- rendering ----------------------------------------------------------------------------------- */

static void to_grey(cairo_surface_t *surface, const struct pixels_header *h, uint8_t *grey)
{
    cairo_surface_flush(surface);
    const uint8_t *rows = cairo_image_surface_get_data(surface);
    size_t pitch = (size_t)cairo_image_surface_get_stride(surface);
    for (uint32_t y = 0; y < h->height; y++) {
        const uint32_t *from = (const uint32_t *)(const void *)(rows + y * pitch);
        uint8_t *to = grey + (size_t)y * h->stride;
        for (uint32_t x = 0; x < h->width; x++) /* Rec. 601 luma in 8 bits */
            to[x] =
                (uint8_t)((77 * (from[x] >> 16 & 255) + 150 * (from[x] >> 8 & 255) + 29 * (from[x] & 255)) >>
                          8);
    }
}

/* Poppler leaves out, without a word, a picture for which there is no memory, and the page would pass for blank.  What it
 * does leave is the error of the allocation: nothing else in a page's drawing ends in ENOMEM. */
static enum decode_status render(PopplerPage *page, double scale, cairo_surface_t *surface)
{
    cairo_t *cr = cairo_create(surface);
    cairo_set_source_rgb(cr, 1, 1, 1);
    cairo_paint(cr);
    cairo_scale(cr, scale, scale);
    errno = 0;
    poppler_page_render(page, cr);
    bool no_memory = errno == ENOMEM || cairo_status(cr) == CAIRO_STATUS_NO_MEMORY ||
                     cairo_surface_status(surface) == CAIRO_STATUS_NO_MEMORY;
    bool good = cairo_status(cr) == CAIRO_STATUS_SUCCESS && cairo_surface_status(surface) == CAIRO_STATUS_SUCCESS;
    cairo_destroy(cr);
    return no_memory ? DECODE_PAGE_TOO_LARGE : good ? DECODE_OK : DECODE_DAMAGED;
}

/* By how much the page has to be enlarged to be a sheet of paper. */
static double to_paper(double width, double height)
{
    double side = fmax(width, height) / 72;
    return side < SHORTEST_PAGE || side > LONGEST_PAGE ? LETTER_PAGE / side : 1;
}

/* `paper`: to_paper() */
static enum decode_status draw(PopplerPage *page, double dpi, double paper, double width, double height,
                               struct pixel_sink *sink)
{
    double scale = dpi * paper / 72;
    int w = (int)fmax(1, floor(width * scale)), h = (int)fmax(1, floor(height * scale));
    cairo_surface_t *surface = cairo_image_surface_create(CAIRO_FORMAT_RGB24, w, h);
    enum decode_status status = render(page, scale, surface);
    if (status == DECODE_OK) status = pixel_sink_begin(sink, (uint32_t)w, (uint32_t)h, width, height);
    if (status == DECODE_OK) sink->header->dpi = (uint32_t)(sink->header->dpi / paper + 0.5);
    if (status == DECODE_OK) to_grey(surface, sink->header, sink->grey);
    cairo_surface_destroy(surface);
    return status;
}

/* A page that needs more memory than there is gets fewer dots, as long as a line of print would still be read. */
static enum decode_status pdf_pixels(void *doc, int number, int dpi, struct pixel_sink *sink)
{
    struct pdf *p = doc;
    PopplerPage *page = poppler_document_get_page(p->document, number);
    if (!page) return DECODE_DAMAGED;
    double width, height;
    poppler_page_get_size(page, &width, &height);
    double paper = width > 0 && height > 0 ? to_paper(width, height) : 1;
    double fits = limits_dpi_that_fits(&p->limits, width * paper, height * paper, dpi);
    enum decode_status status = DECODE_PAGE_TOO_LARGE;
    for (int tries = 0; fits > 0 && status == DECODE_PAGE_TOO_LARGE && tries < TRIES; tries++, fits *= FEWER)
        status = draw(page, fits, paper, width, height, sink);
    g_object_unref(page);
    return status;
}

const struct decode_format decode_format_pdf = {
    .name = "pdf",
    .is = pdf_is,
    .open = pdf_open,
    .words = pdf_words,
    .pixels = pdf_pixels,
    .close = pdf_close,
};
