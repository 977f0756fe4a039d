/* tidy: a line of recognised words as the text that was written: without the marks that ruled lines and
 * specks leave, words in one piece that were cut in two, letters that were read as other signs.  Pure. */
#ifndef SHEAF_LLM_SVC_TIDY_H
#define SHEAF_LLM_SVC_TIDY_H

#include "llm-svc/llm.h"

/* As it stands there: the words with spaces between.  The caller frees; NULL: no memory. */
char *tidy_raw(const struct page *page, const int *words, int n);
/* As it was probably meant, for a value of `rule`.  The caller frees; NULL: no memory. */
char *tidy_line(const struct page *page, const int *words, int n, enum form_rule rule);

#endif
