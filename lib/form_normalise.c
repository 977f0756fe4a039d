#include <stdlib.h>
#include <string.h>
#include "lib/auto.h"
#include "lib/form.h"
#include "lib/form_rule.h"
#include "lib/form_text.h"
#include "lib/utf8.h"

/* Small words inside a name, folded; they do not count towards its words: "María de la Cruz" has two. */
static const char *const particles[] = {"de", "del", "la",  "las", "los", "y",  "da", "das", "do", "dos",
                                        "e",  "van", "von", "der", "den", "di", "el", "al",  "bin"};

/* A stop after a word this long ends a sentence; after a shorter one it abbreviates ("Dr.", "Mrs."). */
#define ABBREVIATION_MAX 4

static bool is_particle(const char *word, size_t len)
{
    for (size_t i = 0; i < COUNT_OF(particles); i++)
        if (strlen(particles[i]) == len && !memcmp(word, particles[i], len)) return true;
    return false;
}

/* Words between spaces, so that "Luna-Cascada" and "O'Neil" are one. */
static int count_names(const char *text)
{
    int n = 0;
    while (*text) {
        size_t len = strcspn(text, " ");
        char word[8];
        if (len < sizeof word) {
            memcpy(word, text, len);
            word[len] = '\0';
        }
        AUTO_FREE char *folded = len < sizeof word ? form_fold(word) : NULL;
        bool counts = !folded || (*folded && !is_particle(folded, strlen(folded)));
        if (counts) n++;
        text += len;
        text += *text == ' ';
    }
    return n;
}

static bool is_sentence(const char *text)
{
    int letters = 0;
    while (*text) {
        uint32_t cp = utf8_next(&text);
        uint32_t base = form_base(cp);
        if (base && base != FORM_MARK) letters++;
        if (cp == '?' || cp == '!' || cp == ';' || cp == 0xBF || cp == 0xA1) return true;
        if (cp == '.' && letters > ABBREVIATION_MAX && *text == ' ') return true;
        if (cp == ' ' || form_is_hyphen(cp)) letters = 0;
    }
    return false;
}

/* The length of the longest text of the list that `folded` begins with, ended by a space or the end. */
static size_t covered_by(const char *folded, const char *const *list)
{
    size_t best = 0;
    for (; list && *list; list++) {
        size_t len = strlen(*list);
        if (len > best && !strncmp(folded, *list, len) && (folded[len] == ' ' || !folded[len])) best = len;
    }
    return best;
}

/* Nothing but printed words of the form: "Student's Name / Nombre del Estudiante", "Entry Form". */
static bool is_label(const form_t *form, const char *folded)
{
    if (!*folded) return false;
    while (*folded) {
        size_t len = covered_by(folded, form->titles), note = covered_by(folded, form->notes);
        if (note > len) len = note;
        for (int i = 0; i < form->n_fields; i++) {
            size_t label = covered_by(folded, form->fields[i].labels);
            if (label > len) len = label;
        }
        if (!len) return false;
        folded += len;
        folded += *folded == ' ';
    }
    return true;
}

static int check_size(const struct form_field *field, const char *text, struct err *err)
{
    int chars = (int)utf8_count(text, strlen(text));
    if (field->max_chars && chars > field->max_chars)
        return err_set(err, ERR_INPUT, "%s has at most %d characters.", field->title, field->max_chars);
    if (chars < field->min_chars)
        return err_set(err, ERR_INPUT, "%s has at least %d characters.", field->title, field->min_chars);
    if (field->max_words && count_names(text) > field->max_words)
        return err_set(err, ERR_INPUT, "%s has at most %d words.", field->title, field->max_words);
    return 0;
}

/* An answer in words: as it is, when it can be one. */
static char *normalise_words(const form_t *form, const struct form_field *field, char **text, struct err *err)
{
    AUTO_FREE char *folded = form_fold(*text);
    if (!folded) {
        err_set(err, ERR_NOMEM, "%s", field->title);
        return NULL;
    }
    if (!*folded || is_label(form, folded)) {
        err_set(err, ERR_INPUT, "%s is a word of the form itself.", field->title);
        return NULL;
    }
    if (field->rule == FORM_NAME && is_sentence(*text)) {
        err_set(err, ERR_INPUT, "%s is a name, not a sentence.", field->title);
        return NULL;
    }
    char *value = *text;
    *text = NULL;
    return value;
}

/* The choice that the text names by its value or a label. */
static char *normalise_choice(const struct form_field *field, const char *text, struct err *err)
{
    AUTO_FREE char *folded = form_fold(text);
    if (!folded) {
        err_set(err, ERR_NOMEM, "%s", field->title);
        return NULL;
    }
    for (int i = 0; i < field->n_choices; i++)
        for (const char *const *l = field->choices[i].labels; *l; l++)
            if (!strcmp(*l, folded)) {
                char *value = strdup(field->choices[i].value);
                if (!value) err_set(err, ERR_NOMEM, "%s", field->title);
                return value;
            }
    err_set(err, ERR_INPUT, "%s is none of the form's choices.", field->title);
    return NULL;
}

char *form_normalise(const form_t *form, const struct form_field *field, const char *text, struct err *err)
{
    if (field->rule == FORM_ESSAY) { /* an essay keeps its lines; how long it is, the review says */
        char *essay = strdup(text);
        if (!essay) err_set(err, ERR_NOMEM, "%s", field->title);
        return essay;
    }
    AUTO_FREE char *squashed = form_squash(text);
    if (!squashed) {
        err_set(err, ERR_NOMEM, "%s", field->title);
        return NULL;
    }
    if (!*squashed) {
        err_set(err, ERR_INPUT, "%s is empty.", field->title);
        return NULL;
    }
    if (check_size(field, squashed, err)) return NULL;
    switch (field->rule) {
    case FORM_GRADE:
        return form_grade(squashed, err);
    case FORM_PHONE:
        return form_phone(squashed, err);
    case FORM_EMAIL:
        return form_email(squashed, err);
    case FORM_CHOICE:
        return normalise_choice(field, squashed, err);
    default:
        return normalise_words(form, field, &squashed, err);
    }
}
