#include "lib/buf.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "lib/utf8.h"

/* Room for `more` bytes and the NUL behind them. */
static bool reserve(struct buf *b, size_t more)
{
    if (b->bad) return false;
    if (more > SIZE_MAX / 2 - b->len - 1) {
        b->bad = true;
        return false;
    }
    size_t need = b->len + more + 1;
    if (need <= b->cap) return true;
    size_t cap = b->cap ? b->cap : 64;
    while (cap < need) cap *= 2;
    char *data = realloc(b->data, cap);
    if (!data) {
        b->bad = true;
        return false;
    }
    b->data = data;
    b->cap = cap;
    return true;
}

void buf_add(struct buf *b, const void *data, size_t len)
{
    if (!reserve(b, len)) return;
    if (len) memcpy(b->data + b->len, data, len);
    b->len += len;
    b->data[b->len] = '\0';
}

void buf_puts(struct buf *b, const char *text)
{
    buf_add(b, text, strlen(text));
}

void buf_putc(struct buf *b, char c)
{
    buf_add(b, &c, 1);
}

void buf_printf(struct buf *b, const char *fmt, ...)
{
    /* Into the room there is, which mostly does: formatting only to count first was a twentieth of what a dispatcher does. */
    size_t room = b->bad ? 0 : b->cap - b->len;
    va_list args, again;
    va_start(args, fmt);
    va_copy(again, args);
    int n = vsnprintf(room ? b->data + b->len : NULL, room, fmt, args);
    va_end(args);
    if (n < 0) {
        b->bad = true;
    } else if ((size_t)n < room) {
        b->len += (size_t)n;
    } else if (reserve(b, (size_t)n)) {
        (void)vsnprintf(b->data + b->len, (size_t)n + 1, fmt, again);
        b->len += (size_t)n;
    }
    va_end(again);
}

void buf_put_utf8(struct buf *b, uint32_t c)
{
    char bytes[UTF8_BYTES];
    buf_add(b, bytes, utf8_put(bytes, c));
}

static void json_escape(struct buf *b, unsigned char c)
{
    switch (c) {
    case '"':
        buf_puts(b, "\\\"");
        break;
    case '\\':
        buf_puts(b, "\\\\");
        break;
    case '\n':
        buf_puts(b, "\\n");
        break;
    case '\r':
        buf_puts(b, "\\r");
        break;
    case '\t':
        buf_puts(b, "\\t");
        break;
    default:
        buf_printf(b, "\\u%04x", c);
    }
}

void buf_json_string(struct buf *b, const char *text)
{
    const unsigned char *s = (const unsigned char *)text;
    buf_putc(b, '"');
    while (*s) {
        size_t plain = 0; /* copied in runs: most texts need no escape at all */
        for (size_t n; s[plain]; plain += n) {
            n = s[plain] < 0x80 ? 1 : utf8_length((const char *)s + plain);
            if (n == 0 || (n == 1 && (s[plain] < 0x20 || s[plain] == '"' || s[plain] == '\\' || s[plain] == 0x7F))) break;
        }
        buf_add(b, s, plain);
        s += plain;
        if (!*s) break;
        if (*s < 0x80)
            json_escape(b, *s);
        else
            buf_put_utf8(b, UTF8_BAD);
        s++;
    }
    buf_putc(b, '"');
}

void buf_clear(struct buf *b)
{
    b->len = 0;
    b->bad = false;
    if (b->data) b->data[0] = '\0';
}

void buf_done(struct buf *b)
{
    free(b->data);
    *b = BUF_INIT;
}

char *buf_take(struct buf *b, size_t *len)
{
    buf_add(b, "", 0); /* an empty text is a text too */
    if (b->bad) {
        buf_done(b);
        return NULL;
    }
    char *data = b->data;
    if (len) *len = b->len;
    *b = BUF_INIT;
    return data;
}
