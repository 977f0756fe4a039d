/* layout: the words of a page as rows, by their boxes alone, so that recognised words, text layers and form
 * fields are treated alike.  Pure. */
#ifndef SHEAF_LLM_SVC_LAYOUT_H
#define SHEAF_LLM_SVC_LAYOUT_H

#include "llm-svc/llm.h"

struct row {
    const int *words; /* indexes into page->words, from left to right */
    int n;
    struct box box;
};

struct layout {
    struct row *rows; /* from top to bottom */
    int n_rows;
    int *order;    /* what the rows point into */
    int *row_of;   /* word -> row */
    double height; /* the usual height of a word, points */
};

int layout_read(const struct page *page, struct layout *layout, struct err *err);
void layout_done(struct layout *layout);

/* Share of the lower of two boxes that the other covers from top to bottom, 0 to 1. */
double box_overlap_y(const struct box *a, const struct box *b);
void box_join(struct box *into, const struct box *other);
double box_height(const struct box *b);

#endif
