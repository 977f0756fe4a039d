/* Pictures, by leptonica: PNG, JPEG, TIFF with many pages, WebP. Runs in the decoding child alone. */
#include <leptonica/allheaders.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include "lib/auto.h"
#include "ocr-svc/decode_format.h"
#include "ocr-svc/exif.h"

enum image_type { IMAGE_PNG, IMAGE_JPEG, IMAGE_TIFF, IMAGE_WEBP, IMAGE_UNKNOWN };

struct image {
    FILE *file;
    enum image_type type;
    int orientation; /* EXIF */
    struct limits limits;
};

static enum image_type type_of(const uint8_t *h, size_t len)
{
    if (len < 16) return IMAGE_UNKNOWN;
    if (memcmp(h, "\x89PNG\r\n\x1a\n", 8) == 0) return IMAGE_PNG;
    if (memcmp(h, "\xff\xd8\xff", 3) == 0) return IMAGE_JPEG;
    if (memcmp(h, "II*\0", 4) == 0 || memcmp(h, "MM\0*", 4) == 0) return IMAGE_TIFF;
    if (memcmp(h, "II+\0", 4) == 0 || memcmp(h, "MM\0+", 4) == 0) return IMAGE_TIFF; /* BigTIFF */
    if (memcmp(h, "RIFF", 4) == 0 && memcmp(h + 8, "WEBP", 4) == 0) return IMAGE_WEBP;
    return IMAGE_UNKNOWN;
}

static bool image_is(const uint8_t *head, size_t len)
{
    return type_of(head, len) != IMAGE_UNKNOWN;
}

/* The size of the n-th picture as its header states it, before anything is decoded. */
static enum decode_status size_of(struct image *m, int n, int64_t *w, int64_t *h)
{
    l_int32 width = 0, height = 0, ignored;
    l_ok bad = 1;
    uint8_t head[64];
    rewind(m->file);
    switch (m->type) {
    case IMAGE_PNG:
        bad = freadHeaderPng(m->file, &width, &height, &ignored, &ignored, &ignored);
        break;
    case IMAGE_JPEG:
        bad = freadHeaderJpeg(m->file, &width, &height, NULL, NULL, NULL);
        break;
    case IMAGE_TIFF:
        bad = freadHeaderTiff(m->file, n, &width, &height, &ignored, &ignored, NULL, NULL, NULL);
        break;
    case IMAGE_WEBP:
        bad = fread(head, 1, sizeof head, m->file) != sizeof head ||
              readHeaderMemWebP(head, sizeof head, &width, &height, &ignored);
        break;
    case IMAGE_UNKNOWN:
        break;
    }
    rewind(m->file);
    if (bad || width <= 0 || height <= 0) return DECODE_DAMAGED;
    *w = width;
    *h = height;
    return DECODE_OK;
}

static void image_close(void *doc)
{
    struct image *m = doc;
    if (m->file) fclose(m->file);
    free(m);
}

/* 1: as it lies; a TIFF's own tag is leptonica's to obey. */
static int orientation_of(int fd)
{
    struct stat st;
    if (fstat(fd, &st) != 0 || st.st_size <= 0) return 1;
    void *file = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (file == MAP_FAILED) return 1;
    int orientation = exif_orientation(file, (size_t)st.st_size);
    munmap(file, (size_t)st.st_size);
    return orientation;
}

static enum decode_status image_open(int fd, const struct limits *limits, void **doc, enum decode_kind *kind,
                                     int *pages)
{
    uint8_t head[16] = {0};
    setMsgSeverity(L_SEVERITY_NONE);
    ssize_t len = pread(fd, head, sizeof head, 0);
    struct image *m = calloc(1, sizeof *m);
    if (m) m->file = fdopen(fd, "rb");
    if (!m || !m->file || len < 0) {
        if (!m || !m->file) close(fd);
        if (m) image_close(m);
        return DECODE_NO_MEMORY;
    }
    m->limits = *limits;
    m->type = type_of(head, (size_t)len);
    m->orientation = orientation_of(fd);

    int64_t w = 0, h = 0;
    l_int32 n = 1;
    enum decode_status status = size_of(m, 0, &w, &h);
    if (status == DECODE_OK && m->type == IMAGE_TIFF && tiffGetCount(m->file, &n)) status = DECODE_DAMAGED;
    /* One page of a TIFF that is too large is that page's failure; a picture is its only page. */
    if (status == DECODE_OK && m->type == IMAGE_JPEG && limits_jpeg_reduction(limits, w, h) == 0)
        status = DECODE_PAGE_TOO_LARGE;
    if (status == DECODE_OK && (m->type == IMAGE_PNG || m->type == IMAGE_WEBP) &&
        !limits_pixels_ok(limits, w, h))
        status = DECODE_PAGE_TOO_LARGE;
    if (status != DECODE_OK) {
        image_close(m);
        return status;
    }
    *doc = m;
    *kind = m->type == IMAGE_TIFF ? DECODE_TIFF : DECODE_IMAGE;
    *pages = n;
    return DECODE_OK;
}

/* ---- decoding ------------------------------------------------------------------------------------ */

/* Where the name of a grey PNG's chunk stands that makes one of its shades transparent; 0: it has none. */
static off_t transparent_shade(int fd)
{
    uint8_t head[33], chunk[8];
    if (pread(fd, head, sizeof head, 0) != (ssize_t)sizeof head || head[25] != 0) return 0;
    for (off_t at = sizeof head; pread(fd, chunk, sizeof chunk, at) == (ssize_t)sizeof chunk;) {
        if (memcmp(chunk + 4, "IDAT", 4) == 0) return 0;
        if (memcmp(chunk + 4, "tRNS", 4) == 0) return at + 4;
        at += 12 + (off_t)((uint32_t)chunk[0] << 24 | (uint32_t)chunk[1] << 16 | (uint32_t)chunk[2] << 8 | chunk[3]);
    }
    return 0;
}

/* Leptonica takes a grey PNG of which one shade is transparent, mostly the paper's, for one that is so all over, and its page would
 * pass for blank.  Under another name the chunk is nobody's. */
static PIX *read_png(FILE *file)
{
    struct stat st;
    off_t shade = transparent_shade(fileno(file));
    if (shade == 0) return pixReadStreamPng(file);
    if (fstat(fileno(file), &st) != 0) return NULL;
    uint8_t *png = mmap(NULL, (size_t)st.st_size, PROT_READ | PROT_WRITE, MAP_PRIVATE, fileno(file), 0);
    if (png == MAP_FAILED) return NULL;
    png[shade] = 'x';
    PIX *pix = pixReadMemPng(png, (size_t)st.st_size);
    munmap(png, (size_t)st.st_size);
    return pix;
}

/* A JPEG that was scaled while it was decoded has fewer dots an inch, too. */
static PIX *read_jpeg(FILE *file, int reduction)
{
    PIX *pix = pixReadStreamJpeg(file, 0, reduction, NULL, 0);
    if (pix) pixSetResolution(pix, pixGetXRes(pix) / reduction, pixGetYRes(pix) / reduction);
    return pix;
}

/* NULL with *status. */
static PIX *decoded(struct image *m, int n, enum decode_status *status)
{
    int64_t w, h;
    PIX *pix = NULL;
    *status = size_of(m, n, &w, &h);
    if (*status != DECODE_OK) return NULL;
    int reduction = m->type == IMAGE_JPEG ? limits_jpeg_reduction(&m->limits, w, h) : 1;
    if (reduction == 0 || (m->type != IMAGE_JPEG && !limits_pixels_ok(&m->limits, w, h))) {
        *status = DECODE_PAGE_TOO_LARGE;
        return NULL;
    }
    switch (m->type) {
    case IMAGE_PNG:
        pix = read_png(m->file);
        break;
    case IMAGE_JPEG:
        pix = read_jpeg(m->file, reduction);
        break;
    case IMAGE_TIFF:
        pix = pixReadStreamTiff(m->file, n);
        break;
    case IMAGE_WEBP:
        pix = pixReadStreamWebP(m->file);
        break;
    case IMAGE_UNKNOWN:
        break;
    }
    if (!pix) *status = DECODE_DAMAGED;
    return pix;
}

/* Takes `pix`; what a step cannot do leaves NULL. */
static PIX *replaced(PIX *pix, PIX *by)
{
    pixDestroy(&pix);
    return by;
}

/* A see-through picture lies on white paper; colours become grey. */
static PIX *made_grey(PIX *pix)
{
    if (pixGetSpp(pix) == 4) pix = replaced(pix, pixRemoveAlpha(pix));
    if (pix && (pixGetDepth(pix) != 8 || pixGetColormap(pix))) pix = replaced(pix, pixConvertTo8(pix, 0));
    return pix;
}

/* EXIF 2 to 8: mirrored, turned, or both. */
static PIX *made_upright(PIX *pix, int orientation)
{
    static const struct {
        int quarter_turns, mirror;
    } how[9] = {{0, 0}, {0, 0}, {0, 1}, {2, 0}, {2, 1}, {1, 1}, {1, 0}, {3, 1}, {3, 0}};
    if (how[orientation].quarter_turns)
        pix = replaced(pix, pixRotateOrth(pix, how[orientation].quarter_turns));
    if (pix && how[orientation].mirror) pixFlipLR(pix, pix);
    return pix;
}

/* Fax lines are twice as far apart as the dots on them: without this letters come out half as high. */
static PIX *made_square(PIX *pix, int xres, int yres)
{
    if (xres < 50 || yres < 50) return pix;
    double ratio = (double)xres / yres;
    if (ratio > 0.8 && ratio < 1.25) return pix;
    if (ratio < 0.2 || ratio > 5) return pix;
    return replaced(pix, ratio > 1 ? pixScale(pix, 1, (l_float32)ratio)
                                   : pixScale(pix, (l_float32)(1 / ratio), 1));
}

static PIX *made_to_fit(PIX *pix, const struct limits *limits)
{
    double side = fmax(pixGetWidth(pix), pixGetHeight(pix));
    double pixels = (double)pixGetWidth(pix) * pixGetHeight(pix);
    double by = fmin(fmin(1, LIMITS_MAX_SIDE / side), sqrt((double)limits->max_pixels / pixels));
    return by < 1 ? replaced(pix, pixScale(pix, (l_float32)by, (l_float32)by)) : pix;
}

/* Pictures often carry a resolution that nobody meant (72, 96 or none). A page is taken to be between a
 * postcard and a poster; where the stated one says otherwise, its long side counts as 11 inches. */
static double plausible_dpi(const PIX *pix, int stated)
{
    double side = fmax(pixGetWidth(pix), pixGetHeight(pix));
    if (stated > 0 && side / stated >= 5 && side / stated <= 24) return stated;
    return side / 11;
}

static enum decode_status give(const PIX *pix, double dpi, struct pixel_sink *sink)
{
    uint32_t w = (uint32_t)pixGetWidth(pix), h = (uint32_t)pixGetHeight(pix);
    enum decode_status status = pixel_sink_begin(sink, w, h, w * 72 / dpi, h * 72 / dpi);
    if (status != DECODE_OK) return status;
    const l_uint32 *data = pixGetData((PIX *)(uintptr_t)pix);
    size_t words_per_line = (size_t)pixGetWpl(pix);
    for (uint32_t y = 0; y < h; y++) {
        const l_uint32 *line = data + y * words_per_line;
        uint8_t *to = sink->grey + (size_t)y * sink->header->stride;
        for (uint32_t x = 0; x < w; x++) to[x] = (uint8_t)GET_DATA_BYTE(line, x);
    }
    return DECODE_OK;
}

static enum decode_status image_pixels(void *doc, int number, int dpi, struct pixel_sink *sink)
{
    struct image *m = doc;
    enum decode_status status;
    (void)dpi; /* a picture has the pixels that it has */
    PIX *pix = decoded(m, number, &status);
    if (!pix) return status;
    int xres = pixGetXRes(pix), yres = pixGetYRes(pix);
    pix = made_grey(pix);
    if (pix) pix = made_upright(pix, m->orientation);
    if (pix && m->type == IMAGE_TIFF) pix = made_square(pix, xres, yres);
    if (pix) pix = made_to_fit(pix, &m->limits);
    if (!pix) return DECODE_PAGE_TOO_LARGE; /* only memory can be missing here */
    status = give(pix, plausible_dpi(pix, xres), sink);
    pixDestroy(&pix);
    return status;
}

const struct decode_format decode_format_image = {
    .name = "image",
    .is = image_is,
    .open = image_open,
    .pixels = image_pixels,
    .close = image_close,
};
