#include "ocr-svc/exif.h"

#include <stdbool.h>
#include <string.h>

struct tiff {
    const uint8_t *at;
    size_t len;
    bool big;
};

static uint32_t u16(const struct tiff *t, size_t at)
{
    if (at + 2 > t->len) return 0;
    return t->big ? (uint32_t)(t->at[at] << 8 | t->at[at + 1]) : (uint32_t)(t->at[at + 1] << 8 | t->at[at]);
}

static uint32_t u32(const struct tiff *t, size_t at)
{
    if (at + 4 > t->len) return 0;
    return t->big ? u16(t, at) << 16 | u16(t, at + 2) : u16(t, at + 2) << 16 | u16(t, at);
}

static int orientation_in(struct tiff t)
{
    if (t.len < 8) return 1;
    if (memcmp(t.at, "MM\0*", 4) == 0)
        t.big = true;
    else if (memcmp(t.at, "II*\0", 4) != 0)
        return 1;
    size_t directory = u32(&t, 4);
    if (directory > t.len) return 1;
    uint32_t n = u16(&t, directory);
    for (uint32_t i = 0; i < n && directory + 2 + 12 * (size_t)(i + 1) <= t.len; i++) {
        size_t entry = directory + 2 + 12 * (size_t)i;
        if (u16(&t, entry) != 274) continue;
        uint32_t value = u16(&t, entry + 8);
        return value >= 1 && value <= 8 ? (int)value : 1;
    }
    return 1;
}

/* Segments: FF, marker, length (big-endian, itself included), bytes. Exif lies in an APP1 before the scan. */
static int in_jpeg(const uint8_t *jpeg, size_t len)
{
    for (size_t at = 2; at + 4 <= len && jpeg[at] == 0xFF;) {
        uint8_t marker = jpeg[at + 1];
        if (marker == 0xFF) { /* as many as a writer likes may stand before a marker */
            at++;
            continue;
        }
        size_t size = (size_t)(jpeg[at + 2] << 8 | jpeg[at + 3]);
        if (marker == 0xDA || size < 2) break;
        size_t end = at + 2 + size < len ? at + 2 + size : len;
        if (marker == 0xE1 && end - at > 10 && memcmp(jpeg + at + 4, "Exif\0\0", 6) == 0)
            return orientation_in((struct tiff){.at = jpeg + at + 10, .len = end - at - 10});
        at += 2 + size;
    }
    return 1;
}

/* Chunks: length (big-endian, of the bytes alone), type, bytes, checksum. */
static int in_png(const uint8_t *png, size_t len)
{
    const struct tiff t = {.at = png, .len = len, .big = true};
    for (size_t at = 8; at + 8 <= len;) {
        size_t size = u32(&t, at), left = len - at - 8;
        if (memcmp(png + at + 4, "eXIf", 4) == 0)
            return orientation_in((struct tiff){.at = png + at + 8, .len = size < left ? size : left});
        if (size > left) break;
        at += 12 + size;
    }
    return 1;
}

/* Chunks: type, length (little-endian), bytes, one more when they are odd. Some writers put a JPEG's mark before the tags. */
static int in_webp(const uint8_t *webp, size_t len)
{
    const struct tiff t = {.at = webp, .len = len};
    for (size_t at = 12; at + 8 <= len;) {
        size_t size = u32(&t, at + 4), left = len - at - 8;
        if (memcmp(webp + at, "EXIF", 4) == 0) {
            size_t have = size < left ? size : left;
            size_t mark = have > 6 && memcmp(webp + at + 8, "Exif\0\0", 6) == 0 ? 6 : 0;
            return orientation_in((struct tiff){.at = webp + at + 8 + mark, .len = have - mark});
        }
        if (size > left) break;
        at += 8 + size + (size & 1);
    }
    return 1;
}

int exif_orientation(const uint8_t *file, size_t len)
{
    if (len >= 4 && memcmp(file, "\xff\xd8", 2) == 0) return in_jpeg(file, len);
    if (len >= 16 && memcmp(file, "\x89PNG\r\n\x1a\n", 8) == 0) return in_png(file, len);
    if (len >= 16 && memcmp(file, "RIFF", 4) == 0 && memcmp(file + 8, "WEBP", 4) == 0) return in_webp(file, len);
    return 1;
}
