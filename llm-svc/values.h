/* values: what was filled in for each label of a page, with its evidence.  Pure.
 *
 * Every word that is not print belongs to at most one label: the nearest to its left in its row, else the
 * nearest above it in whose column it stands.  So a value never bleeds into its neighbour, whatever the
 * form's layout: on the label's line, on the line below, in columns, in table cells, over two lines. */
#ifndef SHEAF_LLM_SVC_VALUES_H
#define SHEAF_LLM_SVC_VALUES_H

#include "llm-svc/face.h"
#include "llm-svc/lexicon.h"

struct values {
    struct value *list;
    int n;
};

/* The values of one page that their rules accept, those of named form fields first, then from top to bottom, addresses
 * last; a field may occur more than once.  The caller frees with values_done(), also after a failure. */
int values_read(const vocabulary_t *vocabulary, const lexicon_t *lexicon, const struct face *face,
                struct values *values, struct err *err);
void values_done(struct values *values);

#endif
