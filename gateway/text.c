#include "gateway/text.h"

#include <string.h>

static int hex(char c)
{
    if (c >= '0' && c <= '9') return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int text_decode(const char *raw, size_t len, bool plus, char *out, size_t out_len)
{
    size_t n = 0;
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)raw[i];
        if (c == '%') {
            if (len - i < 3 || hex(raw[i + 1]) < 0 || hex(raw[i + 2]) < 0) return -1;
            c = (unsigned char)(hex(raw[i + 1]) << 4 | hex(raw[i + 2]));
            i += 2;
        } else if (c == '+' && plus) {
            c = ' ';
        }
        if (c < 0x20 || c == 0x7f || n + 1 >= out_len) return -1;
        out[n++] = (char)c;
    }
    out[n] = '\0';
    return 0;
}

int text_param(const char *text, char sep, const char *name, char *out, size_t out_len)
{
    const size_t name_len = strlen(name);
    while (*text) {
        const char *end = strchr(text, sep);
        size_t len = end ? (size_t)(end - text) : strlen(text);
        while (len && *text == ' ') text++, len--;
        if (len > name_len && text[name_len] == '=' && memcmp(text, name, name_len) == 0) {
            if (len == name_len + 1) return 0;
            return text_decode(text + name_len + 1, len - name_len - 1, sep == '&', out, out_len) == 0 ? 1
                                                                                                       : -1;
        }
        text += len;
        if (*text) text++;
    }
    return 0;
}

static bool is_dots(const char *segment)
{
    return strcmp(segment, ".") == 0 || strcmp(segment, "..") == 0;
}

int text_encode_path(const char *path, char *out, size_t out_len, const char *prefix)
{
    static const char digits[] = "0123456789ABCDEF", plain[] = "-._~/";
    char copy[TEXT_ARG_MAX], *save = NULL;
    size_t n = strlen(prefix);
    if (!*path || strlen(path) >= sizeof copy || n >= out_len) return -1;
    strcpy(copy, path);
    for (char *s = strtok_r(copy, "/", &save); s; s = strtok_r(NULL, "/", &save))
        if (is_dots(s)) return -1;
    memcpy(out, prefix, n);
    for (; *path; path++) {
        const unsigned char c = (unsigned char)*path;
        const bool alnum = (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');
        if (n + 4 > out_len) return -1;
        if (alnum || strchr(plain, c)) {
            out[n++] = (char)c;
        } else {
            out[n++] = '%';
            out[n++] = digits[c >> 4];
            out[n++] = digits[c & 15];
        }
    }
    out[n] = '\0';
    return 0;
}

/* "**": the rest may have slashes, but none of its segments may climb. */
static bool takes_rest(const char *path, char *out)
{
    char copy[TEXT_ARG_MAX];
    if (!*path || text_decode(path, strlen(path), false, out, TEXT_ARG_MAX) == -1) return false;
    strcpy(copy, out);
    char *save = NULL;
    for (char *s = strtok_r(copy, "/", &save); s; s = strtok_r(NULL, "/", &save))
        if (is_dots(s)) return false;
    return true;
}

bool text_path_matches(const char *pattern, const char *path, char (*arg)[TEXT_ARG_MAX], int args)
{
    int n = 0;
    while (*pattern) {
        if (*pattern != '*') {
            if (*pattern++ != *path++) return false;
            continue;
        }
        if (n == args) return false;
        if (pattern[1] == '*') return takes_rest(path, arg[n]);
        const size_t len = strcspn(path, "/");
        if (!len || text_decode(path, len, false, arg[n], TEXT_ARG_MAX) == -1 || is_dots(arg[n]))
            return false;
        path += len;
        pattern++;
        n++;
    }
    return *path == '\0';
}

bool text_path_under(const char *path, const char *prefix)
{
    const size_t len = strlen(prefix);
    return strncmp(path, prefix, len) == 0 && (path[len] == '\0' || path[len] == '/');
}

int text_number(const char *text, long long max, long long *out)
{
    long long n = 0;
    if (!*text) return -1;
    for (; *text; text++) {
        if (*text < '0' || *text > '9' || n > (max - (*text - '0')) / 10) return -1;
        n = n * 10 + (*text - '0');
    }
    *out = n;
    return 0;
}
