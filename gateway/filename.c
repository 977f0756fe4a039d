#include "gateway/filename.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define REPLACEMENT   "\xef\xbf\xbd"
#define EXTENSION_MAX 16

/* Bytes of the well-formed UTF-8 character at s (RFC 3629: no overlong forms, no surrogates), 0: there is
 * none. */
static size_t character(const unsigned char *s)
{
    size_t len = *s < 0x80                 ? 1
                 : *s >= 0xc2 && *s < 0xe0 ? 2
                 : (*s & 0xf0) == 0xe0     ? 3
                 : *s >= 0xf0 && *s < 0xf5 ? 4
                                           : 0;
    for (size_t i = 1; i < len; i++)
        if ((s[i] & 0xc0) != 0x80) return 0;
    if ((*s == 0xe0 && s[1] < 0xa0) || (*s == 0xed && s[1] > 0x9f)) return 0;
    if ((*s == 0xf0 && s[1] < 0x90) || (*s == 0xf4 && s[1] > 0x8f)) return 0;
    return len;
}

/* C0, DEL, C1, and the marks that turn the direction of text around (a name could lie about its extension).
 */
static bool is_control(const unsigned char *s, size_t len)
{
    if (len == 1) return *s < 0x20 || *s == 0x7f;
    if (len == 2) return (s[0] == 0xc2 && s[1] < 0xa0) || (s[0] == 0xd8 && s[1] == 0x9c);
    if (len != 3 || s[0] != 0xe2) return false;
    return (s[1] == 0x80 && (s[2] == 0x8e || s[2] == 0x8f || (s[2] >= 0xaa && s[2] <= 0xae))) ||
           (s[1] == 0x81 && s[2] >= 0xa6 && s[2] <= 0xa9);
}

static const char *without_folders(const char *name)
{
    const char *last = name;
    for (const char *c = name; *c; c++)
        if (*c == '/' || *c == '\\') last = c + 1;
    return last;
}

/* The last ".pdf" or the like, "" when there is none that is short and plain. */
static const char *extension(const char *name)
{
    const char *dot = strrchr(name, '.');
    if (!dot || dot == name || strlen(dot) > EXTENSION_MAX) return "";
    for (const char *c = dot + 1; *c; c++)
        if (!((*c >= '0' && *c <= '9') || ((*c | 0x20) >= 'a' && (*c | 0x20) <= 'z'))) return "";
    return dot;
}

void filename_clean(const char *raw, char out[FILENAME_BYTES + 1])
{
    const char *name = without_folders(raw), *tail = extension(name);
    const size_t tail_len = strlen(tail), room = FILENAME_BYTES - tail_len;
    const unsigned char *s = (const unsigned char *)name, *stop = s + strlen(name) - tail_len;
    size_t n = 0;
    while (*s == ' ') s++;
    while (s < stop) {
        const size_t len = character(s);
        const bool bad = len == 0 || is_control(s, len);
        const size_t add = bad ? sizeof REPLACEMENT - 1 : len;
        if (n + add > room) break;
        memcpy(out + n, bad ? REPLACEMENT : (const char *)s, add);
        n += add;
        s += len ? len : 1;
    }
    memcpy(out + n, tail, tail_len + 1);
    n += tail_len;
    while (n && out[n - 1] == ' ') out[--n] = '\0';
    if (n == 0 || strcmp(out, ".") == 0 || strcmp(out, "..") == 0) strcpy(out, "document");
}
