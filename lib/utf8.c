#include "lib/utf8.h"

#include <string.h>

static bool goes_on(unsigned char c)
{
    return (c & 0xC0) == 0x80;
}

/* The NUL at the end stops every read: it goes nothing on. */
size_t utf8_length(const char *text)
{
    const unsigned char *s = (const unsigned char *)text;
    if (s[0] < 0x80) return 1;
    size_t len = s[0] >= 0xC2 && s[0] <= 0xDF   ? 2
                 : (s[0] & 0xF0) == 0xE0        ? 3
                 : s[0] >= 0xF0 && s[0] <= 0xF4 ? 4
                                                : 0;
    for (size_t i = 1; i < len; i++)
        if (!goes_on(s[i])) return 0;
    if ((s[0] == 0xE0 && s[1] < 0xA0) || (s[0] == 0xF0 && s[1] < 0x90)) return 0; /* overlong */
    if ((s[0] == 0xED && s[1] > 0x9F) || (s[0] == 0xF4 && s[1] > 0x8F)) return 0; /* a surrogate, above U+10FFFF */
    return len;
}

bool utf8_is(const char *text)
{
    for (size_t n; *text; text += n)
        if (!(n = utf8_length(text))) return false;
    return true;
}

/* Only a character that begins in the last bytes can reach over the cut. */
size_t utf8_fit(const char *text, size_t max)
{
    size_t len = strnlen(text, max);
    if (len < max) return len;
    for (size_t back = 1; back < UTF8_BYTES && back <= len; back++)
        if (utf8_length(text + len - back) > back) return len - back;
    return len;
}

size_t utf8_count(const char *text, size_t len)
{
    size_t n = 0;
    for (const char *at = text; at < text + len && utf8_next(&at);) n++;
    return n;
}

size_t utf8_put(char to[UTF8_BYTES], uint32_t c)
{
    static const unsigned char first[UTF8_BYTES + 1] = {0, 0, 0xC0, 0xE0, 0xF0};
    if ((c >= 0xD800 && c <= 0xDFFF) || c > 0x10FFFF) c = UTF8_BAD;
    size_t n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    for (size_t i = n - 1; i > 0; i--, c >>= 6) to[i] = (char)(0x80 | (c & 0x3F));
    to[0] = (char)(first[n] | c);
    return n;
}

uint32_t utf8_next_beyond_ascii(const char **text)
{
    const unsigned char *s = (const unsigned char *)*text;
    size_t len = utf8_length(*text);
    *text += len ? len : 1;
    if (!len) return UTF8_BAD;
    uint32_t c = s[0] & (0x7Fu >> len);
    for (size_t i = 1; i < len; i++) c = c << 6 | (s[i] & 0x3Fu);
    return c;
}
