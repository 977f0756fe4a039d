/* ground: a value that a model gave, checked against the words of the paper.  Pure.
 *
 * A value counts only when its quote stands on a page of the entry, outside the essay and the form's own print, and when the
 * words of that place give the value by the form's rule.  What the paper does not say is not taken, whoever says it. */
#ifndef SHEAF_LLM_SVC_GROUND_H
#define SHEAF_LLM_SVC_GROUND_H

#include "llm-svc/face.h"

struct claim {
    const struct form_field *field;
    const char *value, *quote; /* quote NULL: the value is its own */
    int page;                  /* 0: not said */
};

/* 1: grounded, *value is the caller's (value_done()).  0: not.  -1: ERR_NOMEM. */
int ground_claim(const form_t *form, const struct face *faces, int n_faces, const struct claim *claim, struct value *value,
                 struct err *err);

#endif
