/* form_text: the characters of a form's texts: how forms.c and the rules see a letter.
 *
 * Only lib/form*.c include this.  Pure; any thread; any bytes are fine.
 */
#ifndef SHEAF_FORM_TEXT_H
#define SHEAF_FORM_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What a code point folds to: an ASCII letter or digit in lower case, 0 for what separates words, FORM_MARK
 * for a combining accent (nothing at all), or the code point itself (a letter of another script). */
#define FORM_MARK 0x110000u
uint32_t form_base(uint32_t cp);

bool form_is_apostrophe(uint32_t cp);
bool form_is_hyphen(uint32_t cp);

/* Runs of white space and control characters to one space, trimmed. The caller frees; NULL: no memory. */
char *form_squash(const char *text);

#endif
