#include "ocr-svc/fields.h"

#include <math.h>
#include <string.h>
#include "lib/utf8.h"

#define FONT_PT     10.0 /* where the document leaves the size to the viewer */
#define LETTER_WIDE 0.5  /* of the font's size, a mean over Latin text */
#define LINE_HIGH   1.2
#define LEAST_PT    0.5
#define SMALLER     0.9
#define NOTE_PT     14.0 /* the largest that a note is taken for */

struct page_box fields_box(const struct page *page, const struct word_record *r)
{
    double x = PAGE_UNITS / page->width, y = PAGE_UNITS / page->height;
    /* What a document states may be anything; clip before it becomes an integer. */
    return (struct page_box){
        (int)fmax(0, fmin(PAGE_UNITS, floor((double)r->left * x))),
        (int)fmax(0, fmin(PAGE_UNITS, floor((double)r->top * y))),
        (int)fmax(0, fmin(PAGE_UNITS, ceil((double)r->right * x))),
        (int)fmax(0, fmin(PAGE_UNITS, ceil((double)r->bottom * y))),
    };
}

struct word_record fields_turned(const struct word_record *r, int degrees, double width, double height)
{
    struct word_record out = *r;
    float w = (float)width, h = (float)height;
    switch (degrees) {
    case 90:
        out.left = h - r->bottom, out.right = h - r->top, out.top = r->left, out.bottom = r->right;
        break;
    case 180:
        out.left = w - r->right, out.right = w - r->left, out.top = h - r->bottom, out.bottom = h - r->top;
        break;
    case 270:
        out.left = r->top, out.right = r->bottom, out.top = w - r->right, out.bottom = w - r->left;
        break;
    default:
        break;
    }
    return out;
}

/* Where the next word of a value goes. */
struct pen {
    const struct word_record *field;
    double letter, line; /* points */
    double x, y;         /* of the next word's top left corner */
    int on_line;         /* words on this line so far */
};

static void new_line(struct pen *p)
{
    p->x = (double)p->field->left;
    p->y += p->line;
    p->on_line = 0;
}

/* Without a page the pen only moves. */
static int set_word(struct page *page, struct pen *p, const char *word, size_t len, const char *name,
                    struct err *err)
{
    char text[512];
    double wide = (double)utf8_count(word, len) * p->letter;
    if (p->field->multiline && p->on_line > 0 && p->x + wide > (double)p->field->right) new_line(p);
    struct word_record at = {.left = (float)p->x,
                             .top = (float)fmin(p->y, (double)p->field->bottom - p->line / 2),
                             .right = (float)fmin(p->x + wide, (double)p->field->right),
                             .bottom = (float)fmin(p->y + p->line, (double)p->field->bottom)};
    if (at.left > at.right) at.left = at.right;
    p->x += wide + p->letter;
    p->on_line++;
    if (!page) return 0;
    struct page_box box = fields_box(page, &at);
    if (len >= sizeof text) len = utf8_fit(word, sizeof text - 1); /* no word is: what is cut here was never one */
    memcpy(text, word, len);
    text[len] = '\0';
    return page_add_word(page, text, name, &box, 1.0, name ? WORD_FIELD : WORD_TEXT_LAYER, err);
}

static int set_words(struct page *page, struct pen *p, const char *value, const char *name, struct err *err)
{
    for (const char *at = value; *at;) {
        size_t len = strcspn(at, " \t\r\n");
        if (len > 0 && set_word(page, p, at, len, name, err) != 0) return -1;
        at += len;
        for (; *at && strchr(" \t\r\n", *at); at++)
            if (p->field->multiline && (*at == '\n' || (*at == '\r' && at[1] != '\n'))) new_line(p);
    }
    return 0;
}

static struct pen pen_of(const struct word_record *r, const char *value, double font)
{
    double width = (double)(r->right - r->left), height = (double)(r->bottom - r->top);
    struct pen p = {.field = r, .letter = font * LETTER_WIDE, .x = (double)r->left, .y = (double)r->top};
    p.line = r->multiline ? fmin(font * LINE_HIGH, height) : height;
    if (!r->multiline) p.letter = fmin(p.letter, width / (double)(utf8_count(value, strlen(value)) + 1));
    return p;
}

static bool fits(const struct word_record *r, const char *value, double font)
{
    struct pen p = pen_of(r, value, font);
    (void)set_words(NULL, &p, value, NULL, NULL);
    return p.y + p.line <= (double)r->bottom;
}

/* A value longer than its field shows (its viewer scrolls) is set smaller: lines beyond the field's end would fall on one
 * another, and their words be mixed. */
static int lay_out(struct page *page, const struct word_record *r, const char *value, const char *name,
                   struct err *err)
{
    double font = r->font_pt > 0 ? (double)r->font_pt : FONT_PT;
    while (r->multiline && font > LEAST_PT && !fits(r, value, font)) font *= SMALLER;
    struct pen p = pen_of(r, value, font);
    return set_words(page, &p, value, name, err);
}

int fields_add(struct page *page, const struct word_record *r, const char *value, const char *name,
               struct err *err)
{
    struct page_box box = fields_box(page, r);
    if (page_adopt_field(page, &box, value, name)) return 0;
    page_drop_inside(page, 0, &box);
    return lay_out(page, r, value, name, err);
}

/* A note's box is about as large as its text. */
int fields_add_note(struct page *page, const struct word_record *r, const char *text, struct err *err)
{
    struct word_record at = *r;
    at.font_pt = (float)fmin(NOTE_PT, (double)(r->bottom - r->top) / LINE_HIGH);
    return lay_out(page, &at, text, NULL, err);
}
