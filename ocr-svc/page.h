/* page: one page as it was read, the output of stage `page` (proto/STAGES.md).
 *
 * Built on a work thread by the reader and its provider, written once as JSON, never shared.
 * Positions are in 1/10000 of the upright page's width and height, origin top left.  No
 * library types: poppler and leptonica stay behind decode.h, Tesseract behind ocr.h.
 */
#ifndef SHEAF_OCR_SVC_PAGE_H
#define SHEAF_OCR_SVC_PAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "lib/buf.h"
#include "lib/err.h"

#define PAGE_UNITS     10000 /* both sides of a page */
#define PAGE_MAX_WORDS 50000 /* far above what fits on paper; more is a damaged or hostile page */

struct page_box {
    int left, top, right, bottom;
};

enum word_source { WORD_RECOGNISED = 'o', WORD_TEXT_LAYER = 't', WORD_FIELD = 'f' };

struct page_word {
    struct page_box box;
    uint32_t text, field; /* offsets into the page's texts; field 0: no form field */
    float confidence;     /* 0 to 1 */
    int line, block;      /* set by page_set_reading_order() */
    enum word_source source;
};

enum page_source { PAGE_NONE, PAGE_TEXT, PAGE_FIELDS, PAGE_OCR, PAGE_MIXED };

struct page {
    int number;           /* from 1 */
    double width, height; /* points, as read upright */
    enum page_source source;
    int rotation;                       /* degrees clockwise that made it upright: 0, 90, 180, 270 */
    double slant;                       /* radians clockwise that made it straight; page_straighten() */
    double ink;                         /* share of dark pixels, -1 when the page was not rendered */
    char failed[24];                    /* a code of the outside interface, or "" */
    const char *lang;                   /* static text; NULL when nothing was recognised */
    int dpi, pixel_width, pixel_height; /* of the image that was recognised; 0 when none was */
    struct page_word *words;
    size_t n_words, cap_words;
    struct buf texts; /* NUL-terminated strings; offset 0 is "" */
};

void page_init(struct page *page, int number);
void page_done(struct page *page);

/* Appends a word; text and field (NULL: none) are copied, the box is put in order and clipped to the page.
 * Empty text is skipped.  ERR_NOMEM, or ERR_LIMIT with code page_too_large above PAGE_MAX_WORDS. */
int page_add_word(struct page *page, const char *text, const char *field, const struct page_box *box,
                  double confidence, enum word_source source, struct err *err);
const char *page_word_text(const struct page *page, const struct page_word *word);
const char *page_word_field(const struct page *page, const struct page_word *word); /* NULL: none */

/* Removes words from `first` on whose centre lies in `box`; returns how many. */
size_t page_drop_inside(struct page *page, size_t first, const struct page_box *box);
void page_drop_all(struct page *page);
/* Gives up its words for those of `from`, another reading of the same page, which has none afterwards. */
void page_take_words(struct page *page, struct page *from);

/* Words up to `first` are one reading of the page, the others a second one: of what both read the surer reading
 * stays, and what only one of them saw, unless it is a guess. ERR_NOMEM, the page is as it was. */
int page_merge(struct page *page, size_t first, struct err *err);

/* Sorts the words into visual lines from top to bottom, left to right in a line, and numbers lines and
 * blocks. What stands side by side is one line, as on a form: label and value, or two labels and below them
 * two values. Tolerates the slant of a page that was not put quite straight. ERR_NOMEM. */
int page_set_reading_order(struct page *page, struct err *err);

/* The words inside `box`, in the order they were added, become the value of a form field when they are
 * exactly the words of `value`; false: they are not, nothing was changed. ERR_NOMEM shows in texts.bad. */
bool page_adopt_field(struct page *page, const struct page_box *box, const char *value, const char *field);

/* Mean confidence weighted by characters; 0 without words. */
double page_confidence(const struct page *page);

/* The middle height of its words that were not guessed, in PAGE_UNITS; of a line of print on a letter page while there are hardly any. */
double page_word_height(const struct page *page);

/* Where `box` lies after the page was turned clockwise by 0, 90, 180 or 270 degrees. */
struct page_box page_box_turned(struct page_box box, int degrees);
/* Notes that the page was turned so, after what it was turned before, and swaps its sides when it lies on one; its words stay as
 * they are. */
void page_turn(struct page *page, int degrees);
/* Moves its words to where they stand on a page that is turned clockwise by `slant` radians about its middle: what was one
 * line stands level then, which at three degrees and the width of a letter is a line and a half away. */
void page_straighten(struct page *page, double slant);
bool page_box_holds(const struct page_box *box, int x, int y);

const char *page_source_name(enum page_source source);

/* The JSON of proto/STAGES.md. ERR_NOMEM. */
int page_write_json(const struct page *page, struct buf *out, struct err *err);

#endif
