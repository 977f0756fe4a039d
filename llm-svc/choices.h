/* choices: which of a field's printed answers was ticked.  Pure.
 *
 * A form prints the answers and a box beside each: "[ ] Adult  [x] Child".  The boxes stand on one side of
 * their answers, in a row or below one another; recognition makes all kinds of signs of an empty box, and of
 * a ticked one others.  One that is ticked among others that are not is the answer, and so is the only one
 * that is there at all, since then it was written. Anything else is none: a value is not invented. */
#ifndef SHEAF_LLM_SVC_CHOICES_H
#define SHEAF_LLM_SVC_CHOICES_H

#include "llm-svc/llm.h"

struct choice_made {
    const struct form_choice *choice; /* NULL: none, or not clear which */
    int first, n;                     /* its mark and its text: positions in `words` */
    bool doubtful;                    /* its text or its mark was not read as it should be */
};

/* `words` are the page's words that answer the field, in reading order. */
struct choice_made choices_read(const struct page *page, const struct form_field *field, const int *words,
                                int n);

#endif
