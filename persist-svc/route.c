#include "persist-svc/route.h"

#include <string.h>
#include "lib/utf8.h"

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

bool route_decode(const char *raw, size_t len, bool is_query, char *out, size_t max)
{
    size_t n = 0;
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)raw[i];
        if (c == '%') {
            int high = i + 2 < len ? hex_digit(raw[i + 1]) : -1,
                low = i + 2 < len ? hex_digit(raw[i + 2]) : -1;
            if (high == -1 || low == -1) return false;
            c = (unsigned char)(high << 4 | low);
            i += 2;
        } else if (c == '+' && is_query) {
            c = ' ';
        }
        if (c < 0x20 || c == 0x7f || n + 1 >= max) return false;
        out[n++] = (char)c;
    }
    if (n >= max) return false;
    out[n] = '\0';
    return utf8_is(out);
}

const char *route_path(const char *target, size_t *len)
{
    const char *scheme = strstr(target, "://"), *path = target;
    if (*target != '/' && scheme) {
        path = strchr(scheme + 3, '/');
        if (!path) path = "/";
    }
    *len = strcspn(path, "?#");
    return path;
}

bool route_matches(const char *pattern, const char *path, size_t path_len, struct route_match *match)
{
    const char *end = path + path_len;
    int n = 0;
    for (; *pattern; pattern++) {
        if (*pattern != ':' && *pattern != '*') {
            if (path == end || *path++ != *pattern) return false;
            continue;
        }
        size_t len = (size_t)(end - path);
        const char *slash = memchr(path, '/', len);
        if (*pattern == ':' && slash) len = (size_t)(slash - path);
        if (len == 0 || n == ROUTE_CAPTURES || !route_decode(path, len, false, match->part[n++], ROUTE_TEXT))
            return false;
        path += len;
    }
    return path == end;
}

int route_param(const char *query, const char *name, char *out, size_t max)
{
    size_t name_len = strlen(name);
    while (query && *query) {
        size_t len = strcspn(query, "&");
        if (len > name_len && query[name_len] == '=' && strncmp(query, name, name_len) == 0)
            return route_decode(query + name_len + 1, len - name_len - 1, true, out, max) ? 1 : -1;
        query += len + (query[len] == '&');
    }
    return 0;
}
