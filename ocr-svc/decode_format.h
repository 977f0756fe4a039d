/* decode_format: a kind of document as the decoding child sees it.  Only the child calls these, on its
 * one thread; what they leak or crash ends with the child. */
#ifndef SHEAF_OCR_SVC_DECODE_FORMAT_H
#define SHEAF_OCR_SVC_DECODE_FORMAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "lib/buf.h"
#include "ocr-svc/decode.h"
#include "ocr-svc/limits.h"

/* Words on their way to the parent; word_sink_add() copies. `header` takes what is not a word. */
struct word_sink {
    struct words_header header;
    struct buf records, texts;
};
void word_sink_init(struct word_sink *s);
void word_sink_done(struct word_sink *s);
/* record.text and record.field are filled here; field NULL: no form field. */
void word_sink_add(struct word_sink *s, struct word_record record, const char *text, const char *field);

/* Pixels on their way to the parent: pixel_sink_begin() makes the memfd and maps it, the format fills
 * `grey`, rows header->stride apart. */
struct pixel_sink {
    int fd;
    struct pixels_header *header;
    uint8_t *grey;
};
enum decode_status pixel_sink_begin(struct pixel_sink *s, uint32_t width, uint32_t height, double width_pt,
                                    double height_pt);

struct decode_format {
    const char *name;
    /* Whether these first bytes are of this format; at least 16, the rest zero in a shorter file. */
    bool (*is)(const uint8_t *head, size_t len);
    /* `fd` becomes the format's, closed also on failure. */
    enum decode_status (*open)(int fd, const struct limits *limits, void **doc, enum decode_kind *kind,
                               int *pages);
    enum decode_status (*words)(void *doc, int page, struct word_sink *sink); /* NULL: pictures have none */
    enum decode_status (*pixels)(void *doc, int page, int dpi, struct pixel_sink *sink);
    void (*close)(void *doc);
};

extern const struct decode_format decode_format_pdf, decode_format_image, decode_format_heif;

/* The child's whole life, with these formats (ends with NULL), tried in this order. Returns the exit code. */
int decode_child_serve(const struct decode_format *const formats[]);

#define DECODE_HEAD 1024 /* bytes looked at: a PDF's mark may stand anywhere in its first kilobyte */

#endif
