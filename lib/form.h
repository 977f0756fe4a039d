/* form: the form file: which fields a form has, how it labels them, what a value must look like.
 *
 * A form is data (JSON), so that another form needs no C; the essay-contest form is built in
 * (lib/forms/essay-contest.json).  llm-svc reads fields by it, persist-svc checks a person's edits by it.
 * Constant after form_load(): any thread.
 */
#ifndef SHEAF_FORM_H
#define SHEAF_FORM_H

#include <stdbool.h>
#include <stddef.h>
#include "lib/err.h"

#define FORM_GRADE_MAX 12 /* grades are K and 1 to this */

enum form_rule { FORM_TEXT, FORM_NAME, FORM_SCHOOL, FORM_GRADE, FORM_PHONE, FORM_EMAIL, FORM_ESSAY, FORM_CHOICE };

/* One of the answers that a FORM_CHOICE field has: printed, as a rule with a box to be ticked beside it. */
struct form_choice {
    const char *value;         /* "Adult": as it is recorded */
    const char *const *labels; /* as printed beside the boxes, its value among them, folded; ended by NULL */
};

struct form_field {
    const char *name;           /* "student_name": column and JSON key */
    const char *title;          /* "Student name": for people */
    enum form_rule rule;
    bool required;
    const char *const *labels;  /* as printed, English and Spanish, folded by form_fold(); ended by NULL */
    int max_chars, max_words;   /* 0: none */
    int min_chars, min_words;
    const struct form_choice *choices; /* of FORM_CHOICE, else NULL */
    int n_choices;
};

typedef struct form {
    const char *name;
    const char *const *titles;  /* headings of the form, folded; ended by NULL */
    const char *const *notes;   /* printed sentences that are nobody's answer ("Write on the next page."), folded; ended by NULL */
    const struct form_field *fields;
    int n_fields;
} form_t;

/* path NULL: the built-in form. ERR_CONFIG says what is wrong and where. */
form_t *form_load(const char *path, struct err *err);
void form_destroy(form_t **form);
const struct form_field *form_find(const form_t *form, const char *name);

/* Lower case, accents off, punctuation and runs of space to one space, trimmed. UTF-8 in, ASCII letters and
 * digits out where they exist. The caller frees; NULL: no memory. */
char *form_fold(const char *text);
char *form_letters(const char *text); /* the same without the spaces */

/* The value in its normal form ("5th" -> "5", "quinto" -> "5", phone "(217) 555-0129", e-mail lower case, a choice as the form
 * file spells it, squashed space), or NULL with *err
 * (ERR_INPUT, a text for the user: "A grade is K or 1 to 12.") when the rule refuses it.  The caller frees. */
char *form_normalise(const form_t *form, const struct form_field *field, const char *text, struct err *err);

int form_count_words(const char *text); /* the word count of an essay: runs of letters or digits with their inner ' and - */

#endif
