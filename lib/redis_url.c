#define _GNU_SOURCE /* memrchr, explicit_bzero */
#include "lib/redis_inner.h"

#include <stdlib.h>
#include <string.h>

#define DEFAULT_PORT 6379
#define DB_MAX       65535

struct span {
    const char *at, *end;
};

static bool span_is_empty(struct span s)
{
    return s.at == s.end;
}

static const char *span_find(struct span s, char c)
{
    return span_is_empty(s) ? NULL : memchr(s.at, c, (size_t)(s.end - s.at));
}

static const char *span_find_last(struct span s, char c)
{
    return span_is_empty(s) ? NULL : memrchr(s.at, c, (size_t)(s.end - s.at));
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

/* NULL with ERR_CONFIG when an escape is malformed or hides a NUL, which no text of ours can hold. */
static char *decode(struct span s, struct err *err)
{
    char *out = malloc((size_t)(s.end - s.at) + 1);
    char *to = out;

    if (!out) {
        err_set(err, ERR_NOMEM, "Redis URL");
        return NULL;
    }
    while (s.at < s.end) {
        int high = 0, low = 0;
        if (*s.at != '%') {
            *to++ = *s.at++;
            continue;
        }
        if (s.end - s.at >= 3) {
            high = hex_value(s.at[1]);
            low = hex_value(s.at[2]);
        }
        if (s.end - s.at < 3 || high < 0 || low < 0 || (high == 0 && low == 0)) {
            free(out);
            err_set(err, ERR_CONFIG, "the Redis URL has a malformed %%-escape");
            return NULL;
        }
        *to++ = (char)(high << 4 | low);
        s.at += 3;
    }
    *to = '\0';
    return out;
}

static int parse_number(struct span s, int max, int *out)
{
    int value = 0;

    if (span_is_empty(s)) return -1;
    for (; s.at < s.end; s.at++) {
        if (*s.at < '0' || *s.at > '9') return -1;
        value = value * 10 + (*s.at - '0');
        if (value > max) return -1;
    }
    *out = value;
    return 0;
}

static int parse_userinfo(struct span s, struct redis_url *url, struct err *err)
{
    const char *colon = span_find(s, ':');
    struct span user = {s.at, colon ? colon : s.end};
    struct span password = {colon ? colon + 1 : s.end, s.end};

    if (!span_is_empty(user) && !(url->user = decode(user, err))) return -1;
    if (span_is_empty(user) && span_is_empty(password)) return 0;
    return (url->password = decode(password, err)) ? 0 : -1;
}

static int parse_host(struct span s, struct redis_url *url, struct err *err)
{
    struct span host = s, port = {s.end, s.end};
    const char *end_of_host = NULL;

    if (!span_is_empty(s) && *s.at == '[') {
        const char *bracket = span_find(s, ']');
        if (!bracket) return err_set(err, ERR_CONFIG, "the Redis URL has an unclosed [ in its host");
        host = (struct span){s.at + 1, bracket};
        end_of_host = bracket + 1;
    } else {
        end_of_host = span_find(s, ':');
        if (!end_of_host) end_of_host = s.end;
        host.end = end_of_host;
    }
    if (end_of_host < s.end) {
        if (*end_of_host != ':')
            return err_set(err, ERR_CONFIG, "the Redis URL has something odd after its host");
        port.at = end_of_host + 1;
    }
    url->port = DEFAULT_PORT;
    if (!span_is_empty(port) && (parse_number(port, 65535, &url->port) == -1 || url->port == 0))
        return err_set(err, ERR_CONFIG,
                       "the Redis URL's port is not a port number (characters like / in a password are "
                       "written as %%2F)");
    if (span_is_empty(host)) host = (struct span){"localhost", "localhost" + strlen("localhost")};
    return (url->host = decode(host, err)) ? 0 : -1;
}

/* Only db means anything to us; other clients' options (ssl_cert_reqs, health_check_interval, ...) are let
 * pass. */
static int parse_query(struct span s, struct redis_url *url, struct err *err)
{
    while (!span_is_empty(s)) {
        const char *amp = span_find(s, '&');
        struct span item = {s.at, amp ? amp : s.end};
        if (item.end - item.at > 3 && memcmp(item.at, "db=", 3) == 0 &&
            parse_number((struct span){item.at + 3, item.end}, DB_MAX, &url->db) == -1)
            return err_set(err, ERR_CONFIG, "the Redis URL's db is not a number");
        s.at = amp ? amp + 1 : s.end;
    }
    return 0;
}

static int parse_path(struct span path, bool is_unix, struct redis_url *url, struct err *err)
{
    if (is_unix) {
        if (path.end - path.at < 2) return err_set(err, ERR_CONFIG, "unix:// needs the path of a socket");
        return (url->unix_path = decode(path, err)) ? 0 : -1;
    }
    if (!span_is_empty(path)) path.at++; /* the slash */
    if (!span_is_empty(path) && parse_number(path, DB_MAX, &url->db) == -1)
        return err_set(err, ERR_CONFIG, "the Redis URL's path is not a database number");
    return 0;
}

static int parse_after_scheme(const char *text, bool is_unix, struct redis_url *url, struct err *err)
{
    struct span authority = {text, text + strcspn(text, "/?#")};
    struct span path = {authority.end, authority.end + strcspn(authority.end, "?#")};
    struct span query = {path.end, path.end};
    const char *at = span_find_last(authority, '@');

    if (*path.end == '?') query = (struct span){path.end + 1, path.end + strcspn(path.end, "#")};
    if (at && parse_userinfo((struct span){authority.at, at}, url, err) == -1) return -1;
    if (at) authority.at = at + 1;
    if (is_unix && !span_is_empty(authority))
        return err_set(err, ERR_CONFIG, "unix:// is followed by a third /");
    if (!is_unix && parse_host(authority, url, err) == -1) return -1;
    if (parse_path(path, is_unix, url, err) == -1) return -1;
    return parse_query(query, url, err);
}

int redis_url_parse(const char *text, struct redis_url *out, struct err *err)
{
    static const struct {
        const char *prefix;
        bool tls, is_unix;
    } schemes[] = {{"redis://", false, false}, {"rediss://", true, false}, {"unix://", false, true}};

    for (size_t i = 0; text && i < sizeof schemes / sizeof schemes[0]; i++) {
        struct redis_url url = {.tls = schemes[i].tls};
        size_t len = strlen(schemes[i].prefix);
        if (strncmp(text, schemes[i].prefix, len) != 0) continue;
        if (parse_after_scheme(text + len, schemes[i].is_unix, &url, err) == -1) {
            redis_url_done(&url);
            return -1;
        }
        *out = url;
        return 0;
    }
    return err_set(err, ERR_CONFIG, "a Redis URL begins with redis://, rediss:// or unix://");
}

void redis_url_done(struct redis_url *url)
{
    /* The compiler may not leave this out: the memory goes back to an allocator that others read from. */
    if (url->password) explicit_bzero(url->password, strlen(url->password));
    free(url->password);
    free(url->user);
    free(url->host);
    free(url->unix_path);
    *url = (struct redis_url){0};
}
