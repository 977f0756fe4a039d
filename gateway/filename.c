#include "gateway/filename.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include "lib/utf8.h"

#define EXTENSION_MAX 16

/* C0, DEL, C1, and the marks that turn the direction of text around (a name could lie about its extension).
 */
static bool is_control(uint32_t c)
{
    return utf8_is_control(c) || c == 0x61C || c == 0x200E || c == 0x200F || (c >= 0x202A && c <= 0x202E) ||
           (c >= 0x2066 && c <= 0x2069);
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
    const char *s = name, *stop = s + strlen(name) - tail_len;
    size_t n = 0;
    while (*s == ' ') s++;
    while (s < stop) {
        char bytes[UTF8_BYTES];
        const uint32_t c = utf8_next(&s);
        const size_t add = utf8_put(bytes, is_control(c) ? UTF8_BAD : c);
        if (n + add > room) break;
        memcpy(out + n, bytes, add);
        n += add;
    }
    memcpy(out + n, tail, tail_len + 1);
    n += tail_len;
    while (n && out[n - 1] == ' ') out[--n] = '\0';
    if (n == 0 || strcmp(out, ".") == 0 || strcmp(out, "..") == 0) strcpy(out, "document");
}
