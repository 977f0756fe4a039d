#include "lib/vocabulary.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#define TELLING_LETTERS 9
/* A form field's name is about a field when this share of its letters is the field's. */
#define NAME_SHARE 0.6

static void add(vocabulary_t *v, enum phrase_kind kind, const struct form_field *field, const char *folded)
{
    struct phrase *p = &v->phrases[v->n++];
    p->kind = kind;
    p->field = field;
    for (const char *c = folded; *c && p->len < PHRASE_MAX; c++)
        if (*c != ' ') p->text[p->len++] = *c;
    p->telling = strchr(folded, ' ') || p->len >= TELLING_LETTERS;
}

static size_t count(const char *const *list)
{
    size_t n = 0;
    while (list[n]) n++;
    return n;
}

vocabulary_t *vocabulary_new(const form_t *form, struct err *err)
{
    vocabulary_t *v = calloc(1, sizeof *v);
    size_t n = count(form->titles) + count(form->notes);
    for (int i = 0; i < form->n_fields; i++) n += count(form->fields[i].labels);
    if (v) v->phrases = calloc(n ? n : 1, sizeof *v->phrases);
    if (!v || !v->phrases) {
        free(v);
        err_set(err, ERR_NOMEM, "vocabulary of a form");
        return NULL;
    }
    v->form = form;
    for (int i = 0; i < form->n_fields; i++)
        for (const char *const *l = form->fields[i].labels; *l; l++)
            add(v, PHRASE_LABEL, &form->fields[i], *l);
    for (const char *const *t = form->titles; *t; t++) add(v, PHRASE_TITLE, NULL, *t);
    for (const char *const *t = form->notes; *t; t++) add(v, PHRASE_NOTE, NULL, *t);
    return v;
}

void vocabulary_destroy(vocabulary_t **vocabulary)
{
    if (!*vocabulary) return;
    free((*vocabulary)->phrases);
    free(*vocabulary);
    *vocabulary = NULL;
}

int edits_allowed(int letters)
{
    return letters < 5 ? 0 : letters < 8 ? 1 : letters < 13 ? 2 : letters / 5;
}

static int min3(int a, int b, int c)
{
    int m = a < b ? a : b;
    return m < c ? m : c;
}

int edit_distance(const char *a, int a_len, const char *b, int b_len, int most)
{
    int row[PHRASE_MAX + 1];
    if (abs(a_len - b_len) > most || a_len > PHRASE_MAX || b_len > PHRASE_MAX) return most + 1;
    for (int j = 0; j <= b_len; j++) row[j] = j;
    for (int i = 1; i <= a_len; i++) {
        int diagonal = row[0], least = i;
        row[0] = i;
        for (int j = 1; j <= b_len; j++) {
            int above = row[j];
            row[j] = min3(above + 1, row[j - 1] + 1, diagonal + (a[i - 1] != b[j - 1]));
            diagonal = above;
            if (row[j] < least) least = row[j];
        }
        if (least > most) return most + 1;
    }
    return row[b_len] <= most ? row[b_len] : most + 1;
}

/* The letters of a form field's name that mean something: its last component, without the numbers at the end
 * of its parts
 * ("Name2", "[0]") and without parts that carry digits inside ("e1p1"). */
static int name_letters(const char *name, char out[PHRASE_MAX + 1])
{
    const char *dot = strrchr(name, '.');
    int n = 0;
    for (const char *p = dot && dot[1] ? dot + 1 : name; *p && n < PHRASE_MAX;) {
        size_t len = strcspn(p, "_- ./[]()#");
        size_t end = len;
        while (end > 0 && isdigit((unsigned char)p[end - 1])) end--;
        bool digits = strcspn(p, "0123456789") < end;
        for (size_t i = 0; i < end && !digits && n < PHRASE_MAX; i++)
            if (isalpha((unsigned char)p[i])) out[n++] = (char)tolower((unsigned char)p[i]);
        p += len;
        p += *p != '\0';
    }
    out[n] = '\0';
    return n;
}

static int named_by(const char *letters, const char *text, int len)
{
    return len > 0 && strstr(letters, text) ? len : 0;
}

const struct form_field *vocabulary_field_named(const vocabulary_t *v, const char *name)
{
    char letters[PHRASE_MAX + 1], own[PHRASE_MAX + 1];
    int n = name_letters(name, letters), most = 0;
    const struct form_field *best = NULL;
    bool tie = false;
    for (int i = 0; i < v->form->n_fields; i++) {
        const struct form_field *field = &v->form->fields[i];
        int own_len = name_letters(field->name, own);
        int score = named_by(letters, own, own_len);
        for (int j = 0; j < v->n; j++) {
            const struct phrase *p = &v->phrases[j];
            int found = p->field == field ? named_by(letters, p->text, p->len) : 0;
            if (found > score) score = found;
        }
        if (score && score == most) tie = true;
        if (score <= most) continue;
        most = score;
        best = field;
        tie = false;
    }
    return best && !tie && most >= NAME_SHARE * n ? best : NULL;
}
