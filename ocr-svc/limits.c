#include "ocr-svc/limits.h"

#include <math.h>
#include <stddef.h>
#include "lib/auto.h"

/* An ordinary page is decoded in well under a second; a request that took the child this much processor time
 * does not end. The wall limit is wider, so that a busy machine is not taken for a hostile page. */
#define CPU_SECONDS 12
#define WALL_MS     18000

void limits_from_settings(struct limits *limits, const struct settings *settings)
{
    *limits = (struct limits){
        .child_bytes = settings->ocr_child_bytes,
        .max_pixels = settings->max_megapixels * 1000000,
        .max_pages = (int32_t)settings->max_pages,
        .cpu_seconds = CPU_SECONDS,
        .wall_ms = WALL_MS,
    };
}

/* Measured: the program's own pages, when all formats have been used, are 24 MiB. */
#define OWN_BYTES  (INT64_C(32) << 20)
#define LEAST_DATA (INT64_C(64) << 20)

int64_t limits_file_bytes(const struct limits *limits)
{
    return limits->max_pixels + limits->max_pixels / 8 + (1 << 20);
}

int64_t limits_data_bytes(const struct limits *limits)
{
    int64_t left = limits->child_bytes - limits_file_bytes(limits) - OWN_BYTES;
    return left > LEAST_DATA ? left : LEAST_DATA;
}

bool limits_pixels_ok(const struct limits *limits, int64_t width, int64_t height)
{
    return width > 0 && height > 0 && width <= INT32_MAX && height <= INT32_MAX &&
           width * height <= limits->max_pixels;
}

double limits_dpi_that_fits(const struct limits *limits, double width_pt, double height_pt, double wanted_dpi)
{
    if (!(width_pt > 0 && height_pt > 0 && isfinite(width_pt) && isfinite(height_pt))) return 0;
    double w = width_pt / 72, h = height_pt / 72;
    double dpi = wanted_dpi;
    dpi = fmin(dpi, sqrt((double)limits->max_pixels / w / h));
    dpi = fmin(dpi, LIMITS_MAX_SIDE / fmax(w, h));
    return dpi >= LIMITS_MIN_DPI ? dpi : 0;
}

int limits_jpeg_reduction(const struct limits *limits, int64_t width, int64_t height)
{
    for (int by = 1; by <= 8; by *= 2) {
        int64_t w = (width + by - 1) / by, h = (height + by - 1) / by;
        if (limits_pixels_ok(limits, w, h) && w <= LIMITS_MAX_SIDE && h <= LIMITS_MAX_SIDE) return by;
    }
    return 0;
}

int limits_refuse(const struct limits *limits, enum decode_status status, struct err *err)
{
    switch (status) {
    case DECODE_ENCRYPTED:
        return err_code(err, ERR_INPUT, "encrypted",
                        "This document is protected with a password. Remove the password and upload it again.");
    case DECODE_NO_PAGES:
        return err_code(err, ERR_INPUT, "no_pages", "This document has no pages.");
    case DECODE_TOO_MANY_PAGES:
        return err_code(err, ERR_LIMIT, "too_many_pages",
                        "This document has more than %d pages. Split it and upload the parts.",
                        limits->max_pages);
    case DECODE_PAGE_TOO_LARGE:
        return err_code(
            err, ERR_LIMIT, "page_too_large",
            "A page of this document is too large to be read (more than %d megapixels, or more memory "
            "than one page may take).",
            (int)(limits->max_pixels / 1000000));
    case DECODE_UNSUPPORTED:
        return err_code(
            err, ERR_INPUT, "unsupported_type",
            "This file is not of a type that can be read. Upload a PDF, PNG, JPEG, TIFF, WebP or HEIC.");
    case DECODE_TIMEOUT:
        return err_code(err, ERR_TIMEOUT, "timeout", "A page took too long to be read.");
    case DECODE_NO_MEMORY:
        return err_set(err, ERR_NOMEM, "out of memory while a document was decoded");
    case DECODE_NO_SUCH_PAGE:
    case DECODE_DAMAGED:
        return err_code(err, ERR_INPUT, "damaged", "This file is damaged and cannot be read.");
    case DECODE_OK:
    case DECODE_STATUSES:
        break;
    }
    return err_set(err, ERR_BUG, "decode status %d", (int)status);
}
