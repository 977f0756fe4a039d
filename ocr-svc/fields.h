/* fields: the values of form fields, and what was typed over the page, as words of it. Pure; any thread. */
#ifndef SHEAF_OCR_SVC_FIELDS_H
#define SHEAF_OCR_SVC_FIELDS_H

#include "lib/err.h"
#include "ocr-svc/decode_wire.h"
#include "ocr-svc/page.h"

/* A place in points as a box of `page` (whose width and height are set). */
struct page_box fields_box(const struct page *page, const struct word_record *r);

/* Where it stands on a page that was turned clockwise by 0, 90, 180 or 270 degrees; width, height: of the page before, points. */
struct word_record fields_turned(const struct word_record *r, int degrees, double width, double height);

/* Adds a field's value to a page whose other words are already there and not yet in reading order.  Words
 * inside the field that say the same become the value (their places are exact); else they are dropped, since
 * a field's drawing may be stale or missing, and the value is laid out by the size of its letters. */
int fields_add(struct page *page, const struct word_record *r, const char *value, const char *name,
               struct err *err);

/* Adds what was typed over the page; what stands there already stays. */
int fields_add_note(struct page *page, const struct word_record *r, const char *text, struct err *err);

#endif
