/* buf: a growing byte string.  After a failed allocation it is `bad` and stays so: callers append
 * freely and check once at the end.  data is always NUL-terminated when not bad. One owner. */
#ifndef SHEAF_BUF_H
#define SHEAF_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf {
    char *data;
    size_t len, cap;
    bool bad;
};

#define BUF_INIT ((struct buf){0})

void buf_add(struct buf *b, const void *data, size_t len);
void buf_puts(struct buf *b, const char *text);
void buf_putc(struct buf *b, char c);
void buf_printf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void buf_put_utf8(struct buf *b, uint32_t c);          /* a character (utf8.h) */
void buf_json_string(struct buf *b, const char *text); /* quoted and escaped; invalid UTF-8 becomes U+FFFD */
void buf_clear(struct buf *b);                         /* keeps the memory */
void buf_done(struct buf *b);
char *buf_take(struct buf *b, size_t *len);            /* the caller frees; NULL when bad; b is empty afterwards */

#endif
