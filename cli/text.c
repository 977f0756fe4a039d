#include "cli/text.h"

#include <stdio.h>
#include <string.h>

/* Bytes of the code point at `s`; an invalid byte counts as one. */
static size_t point_len(const char *s)
{
    size_t n = 1;
    while (((unsigned char)s[n] & 0xC0) == 0x80) n++;
    return n;
}

/* C0, DEL, and C1 (U+0080 to U+009F), which terminals obey as well. */
static int is_control(const char *s)
{
    unsigned char c = (unsigned char)s[0];
    return c < 0x20 || c == 0x7F || (c == 0xC2 && (unsigned char)s[1] < 0xA0) || (c >= 0x80 && c < 0xC0);
}

static int columns_of(const char *text)
{
    int n = 0;
    for (; *text; text += point_len(text)) n++;
    return n;
}

void text_cell(struct buf *b, const char *text, int width)
{
    if (!text || !*text) text = "-";
    int columns = columns_of(text), cut = width && columns > width ? width - 1 : columns;
    for (int i = 0; i < cut; i++, text += point_len(text)) {
        if (is_control(text))
            buf_putc(b, '?');
        else
            buf_add(b, text, point_len(text));
    }
    if (cut < columns) buf_puts(b, "…");
    for (int i = columns; i < width; i++) buf_putc(b, ' ');
}

void text_bar(struct buf *b, double share, int width)
{
    int filled = share <= 0 ? 0 : share >= 1 ? width : (int)(share * width);
    for (int i = 0; i < width; i++) buf_puts(b, i < filled ? "█" : "░");
}

const char *text_of(const json_t *object, const char *key)
{
    return text_or(object, key, "");
}

const char *text_or(const json_t *object, const char *key, const char *otherwise)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : otherwise;
}

double number_of(const json_t *object, const char *key)
{
    return json_number_value(json_object_get(object, key));
}

long count_of(const json_t *object, const char *key)
{
    return (long)json_integer_value(json_object_get(object, key));
}

void text_print_json(const json_t *value)
{
    (void)json_dumpf(value, stdout, JSON_INDENT(2) | JSON_ENCODE_ANY);
    (void)putchar('\n');
}
