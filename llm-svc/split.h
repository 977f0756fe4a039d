/* split: which pages begin an entry.  Pure. */
#ifndef SHEAF_LLM_SVC_SPLIT_H
#define SHEAF_LLM_SVC_SPLIT_H

#include "llm-svc/face.h"

/* What splitting needs to know of a page. */
struct page_kind {
    bool failed;      /* could not be read */
    bool blank;       /* nobody's writing on it */
    bool ocr;         /* a scan */
    bool heads_essay; /* an essay's heading stands near its top */
    bool has_essay;   /* prose stands on it, under a heading or not */
    bool begins;      /* bears the form's labels at its top */
    int fields;       /* different fields labelled on it */
};

struct page_kind split_judge(const vocabulary_t *vocabulary, const struct face *face);

/* kinds[i] is page i + 1.  *split is the caller's: split_done(). */
int split_pages(const struct page_kind *kinds, int n, struct split *split, struct err *err);

#endif
