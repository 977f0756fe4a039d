/* answered: whether the text of a page answers all that the form asks on it, so that nobody has to look whether an answer was
 * written over it.  Pure; any thread. */
#ifndef SHEAF_OCR_SVC_ANSWERED_H
#define SHEAF_OCR_SVC_ANSWERED_H

#include "lib/vocabulary.h"
#include "ocr-svc/decode.h"

/* True: each of the form's labels that stand on the page has typed words, a field's value or a note beside or below it, an essay's
 * heading a text; or none stands there and prose fills the page.  False is the careful answer: something may be missing, the page is of another form,
 * its text does not run level, or memory is short. */
bool answered_by_text(const vocabulary_t *vocabulary, const struct decode_words *words);

#endif
