/* Which Word document some bytes are, if any. Pure. */
#define _GNU_SOURCE /* memmem */
#include <string.h>
#include "ocr-svc/office.h"

#define SECTOR 512 /* of an OLE container; Word's own stream begins at one */

static bool holds(const uint8_t *data, size_t len, const char *what, size_t n)
{
    return memmem(data, len, what, n) != NULL;
}
/* Names in an OLE directory are UTF-16. */
#define HOLDS_WIDE(data, len, wide) holds(data, len, (const char *)(wide), sizeof(wide) - sizeof *(wide))

/* The header of a DOC's main stream has a bit that says that the rest is encrypted ([MS-DOC] 2.5.1: wIdent A5EC, nFib,
 * and in the word at 10 the bit fEncrypted). */
static bool doc_is_locked(const uint8_t *data, size_t len)
{
    for (size_t at = SECTOR; at + 12 <= len; at += SECTOR) {
        const uint8_t *h = data + at;
        unsigned version = (unsigned)h[2] | (unsigned)h[3] << 8;
        if (h[0] == 0xEC && h[1] == 0xA5 && version >= 0x65 && version < 0x200) return h[11] & 1;
    }
    return false;
}

enum office_kind office_judge(const void *bytes, size_t len)
{
    const uint8_t *data = bytes;
    if (len >= 4 && memcmp(data, "PK\x03\x04", 4) == 0)
        return holds(data, len, "word/", 5) ? OFFICE_DOCX : OFFICE_OTHER;
    if (len < SECTOR || memcmp(data, "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", 8) != 0) return OFFICE_NONE;
    if (HOLDS_WIDE(data, len, u"EncryptedPackage")) return OFFICE_LOCKED; /* a DOCX with a password */
    if (!HOLDS_WIDE(data, len, u"WordDocument")) return OFFICE_OTHER;
    return doc_is_locked(data, len) ? OFFICE_LOCKED : OFFICE_DOC;
}
