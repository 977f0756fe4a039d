/* utf8: a text as characters: the only place that knows UTF-8's bit patterns.  Pure; any thread.
 *
 * A text ends with NUL, and any bytes are fine in it.  A character is what the Unicode standard calls well-formed (table 3-7): the shortest form of a
 * code point up to U+10FFFF that is no surrogate.  Of all else (overlong forms, surrogates, values above, a character that the text's end or another
 * byte cuts off) every byte by itself stands for U+FFFD.  What is no letter to anybody (U+FFFE, private use) is a character all the same. */
#ifndef SHEAF_UTF8_H
#define SHEAF_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define UTF8_BAD   0xFFFDu /* stands for a byte that is not UTF-8; a text may have it itself: utf8_length() tells them apart */
#define UTF8_BYTES 4       /* of the longest character */

size_t utf8_length(const char *text);               /* bytes of the character that it begins with, 0: with none; of the NUL: 1 */
bool utf8_is(const char *text);                     /* throughout */
size_t utf8_fit(const char *text, size_t max);      /* how many of its bytes, at most `max`, end between two characters */
size_t utf8_count(const char *text, size_t len);    /* how many characters begin in its first `len` bytes */
size_t utf8_put(char to[UTF8_BYTES], uint32_t c);   /* how many bytes it became, without a NUL; what is no code point becomes U+FFFD */
uint32_t utf8_next_beyond_ascii(const char **text); /* utf8_next()'s own */

/* The character at *text, and *text moved behind it; UTF8_BAD and one byte on where there is none. 0 at the end, *text stays. */
static inline uint32_t utf8_next(const char **text)
{
    unsigned char c = (unsigned char)**text;
    if (c >= 0x80) return utf8_next_beyond_ascii(text);
    *text += c != 0;
    return c;
}

/* C0, DEL, and C1, which terminals obey as well. */
static inline bool utf8_is_control(uint32_t c)
{
    return c < 0x20 || (c >= 0x7F && c < 0xA0);
}

#endif
