#include "llm-svc/trust.h"

#include <math.h>
#include <string.h>

/* Values that were not recognised: only the attribution to a field can be wrong. */
#define NOT_RECOGNISED 0.99
/* Never told as certain, nor as impossible. */
#define MOST  0.9999
#define LEAST 0.0001

/* Recognition's own figure has a step here: measured on forms with known truth, values all of whose words
 * reach it are right in 99 of 100, those below in hardly half. */
#define SURE 0.88

#define SHORT_LETTERS 2
#define LONG_LETTERS  20.0
#define MOST_STRANGE  6
#define MOST_REFUSED  3
/* Half of the forms by hand have this share of words that were not read surely, hardly one in print has it. */
#define MOST_SHAKY 0.08

#define X(input) #input,
const char *const trust_names[TRUST_N] = {TRUST_INPUTS};
#undef X

static const double weights[TRUST_N] = {
#define TRUST(input, weight) [TRUST_##input] = (weight),
#include "llm-svc/trust.def"
#undef TRUST
};

void trust_inputs(const struct value *value, double x[TRUST_N])
{
    const struct signs *s = &value->signs;
    memset(x, 0, TRUST_N * sizeof *x);
    x[TRUST_one] = 1;
    x[TRUST_mean] = s->mean;
    x[TRUST_least] = s->least;
    x[TRUST_sure] = s->least >= SURE;
    double shaky = s->shaky < MOST_SHAKY ? s->shaky / MOST_SHAKY : 1;
    x[TRUST_page] = s->page;
    x[TRUST_shaky] = shaky;
    x[TRUST_refused] = s->refused < MOST_REFUSED ? s->refused : MOST_REFUSED;
    x[TRUST_short] = s->letters <= SHORT_LETTERS;
    x[TRUST_long] = s->letters / LONG_LETTERS;
    x[TRUST_unknown] = s->unknown;
    x[TRUST_near] = s->near;
    x[TRUST_corrected] = s->corrected;
    x[TRUST_strange] = s->strange < MOST_STRANGE ? s->strange : MOST_STRANGE;
    x[TRUST_odd] = s->odd;
    /* A child mostly has two names: one may have been lost. */
    x[TRUST_lone] = value->field->rule == FORM_NAME && value->field->required && s->words < 2;
    /* An address's signs are many, and its repairs mostly right. */
    bool address = value->field->rule == FORM_EMAIL;
    x[TRUST_repaired] = s->repaired && !address;
    x[TRUST_mended] = s->repaired && address;
    x[TRUST_twin] = s->twin ? shaky : 0;
    x[TRUST_nameless] = s->nameless;
    x[TRUST_agrees] = s->agrees;
    x[TRUST_heard] = s->heard;
    x[TRUST_differs] = s->differs;
    static const enum trust_input of_rule[] = {
        [FORM_TEXT] = TRUST_text,   [FORM_NAME] = TRUST_name,   [FORM_SCHOOL] = TRUST_school,
        [FORM_GRADE] = TRUST_grade, [FORM_PHONE] = TRUST_phone, [FORM_EMAIL] = TRUST_email,
        [FORM_ESSAY] = TRUST_text,   [FORM_CHOICE] = TRUST_text,
    };
    x[of_rule[value->field->rule]] = 1;
    /* Where a few signs are all there is, a doubtful one weighs differently. */
    bool grade = value->field->rule == FORM_GRADE;
    x[TRUST_grade_page] = grade ? s->page : 0;
    x[TRUST_grade_sure] = grade && s->least >= SURE;
}

double trust_of(const struct value *value)
{
    if (strcmp(value->source, "ocr")) return NOT_RECOGNISED * value->signs.label;
    double x[TRUST_N], sum = 0;
    trust_inputs(value, x);
    for (int i = 0; i < TRUST_N; i++) sum += weights[i] * x[i];
    double p = 1 / (1 + exp(-sum));
    return p > MOST ? MOST : p < LEAST ? LEAST : p;
}
