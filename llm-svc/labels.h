/* labels: finds a form's printed texts in one row of a page.  Pure. */
#ifndef SHEAF_LLM_SVC_LABELS_H
#define SHEAF_LLM_SVC_LABELS_H

#include "llm-svc/face.h"

/* Finds the labels of row `row`, appends them to face->labels (there is room for one a word) and marks roles.
 */
void labels_read_row(const vocabulary_t *vocabulary, struct face *face, int row);
/* Marks titles and notes that stand in row `row`; to be called before labels_read_row(). */
void labels_mark_print(const vocabulary_t *vocabulary, struct face *face, int row);

#endif
