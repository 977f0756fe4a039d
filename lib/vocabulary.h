/* vocabulary: the printed texts of a form, made ready to be found among the words of a page, letters only, so
 * that it does not matter where recognition saw a space.  Constant after vocabulary_new(): any thread. */
#ifndef SHEAF_LIB_VOCABULARY_H
#define SHEAF_LIB_VOCABULARY_H

#include "lib/form.h"

#define PHRASE_MAX 96 /* letters; longer texts of a form are compared by their beginning */

enum phrase_kind { PHRASE_LABEL, PHRASE_TITLE, PHRASE_NOTE };

struct phrase {
    enum phrase_kind kind;
    const struct form_field *field; /* of a label */
    char text[PHRASE_MAX + 1];
    int len;
    bool telling; /* several words or a long one: hardly ever begins a line of an essay by chance */
};

typedef struct vocabulary {
    const form_t *form;
    struct phrase *phrases;
    int n;
} vocabulary_t;

vocabulary_t *vocabulary_new(const form_t *form, struct err *err);
void vocabulary_destroy(vocabulary_t **vocabulary);

/* Edits between two texts of at most PHRASE_MAX bytes; more than `most` is answered as most + 1. */
int edit_distance(const char *a, int a_len, const char *b, int b_len, int most);
/* How many edits a printed text of so many letters may show and still be itself. */
int edits_allowed(int letters);

/* The field that a PDF form field's name speaks of ("e1_student_name", "form1.SchoolName[0]"); NULL when it
 * speaks of none or of two. */
const struct form_field *vocabulary_field_named(const vocabulary_t *vocabulary, const char *name);

#endif
