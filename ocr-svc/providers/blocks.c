/* What the layout left out is read as blocks of their own.
 *
 * Tesseract's layout drops whole paragraphs of a hand, for a difference in pixels that no eye sees.  What lies on the page
 * like writing and under no word (lost.h), nor a second line under a word's box (tall.h), is cut out and read as one block each, and what that left out too, such as a small label over an answer, line by
 * line.  A page whose ink lies under its words costs a look at it, about a hundredth of its reading. */
#include <ctype.h>
#include "lib/utf8.h"
#include "ocr-svc/lost.h"
#include "ocr-svc/providers/tesseract.h"
#include "ocr-svc/tall.h"

/* Creases and shadows become words of little confidence, pieces of a frame marks. What has no word of so many letters or
 * digits says nothing. */
#define GUESS   0.3f
#define LETTERS 3

/* The ink of the sheet. 0, or -1 out of memory. */
static int ink_of(const struct sheet *sheet, struct ink_map *map)
{
    PIX *bytes = pixEndianByteSwapNew(sheet->pix); /* leptonica keeps four pixels a word */
    if (!bytes) return -1;
    int width = pixGetWidth(bytes), height = pixGetHeight(bytes);
    int rc = ink_map_init(map, (const uint8_t *)pixGetData(bytes), width, height, (size_t)pixGetWpl(bytes) * 4);
    pixDestroy(&bytes);
    return rc;
}

static bool lies_on_a_word(const struct page_box *box, const struct page *page, size_t n_words)
{
    for (size_t i = 0; i < n_words; i++) {
        const struct page_box *w = &page->words[i].box;
        if (page_box_holds(box, (w->left + w->right) / 2, (w->top + w->bottom) / 2)) return true;
        if (page_box_holds(w, (box->left + box->right) / 2, (box->top + box->bottom) / 2)) return true;
    }
    return false;
}

static int count_letters(const char *text)
{
    int n = 0;
    for (uint32_t c; (c = utf8_next(&text));) n += c >= 0x80 || isalnum((int)c);
    return n;
}

static bool says_something(const struct page *part)
{
    for (size_t i = 0; i < part->n_words; i++) {
        const struct page_word *w = &part->words[i];
        if (w->confidence >= GUESS && count_letters(page_word_text(part, w)) >= LETTERS) return true;
    }
    return false;
}

/* Words of a part onto the page, but for those at its edges that the page has already. False: no memory. */
static bool take_words(const struct page *part, const struct page_box *place, struct page *page)
{
    size_t before = page->n_words;
    double sx = (place->right - place->left) / (double)PAGE_UNITS, sy = (place->bottom - place->top) / (double)PAGE_UNITS;
    for (size_t i = 0; i < part->n_words; i++) {
        const struct page_word *w = &part->words[i];
        struct page_box b = {place->left + (int)(w->box.left * sx), place->top + (int)(w->box.top * sy),
                             place->left + (int)(w->box.right * sx), place->top + (int)(w->box.bottom * sy)};
        if (w->confidence < GUESS || lies_on_a_word(&b, page, before)) continue;
        if (page_add_word(page, page_word_text(part, w), NULL, &b, (double)w->confidence, WORD_RECOGNISED, NULL) != 0) return false;
    }
    return true;
}

/* False: no more time, or no memory. */
static bool read_part(struct engine *e, const struct sheet *sheet, const struct page_box *box, enum lost_as as,
                      const struct ocr_wait *wait, struct page *page)
{
    struct sheet cut = {.pix = sheet_cut(sheet, box, 0), .dpi = sheet->dpi};
    struct page part;
    if (!cut.pix) return false;
    page_init(&part, page->number);
    TessPageSegMode mode = as == LOST_LINES ? PSM_SINGLE_LINE : PSM_SINGLE_BLOCK;
    bool good = engine_read(e->print, &cut, mode, wait, &part, NULL) == 0;
    if (good && says_something(&part)) good = take_words(&part, box, page);
    page_done(&part);
    pixDestroy(&cut.pix);
    return good;
}

/* True: some was found, and all of it was read. */
static bool read_lost_as(struct engine *e, const struct sheet *sheet, const struct ink_map *ink, enum lost_as as, const struct ocr_wait *wait,
                         struct page *page)
{
    struct page_box lost[LOST_MAX];
    struct ink_map map;
    if (ink_map_copy(&map, ink) != 0) return false;
    int n = lost_find(&map, page, as, lost), i = 0;
    ink_map_done(&map);
    while (i < n && read_part(e, sheet, &lost[i], as, wait, page)) i++;
    return n > 0 && i == n;
}

void read_lost_blocks(struct engine *e, const struct sheet *sheet, const struct ocr_wait *wait, struct page *page)
{
    struct ink_map ink;
    if (ink_of(sheet, &ink) != 0) return;
    ink_erase_rules(&ink);
    (void)tall_cut(&ink, page);
    if (read_lost_as(e, sheet, &ink, LOST_BLOCKS, wait, page)) (void)read_lost_as(e, sheet, &ink, LOST_LINES, wait, page);
    (void)lost_beside(&ink, page, WORD_DOUBTFUL);
    ink_map_done(&ink);
}
