/* text: words for a terminal.  What comes from files and servers is shown without control characters and bytes that are not UTF-8. */
#ifndef SHEAF_CLI_TEXT_H
#define SHEAF_CLI_TEXT_H

#include <jansson.h>
#include "lib/buf.h"

/* Appends `text` (NULL: "-") in exactly `width` columns, cut with an ellipsis or filled with blanks; width 0:
 * as long as it is.  A column is one code point, which is right for the scripts of our forms. */
void text_cell(struct buf *b, const char *text, int width);
/* A bar of `width` columns, `share` of it (0...1) filled. */
void text_bar(struct buf *b, double share, int width);

/* Members of an answer; what is missing or of another type is "" (or the given text) and 0. */
const char *text_of(const json_t *object, const char *key);
const char *text_or(const json_t *object, const char *key, const char *otherwise);
double number_of(const json_t *object, const char *key);
long count_of(const json_t *object, const char *key);

/* One JSON value on standard output, indented. */
void text_print_json(const json_t *value);

#endif
