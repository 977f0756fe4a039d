/* sniff: what kind of document some bytes are, judged by the bytes. Pure. */
#ifndef SHEAF_GATEWAY_SNIFF_H
#define SHEAF_GATEWAY_SNIFF_H

#include <stddef.h>

#define SNIFF_BYTES 4096 /* that many of the beginning are enough */

enum sniff_type {
    SNIFF_UNKNOWN,
    SNIFF_PDF,
    SNIFF_PNG,
    SNIFF_JPEG,
    SNIFF_TIFF,
    SNIFF_WEBP,
    SNIFF_HEIC,
    SNIFF_DOC, /* these two are read where ocr-svc has LibreOffice; it says so when it has none */
    SNIFF_DOCX
};

enum sniff_type sniff(const void *head, size_t len);
const char *sniff_mime(enum sniff_type type);

#endif
