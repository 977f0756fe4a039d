#include "lib/review.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include "lib/auto.h"

#define CODES_MAX 128
#define CODE_TEXT 56

/* What proto/STAGES.md lets extraction observe; anything else in `observed` is not a code. */
static const char *const observable[] = {
    "BLANK_SUBMISSION",       "CONTENT_MISMATCH", "DOC_TYPE_UNKNOWN", "EXTRACTION_FALLBACK_USED",
    "FIELD_ATTRIBUTION_RISK", "OCR_FAILED",       "TEMPLATE_ONLY",
};

struct codes {
    char text[CODES_MAX][CODE_TEXT];
    int n;
};

/* Keeps the codes sorted and each once. */
static void add(struct codes *codes, const char *code)
{
    int at = 0;
    while (at < codes->n && strcmp(codes->text[at], code) < 0) at++;
    if (codes->n == CODES_MAX || (at < codes->n && !strcmp(codes->text[at], code))) return;
    memmove(codes->text[at + 1], codes->text[at], (size_t)(codes->n - at) * CODE_TEXT);
    snprintf(codes->text[at], CODE_TEXT, "%s", code);
    codes->n++;
}

static void add_missing(struct codes *codes, const char *field)
{
    char code[CODE_TEXT];
    snprintf(code, sizeof code, "MISSING_%s", field);
    for (char *p = code; *p; p++) *p = (char)toupper((unsigned char)*p);
    add(codes, code);
}

/* The value of a field, or NULL when it has none worth the name. */
static const char *value_of(const struct review_state *state, const struct form_field *field)
{
    const char *value = json_string_value(json_object_get(state->values, field->name));
    return value && value[strspn(value, " \t\r\n")] ? value : NULL;
}

static bool is_low(const struct review_state *state, const struct form_field *field)
{
    const json_t *confidence = json_object_get(state->confidences, field->name);
    return json_is_number(confidence) && json_number_value(confidence) < state->review_below;
}

static bool is_valid(const struct review_state *state, const struct form_field *field, const char *value)
{
    AUTO_FREE char *normal = form_normalise(state->form, field, value, NULL);
    return normal != NULL;
}

static void add_essay(const struct review_state *state, const struct form_field *field, struct codes *codes)
{
    if (!field->required) return;
    if (state->word_count <= 0)
        add(codes, "EMPTY_ESSAY");
    else if (state->word_count < field->min_words)
        add(codes, "SHORT_ESSAY");
}

static void add_field(const struct review_state *state, const struct form_field *field, struct codes *codes)
{
    const char *value = value_of(state, field);
    if (field->rule == FORM_ESSAY) {
        add_essay(state, field, codes);
        return;
    }
    if (!value) {
        if (field->required) add_missing(codes, field->name);
        return;
    }
    if (field->rule == FORM_GRADE && !is_valid(state, field, value)) add(codes, "INVALID_GRADE_RANGE");
    if (field->required && is_low(state, field)) add(codes, "OCR_LOW_CONFIDENCE");
}

/* A required name that says the same as a school: one of them stands in the wrong place.  -1: no memory. */
static int add_swap(const struct review_state *state, struct codes *codes)
{
    for (int i = 0; i < state->form->n_fields; i++) {
        const struct form_field *name = &state->form->fields[i];
        const char *a = name->rule == FORM_NAME && name->required ? value_of(state, name) : NULL;
        for (int j = 0; a && j < state->form->n_fields; j++) {
            const struct form_field *school = &state->form->fields[j];
            const char *b = school->rule == FORM_SCHOOL ? value_of(state, school) : NULL;
            if (!b) continue;
            AUTO_FREE char *x = form_fold(a);
            AUTO_FREE char *y = form_fold(b);
            if (!x || !y) return -1;
            if (!strcmp(x, y)) add(codes, "POSSIBLE_FIELD_SWAP");
        }
    }
    return 0;
}

static void add_observed(const json_t *observed, struct codes *codes)
{
    for (size_t i = 0; i < json_array_size(observed); i++) {
        const char *code = json_string_value(json_array_get(observed, i));
        for (size_t j = 0; code && j < COUNT_OF(observable); j++)
            if (!strcmp(code, observable[j])) add(codes, code);
    }
}

static bool is_accepted(const char *approved, const char *code)
{
    size_t len = strlen(code);
    for (const char *p = approved; p && *p; p += strcspn(p, ";"), p += *p == ';')
        if (strcspn(p, ";") == len && !memcmp(p, code, len)) return true;
    return false;
}

int review_codes(const struct review_state *state, char **codes, bool *needs_review)
{
    AUTO_FREE struct codes *found = calloc(1, sizeof *found);
    if (!found) return -1;
    for (int i = 0; i < state->form->n_fields; i++) add_field(state, &state->form->fields[i], found);
    if (add_swap(state, found)) return -1;
    add_observed(state->observed, found);
    if (state->sent_for_review) add(found, "SENT_FOR_REVIEW");

    AUTO(buf_done) struct buf text = BUF_INIT;
    bool open = false;
    buf_puts(&text, "");
    for (int i = 0; i < found->n; i++) {
        buf_printf(&text, "%s%s", i ? ";" : "", found->text[i]);
        open = open || !is_accepted(state->approved_codes, found->text[i]);
    }
    char *joined = buf_take(&text, NULL);
    if (!joined) return -1;
    *codes = joined;
    *needs_review = open;
    return 0;
}

bool review_can_approve(const struct review_state *state)
{
    for (int i = 0; i < state->form->n_fields; i++) {
        const struct form_field *field = &state->form->fields[i];
        if (field->required && field->rule != FORM_ESSAY && !value_of(state, field)) return false;
    }
    return true;
}
