#include "cli/text.h"

#include <stdio.h>
#include <string.h>
#include "lib/utf8.h"

void text_cell(struct buf *b, const char *text, int width)
{
    if (!text || !*text) text = "-";
    int columns = (int)utf8_count(text, strlen(text)), cut = width && columns > width ? width - 1 : columns;
    for (int i = 0; i < cut; i++) {
        uint32_t c = utf8_next(&text);
        buf_put_utf8(b, utf8_is_control(c) ? '?' : c);
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
