/* letters: how likely a letter follows others in words of English and Spanish (letters/README.md).
 *
 * Case and accents do not count, but ñ is a letter of its own.  Pure; any thread. */
#ifndef SHEAF_OCR_SVC_LETTERS_H
#define SHEAF_OCR_SVC_LETTERS_H

#include <stdbool.h>
#include <stdint.h>

#define LETTERS_SIGNS  28
#define LETTERS_ENYE   26
#define LETTERS_EDGE   27 /* where a word begins or ends */
#define LETTERS_BEFORE 4  /* so many signs tell the next; what stands further before does not count */

/* The sign (0 to 26) of a code point; -1: it is no letter of these languages. */
int letters_sign(uint32_t letter);
/* Is it an upper-case letter of Latin-1? */
bool letters_is_large(uint32_t letter);
/* Is it one of the small marks within and behind words: a stop, a hyphen, an ordinal's sign? */
bool letters_is_mark(uint32_t letter);

/* Natural logarithm of how likely the sign `next` follows the n signs of `before` in a word; below 0.  A word begins with an edge. */
float letters_follow(const uint8_t *before, int n, int next);

#endif
