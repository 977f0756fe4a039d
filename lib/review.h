/* review: which codes a record carries and whether a person must look at it.
 *
 * The one function that derives `review_reason_codes` and `needs_review` from a record's state (CONTRACT
 * section 5), used after every save, edit, approval and wish for review.  Pure; any thread.
 */
#ifndef SHEAF_REVIEW_H
#define SHEAF_REVIEW_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include "lib/buf.h"
#include "lib/form.h"

struct review_state {
    const form_t *form;
    const json_t *values;       /* object: field name -> string (absent, null or "" = missing) */
    const json_t *confidences;  /* object: field name -> number; a field that a person set is not in it */
    const json_t *observed;     /* array of strings: what extraction saw (proto/STAGES.md), may be NULL */
    const char *essay_text;     /* may be NULL */
    int word_count;
    bool sent_for_review;       /* a person asked for it */
    const char *approved_codes; /* codes a person accepted, joined by ';'; may be NULL */
    double review_below;        /* SHEAF_REVIEW_BELOW */
};

/* *codes: sorted, each once, joined by ';', "" when none (the caller frees). *needs_review: at least one code that no
 * person accepted.  0, or -1 when memory is out. */
int review_codes(const struct review_state *state, char **codes, bool *needs_review);
/* May a person approve it: name, school and grade are there. */
bool review_can_approve(const struct review_state *state);

#endif
