/* An answer's words in our page.
 *
 * Vision's words are not ours: it parts "ana@example.com" into five and "School:" into two, without a break between
 * them.  Symbols are put together up to the next break. */
#include <math.h>
#include <string.h>
#include "lib/auto.h"
#include "ocr-svc/providers/google.h"

/* Vision tells no confidence with some models: then a person had better look. */
#define NO_CONFIDENCE 0.75

/* What is between two breaks. */
struct token {
    struct buf text;
    struct page_box box;
    double sum, letters; /* of confidence, weighted by letters */
};

struct reading {
    struct page *page;
    double width, height; /* of the picture, in the unit of `vertices` */
    struct token token;
    int votes[4]; /* letters that run to the right, down, to the left, up */
    struct err *err;
    int rc;
};

/* ---- geometry --------------------------------------------------------------------------------------- */

static int in_units(double share)
{
    if (!isfinite(share)) return 0;
    double v = share * PAGE_UNITS;
    return (int)lround(v < 0 ? 0 : v > PAGE_UNITS ? PAGE_UNITS : v);
}

/* A coordinate of 0 is left out (proto3). */
static double coordinate(const json_t *vertex, const char *name, double size)
{
    return json_number_value(json_object_get(vertex, name)) / size;
}

/* The rectangle around a bounding box, and in *quarter which way its text runs: from the first vertex to the
 * second, in quarters of a turn; -1 unknown.  -1 when there is no box. */
static int read_box(const struct reading *r, const json_t *poly, struct page_box *box, int *quarter)
{
    const json_t *pixels = json_object_get(poly, "vertices"), *shares = json_object_get(poly, "normalizedVertices");
    const json_t *list = json_array_size(pixels) ? pixels : shares;
    double w = list == pixels ? r->width : 1, h = list == pixels ? r->height : 1;
    size_t n = json_array_size(list);
    *quarter = -1;
    if (n < 2 || w <= 0 || h <= 0) return -1;
    *box = (struct page_box){PAGE_UNITS, PAGE_UNITS, 0, 0};
    for (size_t i = 0; i < n; i++) {
        const json_t *v = json_array_get(list, i);
        int x = in_units(coordinate(v, "x", w)), y = in_units(coordinate(v, "y", h));
        if (x < box->left) box->left = x;
        if (x > box->right) box->right = x;
        if (y < box->top) box->top = y;
        if (y > box->bottom) box->bottom = y;
    }
    const json_t *a = json_array_get(list, 0), *b = json_array_get(list, 1);
    double dx = (coordinate(b, "x", w) - coordinate(a, "x", w)) * r->width;
    double dy = (coordinate(b, "y", h) - coordinate(a, "y", h)) * r->height;
    if (n == 4 && (dx != 0 || dy != 0)) *quarter = fabs(dx) >= fabs(dy) ? (dx > 0 ? 0 : 2) : (dy > 0 ? 1 : 3);
    return 0;
}

static void join_box(struct page_box *into, const struct page_box *b)
{
    if (b->left < into->left) into->left = b->left;
    if (b->top < into->top) into->top = b->top;
    if (b->right > into->right) into->right = b->right;
    if (b->bottom > into->bottom) into->bottom = b->bottom;
}

/* ---- tokens ----------------------------------------------------------------------------------------- */

static void begin_token(struct token *t)
{
    buf_clear(&t->text);
    t->box = (struct page_box){PAGE_UNITS, PAGE_UNITS, 0, 0};
    t->sum = t->letters = 0;
}

static void end_token(struct reading *r)
{
    struct token *t = &r->token;
    if (r->rc == 0 && t->text.len > 0 && t->letters > 0)
        r->rc = page_add_word(r->page, t->text.data, NULL, &t->box, t->sum / t->letters, WORD_RECOGNISED, r->err);
    begin_token(t);
}

enum break_kind { BREAK_NONE, BREAK_SPACE, BREAK_HYPHEN };

static enum break_kind read_break(const json_t *symbol, bool *before)
{
    const json_t *found = json_object_get(json_object_get(symbol, "property"), "detectedBreak");
    const char *type = json_string_value(json_object_get(found, "type"));
    *before = json_is_true(json_object_get(found, "isPrefix"));
    if (!type || strcmp(type, "UNKNOWN") == 0) return BREAK_NONE;
    return strcmp(type, "HYPHEN") == 0 ? BREAK_HYPHEN : BREAK_SPACE;
}

static double first_confidence(const json_t *const *of, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        double c = json_number_value(json_object_get(of[i], "confidence"));
        if (c > 0) return c < 1 ? c : 1;
    }
    return NO_CONFIDENCE;
}

static void add_symbol(struct reading *r, const json_t *symbol, const struct page_box *of_word, double confidence)
{
    bool before;
    int quarter;
    struct page_box box;
    enum break_kind kind = read_break(symbol, &before);
    const char *text = json_string_value(json_object_get(symbol, "text"));
    if (kind != BREAK_NONE && before) end_token(r);
    if (text && *text) {
        if (read_box(r, json_object_get(symbol, "boundingBox"), &box, &quarter) == -1) box = *of_word;
        join_box(&r->token.box, &box);
        buf_puts(&r->token.text, text);
        r->token.sum += confidence;
        r->token.letters += 1;
    }
    if (kind == BREAK_NONE || before) return;
    if (kind == BREAK_HYPHEN && r->token.text.len) buf_putc(&r->token.text, '-'); /* it is not in the text */
    end_token(r);
}

static void add_word(struct reading *r, const json_t *word, const json_t *paragraph, const json_t *block, const json_t *page)
{
    const json_t *const of[] = {word, paragraph, block, page};
    size_t i;
    json_t *symbol;
    struct page_box box = {0};
    int quarter;
    (void)read_box(r, json_object_get(word, "boundingBox"), &box, &quarter);
    const json_t *symbols = json_object_get(word, "symbols");
    if (quarter >= 0) r->votes[quarter] += (int)json_array_size(symbols);
    json_array_foreach((json_t *)symbols, i, symbol) add_symbol(r, symbol, &box, first_confidence(of, COUNT_OF(of)));
}

static void add_blocks(struct reading *r, const json_t *page)
{
    size_t b, p, w;
    json_t *block, *paragraph, *word;
    json_array_foreach(json_object_get(page, "blocks"), b, block)
        json_array_foreach(json_object_get(block, "paragraphs"), p, paragraph)
    {
        json_array_foreach(json_object_get(paragraph, "words"), w, word) add_word(r, word, paragraph, block, page);
        end_token(r);
    }
}

/* ---- the page --------------------------------------------------------------------------------------- */

/* By how many degrees clockwise the page is to be turned, so that most letters run to the right. */
static int turn_of(const int votes[4])
{
    static const int degrees[4] = {0, 270, 180, 90};
    int best = 0;
    for (int i = 1; i < 4; i++)
        if (votes[i] > votes[best]) best = i;
    return degrees[best];
}

static void turn_page(struct page *page, size_t first, int degrees)
{
    for (size_t i = first; i < page->n_words; i++) page->words[i].box = page_box_turned(page->words[i].box, degrees);
    page_turn(page, degrees);
}

int google_page_read(const json_t *response, int width, int height, struct page *page, struct err *err)
{
    struct reading r = {.page = page, .err = err};
    size_t first = page->n_words, i;
    json_t *answered;
    page->lang = "google";
    begin_token(&r.token);
    json_array_foreach(json_object_get(json_object_get(response, "fullTextAnnotation"), "pages"), i, answered)
    {
        r.width = json_number_value(json_object_get(answered, "width"));
        r.height = json_number_value(json_object_get(answered, "height"));
        if (r.width <= 0 || r.height <= 0) r.width = width, r.height = height;
        add_blocks(&r, answered);
    }
    bool bad = r.token.text.bad;
    buf_done(&r.token.text);
    if (r.rc == 0 && bad) return err_set(err, ERR_NOMEM, "out of memory for a page's words");
    if (r.rc == 0) turn_page(page, first, turn_of(r.votes));
    return r.rc;
}
