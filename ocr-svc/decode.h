/* decode: documents opened, their text taken and their pages drawn in a child process.
 *
 * The parent's side.  poppler and leptonica read what strangers made, so they run in a warm child with
 * limits on memory and time; its death costs the page that killed it and nothing else.  One decoder per work
 * thread, used by that thread alone.  The child is started by fork+exec of our own binary (never a bare fork
 * of a threaded process) and replaced after DECODE_OPENINGS_PER_CHILD calls of decoder_open(), after a death and after a
 * timeout.
 *
 * Every call blocks until its limit or deadline_ms (a moment of clock_ms()).  Failures:
 *   ERR_INPUT, ERR_LIMIT   the document's fault, with one of the codes of the outside interface; also timeout, when the child
 *                          used up its processor time
 *   ERR_TIMEOUT            code timeout: the child had to be ended, by the document's fault or a busy machine
 *   ERR_UNAVAILABLE        no child could be started, or something else killed it
 */
#ifndef SHEAF_OCR_SVC_DECODE_H
#define SHEAF_OCR_SVC_DECODE_H

#include <stddef.h>
#include <stdint.h>
#include "lib/err.h"
#include "ocr-svc/decode_wire.h"
#include "ocr-svc/limits.h"

#define DECODE_OPENINGS_PER_CHILD 100

enum decode_kind { DECODE_PDF = 1, DECODE_IMAGE = 2, DECODE_TIFF = 3, DECODE_KINDS };
const char *decode_kind_name(enum decode_kind kind); /* "pdf", "image", "tiff" */

typedef struct decoder decoder_t;

/* Starts the first child and waits until it is warm. NULL with *err. `limits` is copied. */
decoder_t *decoder_new(const struct limits *limits, struct err *err);
void decoder_destroy(decoder_t **d);

/* Opens the document behind `fd` (borrowed; read from its beginning), judged by its content.  One and the same file is not opened a second time
 * in a row, as long as nothing failed on it. */
struct decode_document {
    enum decode_kind kind;
    int pages;
};
int decoder_open(decoder_t *d, int fd, int64_t deadline_ms, struct decode_document *out, struct err *err);
/* Something failed since, other than for time, on a document that was still open from the page before, whose fault it may be: opened again
 * it gets a new start. */
bool decoder_failed_kept(const decoder_t *d);

/* Text layer and form fields of a page (from 0) of the open document. A picture has none: n is 0. Done with
 * decode_words_done(), also when nothing was filled. */
struct decode_words {
    void *map;
    size_t size;
    const struct words_header *head; /* checked */
    const struct word_record *words; /* head->n of them; offsets checked */
    const char *texts;
};
int decoder_words(decoder_t *d, int page, int64_t deadline_ms, struct decode_words *out, struct err *err);
void decode_words_done(struct decode_words *w);

/* The picture of a page, a PDF's drawn at `dpi` or at what fits the limits. */
struct decode_pixels {
    void *map;
    size_t size;
    const struct pixels_header *head; /* checked */
    const uint8_t *grey;
};
int decoder_pixels(decoder_t *d, int page, int dpi, int64_t deadline_ms, struct decode_pixels *out,
                   struct err *err);
void decode_pixels_done(struct decode_pixels *p);

/* The child's whole life; main() calls it when argv[1] is DECODE_CHILD. Returns the exit code. */
int decode_child_main(void);

#endif
