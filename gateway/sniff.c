#define _GNU_SOURCE /* memmem */
#include "gateway/sniff.h"

#include <stdbool.h>
#include <string.h>

#define STARTS(data, len, text) ((len) >= sizeof(text) - 1 && memcmp(data, text, sizeof(text) - 1) == 0)

static bool contains(const char *data, size_t len, const char *text)
{
    return memmem(data, len, text, strlen(text)) != NULL;
}

/* ISO base media: a box "ftyp" with a major brand and a list of others; those of HEIF are enough to know it
 * by. */
static bool is_heic(const char *data, size_t len)
{
    static const char *const brands[] = {"heic", "heix", "heim", "heis", "hevc", "mif1", "msf1"};
    if (len < 12 || memcmp(data + 4, "ftyp", 4) != 0) return false;
    if (memcmp(data + 8, "avi", 3) == 0)
        return false; /* AVIF lists HEIF's brands, but nothing here reads it */
    const size_t box = (size_t)(unsigned char)data[2] << 8 | (unsigned char)data[3];
    const size_t end = box < len ? box : len;
    for (size_t at = 8; at + 4 <= end; at += 4) {
        for (size_t i = 0; at != 12 && i < sizeof brands / sizeof brands[0]; i++)
            if (memcmp(data + at, brands[i], 4) == 0) return true;
    }
    return false;
}

enum sniff_type sniff(const void *head, size_t size)
{
    const char *data = head;
    const size_t len = size > SNIFF_BYTES ? SNIFF_BYTES : size;
    /* Readers of PDF accept rubbish before the header within the first 1024 bytes (PDF 1.7, implementation
     * note 13). */
    if (contains(data, len > 1024 + 5 ? 1024 + 5 : len, "%PDF-")) return SNIFF_PDF;
    if (STARTS(data, len, "\x89PNG\r\n\x1a\n")) return SNIFF_PNG;
    if (STARTS(data, len, "\xff\xd8\xff")) return SNIFF_JPEG;
    if (STARTS(data, len, "II*") && len > 3 && data[3] == 0) return SNIFF_TIFF;
    if (len > 3 && memcmp(data, "MM\0", 3) == 0 && (data[3] == '*' || data[3] == '+')) return SNIFF_TIFF;
    if (STARTS(data, len, "II+") && len > 3 && data[3] == 0) return SNIFF_TIFF; /* BigTIFF */
    if (len >= 12 && STARTS(data, len, "RIFF") && memcmp(data + 8, "WEBP", 4) == 0) return SNIFF_WEBP;
    if (is_heic(data, len)) return SNIFF_HEIC;
    if (STARTS(data, len, "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1")) return SNIFF_DOC;
    if (STARTS(data, len, "PK\x03\x04") && contains(data, len, "word/")) return SNIFF_DOCX;
    return SNIFF_UNKNOWN;
}

const char *sniff_mime(enum sniff_type type)
{
    switch (type) {
    case SNIFF_PDF:
        return "application/pdf";
    case SNIFF_PNG:
        return "image/png";
    case SNIFF_JPEG:
        return "image/jpeg";
    case SNIFF_TIFF:
        return "image/tiff";
    case SNIFF_WEBP:
        return "image/webp";
    case SNIFF_HEIC:
        return "image/heic";
    case SNIFF_DOC:
        return "application/msword";
    case SNIFF_DOCX:
        return "application/vnd.openxmlformats-officedocument.wordprocessingml.document";
    case SNIFF_UNKNOWN:
        break;
    }
    return "application/octet-stream";
}
