/* owners: which label each filled-in word of a page belongs to.  Pure. */
#ifndef SHEAF_LLM_SVC_OWNERS_H
#define SHEAF_LLM_SVC_OWNERS_H

#include "llm-svc/face.h"

enum owned {
    OWNED_NOT,
    OWNED_BESIDE, /* on the label's line, right of it */
    OWNED_BELOW,  /* under it, in its column */
    OWNED_NAMED   /* a PDF form field whose name says what it is: no label needed */
};

struct owner {
    int label; /* index into face->labels; -1: nobody's */
    enum owned how;
};

/* One for each word of the page, at owners[word]. */
void owners_find(const struct face *face, struct owner *owners);

/* Where the column of a label ends: at the next label of its row, or at the page's edge. Points. */
double owners_column_end(const struct face *face, int label);

#endif
