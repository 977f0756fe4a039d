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

/* Another, within what was read at once: of names by hand below it 93 of 100 are right, above 98. */
#define CLEAR 0.92
/* Figures read this surely were right in all of 164, of grades by hand. */
#define SUREST_FIGURE 0.96

/* A page by hand is read with a mean of 0.8 to 0.96, print with 0.95; in tenths, as a difference of one says much. */
#define USUAL_PAGE 0.9
#define PAGE_STEPS 10

#define SHORT_LETTERS 2
#define LONG_LETTERS  20.0
#define MOST_STRANGE  6
#define MOST_REFUSED  3
/* Half of the forms by hand have this share of words that were not read surely, hardly one in print has it. */
#define MOST_SHAKY 0.08
/* Of that share; one typed form in seven has as much, by hand four of five. */
#define BY_HAND 0.2

#define X(input) #input,
const char *const trust_names[TRUST_N] = {TRUST_INPUTS};
#undef X

static const double weights[TRUST_N] = {
#define TRUST(input, weight) [TRUST_##input] = (weight),
#define CAUTION(sum, told)
#include "llm-svc/trust.def"
#undef CAUTION
#undef TRUST
};

/* How often values of about this sum were right that the fit had not seen: the low end of the interval, so that where few
 * were seen less is said. */
static const struct {
    double sum, told;
} seen[] = {
#define TRUST(input, weight)
#define CAUTION(sum, told) {(sum), (told)},
#include "llm-svc/trust.def"
#undef CAUTION
#undef TRUST
};
#define SEEN ((int)(sizeof seen / sizeof *seen))

void trust_inputs(const struct value *value, double x[TRUST_N])
{
    const struct signs *s = &value->signs;
    memset(x, 0, TRUST_N * sizeof *x);
    x[TRUST_one] = 1;
    x[TRUST_mean] = s->mean;
    x[TRUST_least] = s->least;
    x[TRUST_sure] = s->least >= SURE;
    double shaky = s->shaky < MOST_SHAKY ? s->shaky / MOST_SHAKY : 1;
    x[TRUST_page] = PAGE_STEPS * (s->page - USUAL_PAGE);
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
    x[TRUST_twin] = s->twin && shaky >= BY_HAND && s->least < SUREST_FIGURE;
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
    /* Readings that agree only in the end say less of a word (90 of 100 right, read at once 98) than of figures, which have few other
     * shapes. */
    bool figures = value->field->rule == FORM_GRADE || value->field->rule == FORM_PHONE;
    x[TRUST_again] = !figures && s->again > 0;
    x[TRUST_clear] = value->field->rule != FORM_GRADE && s->least >= CLEAR && !x[TRUST_again];
    /* Names that agree do so in a family name: the others are vouched for by nothing. */
    x[TRUST_rest] = value->field->rule == FORM_NAME && s->agrees && s->unknown > 1 ? s->unknown - 1 : 0;
    x[TRUST_beside] = s->beside;
    /* Where a few signs are all there is, a doubtful one weighs differently. */
    bool grade = value->field->rule == FORM_GRADE;
    x[TRUST_grade_page] = grade ? x[TRUST_page] : 0;
    x[TRUST_grade_sure] = grade && s->least >= SURE;
}

static double log_odds(double p)
{
    return log(p / (1 - p));
}

/* A sum as its confidence's log odds: between two places that were seen a straight line, outside them as far off as the outermost. */
static double be_cautious(double sum)
{
    if (sum <= seen[0].sum) return sum - seen[0].sum + log_odds(seen[0].told);
    for (int i = 1; i < SEEN; i++) {
        if (sum > seen[i].sum) continue;
        double low = log_odds(seen[i - 1].told), high = log_odds(seen[i].told);
        return low + (high - low) * (sum - seen[i - 1].sum) / (seen[i].sum - seen[i - 1].sum);
    }
    return sum - seen[SEEN - 1].sum + log_odds(seen[SEEN - 1].told);
}

double trust_of(const struct value *value)
{
    if (strcmp(value->source, "ocr")) return NOT_RECOGNISED * value->signs.label;
    double x[TRUST_N], sum = 0;
    trust_inputs(value, x);
    for (int i = 0; i < TRUST_N; i++) sum += weights[i] * x[i];
    double p = 1 / (1 + exp(-be_cautious(sum)));
    return p > MOST ? MOST : p < LEAST ? LEAST : p;
}
