#include "ocr-svc/page.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Words below it are no measure. */
#define MEASURED     0.5f
#define LINES_A_PAGE 66

void page_init(struct page *page, int number)
{
    *page = (struct page){.number = number, .ink = -1};
    buf_putc(&page->texts, '\0');
}

void page_done(struct page *page)
{
    free(page->words);
    buf_done(&page->texts);
    *page = (struct page){0};
}

static int clipped(int v)
{
    return v < 0 ? 0 : v > PAGE_UNITS ? PAGE_UNITS : v;
}

static struct page_box box_sound(const struct page_box *b)
{
    struct page_box s = {clipped(b->left), clipped(b->top), clipped(b->right), clipped(b->bottom)};
    if (s.right < s.left) s = (struct page_box){s.right, s.top, s.left, s.bottom};
    if (s.bottom < s.top) s = (struct page_box){s.left, s.bottom, s.right, s.top};
    return s;
}

static uint32_t keep_text(struct page *page, const char *text)
{
    uint32_t at = (uint32_t)page->texts.len;
    buf_add(&page->texts, text, strlen(text) + 1);
    return at;
}

int page_add_word(struct page *page, const char *text, const char *field, const struct page_box *box,
                  double confidence, enum word_source source, struct err *err)
{
    if (!*text) return 0;
    if (page->n_words >= PAGE_MAX_WORDS)
        return err_code(err, ERR_LIMIT, "page_too_large", "A page has more than %d words.", PAGE_MAX_WORDS);
    if (page->n_words == page->cap_words) {
        size_t cap = page->cap_words ? page->cap_words * 2 : 256;
        struct page_word *words = realloc(page->words, cap * sizeof *words);
        if (!words) return err_set(err, ERR_NOMEM, "out of memory for a page's words");
        page->words = words;
        page->cap_words = cap;
    }
    struct page_word w = {.box = box_sound(box), .source = source};
    w.confidence = (float)(confidence < 0 ? 0 : confidence > 1 ? 1 : confidence);
    w.text = keep_text(page, text);
    w.field = field && *field ? keep_text(page, field) : 0;
    if (page->texts.bad) return err_set(err, ERR_NOMEM, "out of memory for a page's text");
    page->words[page->n_words++] = w;
    return 0;
}

const char *page_word_text(const struct page *page, const struct page_word *word)
{
    return page->texts.data + word->text;
}

const char *page_word_field(const struct page *page, const struct page_word *word)
{
    return word->field ? page->texts.data + word->field : NULL;
}

void page_straighten(struct page *page, double slant)
{
    double c = cos(slant), s = sin(slant), ux = page->width / PAGE_UNITS, uy = page->height / PAGE_UNITS;
    if (slant == 0 || !(ux > 0 && uy > 0)) return;
    page->slant = slant;
    for (size_t i = 0; i < page->n_words; i++) {
        struct page_box *b = &page->words[i].box;
        double x = ((b->left + b->right) / 2.0 - PAGE_UNITS / 2.0) * ux, y = ((b->top + b->bottom) / 2.0 - PAGE_UNITS / 2.0) * uy;
        int dx = (int)lround((x * c - y * s - x) / ux), dy = (int)lround((y * c + x * s - y) / uy);
        *b = (struct page_box){clipped(b->left + dx), clipped(b->top + dy), clipped(b->right + dx), clipped(b->bottom + dy)};
    }
}

bool page_box_holds(const struct page_box *box, int x, int y)
{
    return x >= box->left && x <= box->right && y >= box->top && y <= box->bottom;
}

static bool word_inside(const struct page_word *w, const struct page_box *box)
{
    return page_box_holds(box, (w->box.left + w->box.right) / 2, (w->box.top + w->box.bottom) / 2);
}

size_t page_drop_inside(struct page *page, size_t first, const struct page_box *box)
{
    size_t kept = first;
    for (size_t i = first; i < page->n_words; i++) {
        if (!word_inside(&page->words[i], box)) page->words[kept++] = page->words[i];
    }
    size_t dropped = page->n_words - kept;
    page->n_words = kept;
    return dropped;
}

/* The next word of `text` from *at on; NULL at its end. */
static const char *next_token(const char *text, size_t *at, size_t *len)
{
    while (text[*at] && strchr(" \t\r\n", text[*at])) (*at)++;
    const char *token = text + *at;
    *len = strcspn(token, " \t\r\n");
    *at += *len;
    return *len ? token : NULL;
}

bool page_adopt_field(struct page *page, const struct page_box *box, const char *value, const char *field)
{
    size_t at = 0, len, found = 0;
    for (size_t i = 0; i < page->n_words; i++) {
        if (!word_inside(&page->words[i], box)) continue;
        const char *have = page_word_text(page, &page->words[i]);
        const char *want = next_token(value, &at, &len);
        if (!want || strlen(have) != len || memcmp(have, want, len) != 0) return false;
        found++;
    }
    if (found == 0 || next_token(value, &at, &len)) return false;
    uint32_t name = keep_text(page, field);
    for (size_t i = 0; i < page->n_words; i++) {
        if (!word_inside(&page->words[i], box)) continue;
        page->words[i].source = WORD_FIELD;
        page->words[i].field = name;
    }
    return true;
}

void page_drop_all(struct page *page)
{
    page->n_words = 0;
    buf_clear(&page->texts);
    buf_putc(&page->texts, '\0');
}

void page_take_words(struct page *page, struct page *from)
{
    free(page->words);
    buf_done(&page->texts);
    page->words = from->words;
    page->n_words = from->n_words;
    page->cap_words = from->cap_words;
    page->texts = from->texts;
    from->words = NULL;
    from->n_words = from->cap_words = 0;
    from->texts = BUF_INIT;
}

double page_confidence(const struct page *page)
{
    double sum = 0, letters = 0;
    for (size_t i = 0; i < page->n_words; i++) {
        double n = (double)strlen(page_word_text(page, &page->words[i]));
        sum += n * (double)page->words[i].confidence;
        letters += n;
    }
    return letters > 0 ? sum / letters : 0;
}

static int by_value(const void *a, const void *b)
{
    return *(const int *)a - *(const int *)b;
}

double page_word_height(const struct page *page)
{
    double height = (double)PAGE_UNITS / LINES_A_PAGE;
    int *heights = calloc(page->n_words + 1, sizeof *heights);
    size_t n = 0;
    if (!heights) return height;
    for (size_t i = 0; i < page->n_words; i++)
        if (page->words[i].confidence >= MEASURED) heights[n++] = page->words[i].box.bottom - page->words[i].box.top;
    qsort(heights, n, sizeof *heights, by_value);
    if (n >= 3) height = heights[n / 2];
    free(heights);
    return height;
}

struct page_box page_box_turned(struct page_box b, int degrees)
{
    enum { U = PAGE_UNITS };
    switch (degrees) {
    case 90:
        return (struct page_box){U - b.bottom, b.left, U - b.top, b.right};
    case 180:
        return (struct page_box){U - b.right, U - b.bottom, U - b.left, U - b.top};
    case 270:
        return (struct page_box){b.top, U - b.right, b.bottom, U - b.left};
    default:
        return b;
    }
}

void page_turn(struct page *page, int degrees)
{
    page->rotation = (page->rotation + degrees) % 360;
    if (degrees != 90 && degrees != 270) return;
    double width = page->width;
    int pixel_width = page->pixel_width;
    page->width = page->height;
    page->height = width;
    page->pixel_width = page->pixel_height;
    page->pixel_height = pixel_width;
}

const char *page_source_name(enum page_source source)
{
    switch (source) {
    case PAGE_NONE:
        return "none";
    case PAGE_TEXT:
        return "text";
    case PAGE_FIELDS:
        return "fields";
    case PAGE_OCR:
        return "ocr";
    case PAGE_MIXED:
        return "mixed";
    }
    return "none";
}
