/* trust: how likely a value is right, from what was noticed while it was read.
 *
 * A logistic model whose numbers stand in trust.def, fitted by tests/accuracy/calibrate.py on forms whose
 * truth is known, and told cautiously: as the low end of how often such values were right on forms that the fit had not seen.  Values of a text layer and of form fields were not recognised: they are as sure as their
 * label. */
#ifndef SHEAF_LLM_SVC_TRUST_H
#define SHEAF_LLM_SVC_TRUST_H

#include "llm-svc/llm.h"

/* The signs as the model's inputs: their names in trust.def, in this order. */
#define TRUST_INPUTS                                                                                         \
    X(one)                                                                                                   \
    X(mean)                                                                                                  \
    X(least)                                                                                                 \
    X(sure)                                                                                                  \
    X(page)                                                                                                  \
    X(shaky)                                                                                                 \
    X(refused) X(short) X(long) X(unknown) X(near) X(corrected) X(strange) X(odd) X(lone) X(repaired)        \
        X(mended) X(twin) X(nameless) X(agrees) X(differs) X(heard) X(again) X(clear) X(rest) X(beside) X(name) X(school) X(grade) X(phone) X(email) X(text) X(grade_page)              \
            X(grade_sure)
#define X(input) TRUST_##input,
enum trust_input { TRUST_INPUTS TRUST_N };
#undef X

extern const char *const trust_names[TRUST_N];

void trust_inputs(const struct value *value, double inputs[TRUST_N]);
/* 0 to 1 */
double trust_of(const struct value *value);

#endif
