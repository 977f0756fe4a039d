/* reader: a document's pages read one by one; what stage.c and `ocr-svc --read` have in common.
 *
 * A reader is one decoder (its child) and, for pages, one recognition engine. It belongs to one thread. */
#ifndef SHEAF_OCR_SVC_READER_H
#define SHEAF_OCR_SVC_READER_H

#include "lib/err.h"
#include "lib/settings.h"
#include "ocr-svc/decode.h"
#include "ocr-svc/ocr.h"
#include "ocr-svc/page.h"

typedef struct reader reader_t;

/* `with_engine`: pages shall be read, not only counted. May take seconds. `ocr` outlives it. NULL with *err. */
reader_t *reader_new(const struct ocr *ocr, bool with_engine, struct err *err);
void reader_destroy(reader_t **r);
bool reader_needs_document(const reader_t *r); /* false with a provider that looks at none: pass fd -1 */

/* How many pages the document behind `fd` (borrowed) has, or why it is refused. */
int reader_inspect(reader_t *r, int fd, const struct ocr_wait *wait, struct decode_document *out,
                   struct err *err);

/* The document behind `fd` (borrowed) as a PDF that is to be read in its place, when it is a Word document: *pdf is the
 * caller's; -1 when it is none. Fails as office_to_pdf() does. */
int reader_as_pdf(reader_t *r, int fd, const struct ocr_wait *wait, int *pdf, struct err *err);

/* Reads page `index` (from 0) into *page, which the caller initialised and frees.  0 also for a page that
 * cannot be read by the document's own fault: page->failed says why.  -1: ERR_TIMEOUT (the page, or a busy
 * machine), ERR_CANCELLED, ERR_NOMEM, ERR_UNAVAILABLE. */
int reader_page(reader_t *r, int fd, int index, const struct ocr_wait *wait, struct page *page,
                struct err *err);

/* Marks a page as not readable and forgets what was read of it. `code` as in CONTRACT section 2. */
void reader_page_failed(struct page *page, const char *code);

#endif
