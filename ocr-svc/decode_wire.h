/* decode_wire: what ocr-svc and its decoding child say to each other.
 *
 * Both are the same binary, so the structs go over the SOCK_SEQPACKET pair as they are.  The
 * child reads hostile documents and is not believed: decode_client.c checks every number of an answer
 * before it is used.  What is large comes back as a descriptor of a memfd, sealed so that
 * the child cannot change or shrink it while it is read.
 *
 * Adding an operation: 1. a number here  2. decode_child.c's table  3. a function in decode.h
 */
#ifndef SHEAF_OCR_SVC_DECODE_WIRE_H
#define SHEAF_OCR_SVC_DECODE_WIRE_H

#include <stdint.h>
#include "ocr-svc/limits.h"

#define DECODE_MAGIC 0x53484632u
#define DECODE_CHILD "--decode-child" /* argv[1] of the child */

#define DECODE_CELLS 32 /* that a page is divided into, each way */

enum decode_op {
    DECODE_HELLO = 1,  /* answered when the child is confined and warm */
    DECODE_OPEN = 2,   /* with the document's descriptor; the one before is closed */
    DECODE_WORDS = 3,  /* text layer and form fields of a page: a memfd of words */
    DECODE_PIXELS = 4, /* the picture of a page: a memfd of pixels */
    DECODE_OPS
};

struct decode_request {
    uint32_t magic, op;
    uint32_t page; /* from 0 */
    uint32_t dpi;  /* of a PDF's rendering */
    struct limits limits;
};

struct decode_reply {
    uint32_t magic, op;
    uint32_t status; /* enum decode_status */
    uint32_t kind;   /* OPEN: enum decode_kind */
    uint32_t pages;  /* OPEN */
};

/* The memfd of PIXELS: this header, then height rows of stride bytes. */
struct pixels_header {
    uint32_t magic;
    uint32_t width, height, stride, depth; /* depth 8: grey, 0 black */
    uint32_t dpi;
    double width_pt, height_pt;
    uint64_t total; /* bytes of the memfd, this header included */
};

/* The memfd of WORDS: this header, n records, then the texts, each NUL-terminated. */
struct words_header {
    uint32_t magic;
    uint32_t n;
    uint32_t texts;        /* bytes, the last of them 0 */
    uint32_t chars;        /* characters in the text layer */
    uint32_t bad_chars;    /* of these, without a sound mapping to Unicode */
    uint32_t has_markings; /* ink, stamps, free drawings laid over the page */
    uint32_t turn;         /* degrees clockwise (0, 90, 180, 270) that make the text layer upright: mostly 0 */
    double image_share;    /* of the page's area that pictures cover */
    /* Bit x of row y, from the top left of the upright page: a picture, or a drawing laid over it, covers the middle of
     * this cell. */
    uint32_t pictures[DECODE_CELLS];
    double width_pt, height_pt;
    uint64_t total;
};

struct word_record {
    float left, top, right, bottom; /* points, upright, origin top left */
    uint32_t text, field;           /* offsets into the texts; field 0 in what is no form field */
    uint32_t is_field, is_note, multiline; /* note: text that somebody typed over the page, all of it one record */
    float font_pt; /* of a field's value; 0: not known */
};

#endif
