/* limits: how large a document and a page may be, and what the user is told when it is larger.
 * Pure functions, any thread, both sides of the decoding child. */
#ifndef SHEAF_OCR_SVC_LIMITS_H
#define SHEAF_OCR_SVC_LIMITS_H

#include <stdbool.h>
#include <stdint.h>
#include "lib/err.h"
#include "lib/settings.h"

struct limits {
    int64_t child_bytes; /* memory of the decoding child, all in all */
    int64_t max_pixels;  /* of one decoded page */
    int32_t max_pages;
    int32_t cpu_seconds; /* of the child for one request */
    int64_t wall_ms;     /* of the child for one request */
};

#define LIMITS_MAX_SIDE 30000 /* pixels; Tesseract's coordinates are 16 bits with a sign */
#define LIMITS_MIN_DPI  8     /* below it a page of any size has no text left to read */

void limits_from_settings(struct limits *limits, const struct settings *settings);

/* The largest memory file that the child may write: a page of pixels with its header. */
int64_t limits_file_bytes(const struct limits *limits);
/* Of child_bytes, what the child may allocate: the rest is for that file and for the program itself. */
int64_t limits_data_bytes(const struct limits *limits);

/* The highest resolution up to `wanted_dpi` at which a page of this size in points keeps the limits. 0 when
 * there is none worth rendering, or the size makes no sense. */
double limits_dpi_that_fits(const struct limits *limits, double width_pt, double height_pt,
                            double wanted_dpi);

/* By how much (1, 2, 4 or 8) a JPEG of this size is scaled down while it is decoded; 0: not even that is
 * enough. */
int limits_jpeg_reduction(const struct limits *limits, int64_t width, int64_t height);

/* Whether a picture may be decoded at its own size. */
bool limits_pixels_ok(const struct limits *limits, int64_t width, int64_t height);

/* How decoding ended. The numbers go over the child's socket. */
enum decode_status {
    DECODE_OK,
    DECODE_ENCRYPTED,
    DECODE_NO_PAGES,
    DECODE_DAMAGED,
    DECODE_TOO_MANY_PAGES,
    DECODE_PAGE_TOO_LARGE,
    DECODE_UNSUPPORTED,
    DECODE_TIMEOUT,
    DECODE_NO_SUCH_PAGE,
    DECODE_NO_MEMORY,
    DECODE_STATUSES
};

/* Fills *err with kind, code and the text a user reads. `limits` is looked at only for a text that names one.
 * Returns -1; DECODE_OK is a mistake. */
int limits_refuse(const struct limits *limits, enum decode_status status, struct err *err);

#endif
