/* face: a page with the form's own print recognised on it: labels, titles, notes, and where the essay begins.
 * What is left over is what somebody filled in.  Pure. */
#ifndef SHEAF_LLM_SVC_FACE_H
#define SHEAF_LLM_SVC_FACE_H

#include "llm-svc/layout.h"
#include "lib/vocabulary.h"

enum word_role { ROLE_FREE, ROLE_LABEL, ROLE_TITLE, ROLE_NOTE };

struct label {
    const struct form_field *field;
    int row;
    int first, last; /* positions in the row's words, both inclusive */
    struct box box;
    double quality; /* 1: letter by letter as printed */
    bool colon;     /* ends with one */
};

struct face {
    const struct page *page;
    struct layout layout;
    struct label *labels; /* from top to bottom, from left to right */
    int n_labels;
    unsigned char *role; /* word -> enum word_role */
    int essay;           /* the label that heads the essay, or -1 */
    bool colons;         /* its labels end in colons, as far as one sees */
    double title_y;      /* top of the highest title as a share of the page's height; 2 when there is none */
};

int face_read(const vocabulary_t *vocabulary, const struct page *page, struct face *face, struct err *err);
void face_done(struct face *face);

/* How many different fields (the essay not counted) have a label that begins above `share` of the page's
 * height. */
int face_fields_above(const struct face *face, double share);

/* Is the word part of the form's print, or under the essay's heading? Then it is nobody's value. */
bool face_is_essay_word(const struct face *face, int word);

#endif
