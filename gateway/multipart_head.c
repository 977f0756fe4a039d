#include "gateway/multipart_head.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

/* A header's value being read: type, then parameters. */
struct cursor {
    const char *at, *end;
};

/* Also the line end inside a header that is folded (RFC 5322, 2.2.3). */
static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static bool is_token(char c)
{
    return c > 0x20 && c < 0x7f && !strchr("()<>@,;:\\\"/[]?=", c);
}

static void skip_blanks(struct cursor *c)
{
    while (c->at < c->end && is_blank(*c->at)) c->at++;
}

/* Adds one byte; what does not fit is dropped, and neither NUL nor the line end of a fold is a character of a name. */
static void put(char *out, size_t max, size_t *n, char byte)
{
    if (*n + 1 < max && byte && byte != '\r' && byte != '\n') out[(*n)++] = byte;
}

/* Browsers write %22, %0D and %0A for what may not stand in a quoted name (WHATWG, multipart/form-data
 * encoding); older clients write \" and \\ .  A backslash before anything else stands for itself: old
 * browsers send whole Windows paths. */
static int quoted(struct cursor *c, char *out, size_t max)
{
    size_t n = 0;
    c->at++;
    while (c->at < c->end && *c->at != '"') {
        const size_t left = (size_t)(c->end - c->at);
        if (*c->at == '\\' && left > 1 && (c->at[1] == '"' || c->at[1] == '\\'))
            c->at++;
        else if (left > 2 && strncasecmp(c->at, "%22", 3) == 0) {
            put(out, max, &n, '"');
            c->at += 3;
            continue;
        } else if (left > 2 && (strncasecmp(c->at, "%0d", 3) == 0 || strncasecmp(c->at, "%0a", 3) == 0)) {
            put(out, max, &n, ' ');
            c->at += 3;
            continue;
        }
        put(out, max, &n, *c->at++);
    }
    out[n] = '\0';
    if (c->at == c->end) return -1;
    c->at++;
    return 0;
}

static int token(struct cursor *c, char *out, size_t max)
{
    size_t n = 0;
    while (c->at < c->end && *c->at != ';' && !is_blank(*c->at)) put(out, max, &n, *c->at++);
    out[n] = '\0';
    return n ? 0 : -1;
}

/* The next "; key=value". 1: read, 0: the value is at its end, -1: malformed. */
static int parameter(struct cursor *c, char *key, size_t key_max, char *value, size_t value_max)
{
    size_t n = 0;
    skip_blanks(c);
    if (c->at == c->end) return 0;
    if (*c->at != ';') return -1;
    while (c->at < c->end && *c->at == ';') { /* there may be nothing between two (RFC 9110, 5.6.6) */
        c->at++;
        skip_blanks(c);
    }
    if (c->at == c->end) return 0;
    while (c->at < c->end && is_token(*c->at)) put(key, key_max, &n, *c->at++);
    key[n] = '\0';
    skip_blanks(c);
    if (n == 0 || c->at == c->end || *c->at++ != '=') return -1;
    skip_blanks(c);
    int rc = c->at < c->end && *c->at == '"' ? quoted(c, value, value_max) : token(c, value, value_max);
    return rc == 0 ? 1 : -1;
}

static bool takes_word(struct cursor *c, const char *word)
{
    const size_t len = strlen(word);
    skip_blanks(c);
    if ((size_t)(c->end - c->at) < len || strncasecmp(c->at, word, len) != 0) return false;
    if (c->at + len < c->end && is_token(c->at[len])) return false;
    c->at += len;
    return true;
}

int multipart_boundary(const char *content_type, char out[MULTIPART_BOUNDARY_MAX + 1], struct err *err)
{
    char key[32], value[MULTIPART_BOUNDARY_MAX + 8];
    const char *text = content_type ? content_type : "";
    struct cursor c = {text, text + strlen(text)};
    if (!takes_word(&c, "multipart/form-data"))
        return err_code(err, ERR_INPUT, "bad_multipart", "The request is not multipart/form-data.");
    while (parameter(&c, key, sizeof key, value, sizeof value) == 1) {
        if (strcasecmp(key, "boundary") != 0) continue;
        const size_t len = strlen(value);
        if (len == 0 || len > MULTIPART_BOUNDARY_MAX || strpbrk(value, "\r\n")) break;
        memcpy(out, value, len + 1);
        return 0;
    }
    return err_code(err, ERR_INPUT, "bad_multipart", "The request's Content-Type has no usable boundary.");
}

static int hex(char c)
{
    if (c >= '0' && c <= '9') return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* filename*=UTF-8''a%20b (RFC 8187), which some clients send beside or instead of filename. */
static bool extended(const char *value, char *out, size_t max)
{
    size_t n = 0;
    if (strncasecmp(value, "utf-8'", 6) != 0) return false;
    const char *at = strchr(value + 6, '\'');
    if (!at) return false;
    for (at++; *at; at++) {
        if (*at == '%' && hex(at[1]) >= 0 && hex(at[2]) >= 0) {
            put(out, max, &n, (char)(hex(at[1]) << 4 | hex(at[2])));
            at += 2;
        } else {
            put(out, max, &n, *at);
        }
    }
    out[n] = '\0';
    return true;
}

static int disposition(struct cursor c, struct multipart_names *names)
{
    char key[32], value[MULTIPART_FILENAME_MAX];
    bool named = false, star = false;
    int rc;
    if (!takes_word(&c, "form-data")) return -1;
    while ((rc = parameter(&c, key, sizeof key, value, sizeof value)) == 1) {
        if (strcasecmp(key, "name") == 0) {
            if (strlen(value) >= sizeof names->name) return -1;
            strcpy(names->name, value);
            named = true;
        } else if (strcasecmp(key, "filename") == 0) {
            if (!star) strcpy(names->filename, value);
            names->has_filename = true;
        } else if (strcasecmp(key, "filename*") == 0) {
            /* In an alphabet that is not known here it is no name, but what it belongs to is a file. */
            if (extended(value, names->filename, sizeof names->filename)) star = true;
            names->has_filename = true;
        }
    }
    return rc == 0 && named ? 0 : -1;
}

/* A line that begins with a blank goes on with the one before. */
static const char *line_end(const char *at, const char *end)
{
    while ((at = memchr(at, '\r', (size_t)(end - at)))) {
        const bool folded = end - at > 2 && at[1] == '\n' && (at[2] == ' ' || at[2] == '\t');
        if (!folded) return at;
        at += 2;
    }
    return end;
}

int multipart_head(const char *lines, size_t len, struct multipart_names *names)
{
    static const char field[] = "Content-Disposition:";
    const char *end = lines + len;
    memset(names, 0, sizeof *names);
    while (lines < end) {
        const char *stop = line_end(lines, end);
        const size_t line = (size_t)(stop - lines);
        if (line >= sizeof field - 1 && strncasecmp(lines, field, sizeof field - 1) == 0)
            return disposition((struct cursor){lines + sizeof field - 1, stop}, names);
        lines = stop + (end - stop >= 2 ? 2 : end - stop);
    }
    return -1;
}
