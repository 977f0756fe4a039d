#include "lib/form.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include "lib/auto.h"
#include "lib/embed.h"

EMBED(form_essay_contest, "lib/forms/essay-contest.json");

#define FIELDS_MAX 64
#define LABELS_MAX 64
#define NAME_MAX_  40
#define CHOICES_MAX 32

static const char *const rule_names[] = {
    [FORM_TEXT] = "text",   [FORM_NAME] = "name",   [FORM_SCHOOL] = "school", [FORM_GRADE] = "grade",
    [FORM_PHONE] = "phone", [FORM_EMAIL] = "email", [FORM_ESSAY] = "essay",   [FORM_CHOICE] = "choice",
};

static void free_list(const char *const *list)
{
    for (size_t i = 0; list && list[i]; i++) free((char *)list[i]);
    free((void *)list);
}

static void free_choices(const struct form_field *field)
{
    for (int i = 0; i < field->n_choices; i++) {
        free((char *)field->choices[i].value);
        free_list(field->choices[i].labels);
    }
    free((void *)field->choices);
}

void form_destroy(form_t **form)
{
    if (!form || !*form) return;
    form_t *f = *form;
    for (int i = 0; i < f->n_fields; i++) {
        free((char *)f->fields[i].name);
        free((char *)f->fields[i].title);
        free_list(f->fields[i].labels);
        free_choices(&f->fields[i]);
    }
    free((void *)f->fields);
    free_list(f->titles);
    free_list(f->notes);
    free((char *)f->name);
    free(f);
    *form = NULL;
}

const struct form_field *form_find(const form_t *form, const char *name)
{
    for (int i = 0; i < form->n_fields; i++)
        if (!strcmp(form->fields[i].name, name)) return &form->fields[i];
    return NULL;
}

/* The texts of a JSON array, folded.  NULL with *err; an absent array is an empty list. */
static const char *const *load_list(const json_t *array, const char *what, struct err *err)
{
    size_t n = array ? json_array_size(array) : 0;
    if (array && !json_is_array(array)) {
        err_set(err, ERR_CONFIG, "%s is not a list of texts", what);
        return NULL;
    }
    if (n > LABELS_MAX) {
        err_set(err, ERR_CONFIG, "%s has more than %d texts", what, LABELS_MAX);
        return NULL;
    }
    const char **list = calloc(n + 1, sizeof *list);
    if (!list) {
        err_set(err, ERR_NOMEM, "%s", what);
        return NULL;
    }
    for (size_t i = 0; i < n; i++) {
        const char *text = json_string_value(json_array_get(array, i));
        list[i] = text ? form_fold(text) : NULL;
        if (!list[i] || !*list[i]) {
            err_set(err, text && !list[i] ? ERR_NOMEM : ERR_CONFIG, "%s: text %zu has no letters", what,
                    i + 1);
            free_list(list);
            return NULL;
        }
    }
    return list;
}

static bool name_ok(const char *name)
{
    return name && *name && strlen(name) <= NAME_MAX_ &&
           strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_-") == strlen(name);
}

static int load_rule(const char *text, enum form_rule *rule)
{
    for (size_t i = 0; text && i < COUNT_OF(rule_names); i++) {
        if (strcmp(text, rule_names[i])) continue;
        *rule = (enum form_rule)i;
        return 0;
    }
    return -1;
}

/* A limit of a field; absent is 0. */
static int load_limit(const json_t *spec, const char *key, int *limit, struct err *err)
{
    const json_t *value = json_object_get(spec, key);
    json_int_t n = json_integer_value(value);
    if (value && (!json_is_integer(value) || n < 0 || n > 1000000))
        return err_set(err, ERR_CONFIG, "%s is not a number from 0 to 1000000", key);
    *limit = (int)n;
    return 0;
}

/* The value and each label of a choice, folded, in one list. */
static const char *const *load_choice_labels(const json_t *spec, const char *value, struct err *err)
{
    const json_t *given = json_object_get(spec, "labels");
    json_t *all = json_array();
    const char *const *labels = NULL;
    if (!all || json_array_append_new(all, json_string(value)) || (given && json_array_extend(all, (json_t *)given)))
        err_set(err, ERR_CONFIG, "choice \"%s\": \"labels\" is not a list of texts", value);
    else
        labels = load_list(all, "\"labels\" of a choice", err);
    json_decref(all);
    return labels;
}

static int load_choices(const json_t *specs, struct form_field *field, struct err *err)
{
    size_t n = json_array_size(specs);
    if (field->rule != FORM_CHOICE)
        return specs ? err_set(err, ERR_CONFIG, "\"choices\" is for the rule \"choice\" only") : 0;
    if (n < 1 || n > CHOICES_MAX)
        return err_set(err, ERR_CONFIG, "\"choices\" is not a list of 1 to %d choices", CHOICES_MAX);
    struct form_choice *choices = calloc(n, sizeof *choices);
    if (!choices) return err_set(err, ERR_NOMEM, "choices");
    field->choices = choices;
    for (size_t i = 0; i < n; i++) {
        const json_t *spec = json_array_get(specs, i);
        const char *value = json_string_value(json_object_get(spec, "value"));
        if (!value || !*value) return err_set(err, ERR_CONFIG, "choice %zu has no \"value\"", i + 1);
        field->n_choices = (int)i + 1;
        choices[i].value = strdup(value);
        if (!choices[i].value) return err_set(err, ERR_NOMEM, "choices");
        choices[i].labels = load_choice_labels(spec, value, err);
        if (!choices[i].labels) return -1;
    }
    return 0;
}

/* Fills one field; what is filled when it fails is freed by form_destroy(). */
static int load_field(const json_t *spec, struct form_field *field, struct err *err)
{
    const char *name = json_string_value(json_object_get(spec, "name"));
    const char *title = json_string_value(json_object_get(spec, "title"));
    const char *rule = json_string_value(json_object_get(spec, "rule"));
    if (!name_ok(name)) return err_set(err, ERR_CONFIG, "\"name\" is not 1 to %d of a-z 0-9 _ -", NAME_MAX_);
    if (load_rule(rule, &field->rule))
        return err_set(err, ERR_CONFIG,
                       "\"rule\" is not one of text, name, school, grade, phone, email, essay, choice");
    field->required = json_is_true(json_object_get(spec, "required"));
    if (load_limit(spec, "max_chars", &field->max_chars, err) ||
        load_limit(spec, "max_words", &field->max_words, err) ||
        load_limit(spec, "min_chars", &field->min_chars, err) ||
        load_limit(spec, "min_words", &field->min_words, err))
        return -1;
    field->name = strdup(name);
    field->title = strdup(title && *title ? title : name);
    if (!field->name || !field->title) return err_set(err, ERR_NOMEM, "field %s", name);
    field->labels = load_list(json_object_get(spec, "labels"), "\"labels\"", err);
    return field->labels ? load_choices(json_object_get(spec, "choices"), field, err) : -1;
}

static int load_fields(const json_t *specs, form_t *form, struct err *err)
{
    size_t n = json_array_size(specs);
    if (n < 1 || n > FIELDS_MAX)
        return err_set(err, ERR_CONFIG, "\"fields\" is not a list of 1 to %d fields", FIELDS_MAX);
    struct form_field *fields = calloc(n, sizeof *fields);
    if (!fields) return err_set(err, ERR_NOMEM, "fields");
    form->fields = fields;
    int essays = 0;
    for (size_t i = 0; i < n; i++) {
        struct err why = {0};
        form->n_fields = (int)i + 1;
        if (load_field(json_array_get(specs, i), &fields[i], &why))
            return err_set(err, why.kind, "field %zu: %s", i + 1, why.text);
        if (form_find(form, fields[i].name) != &fields[i])
            return err_set(err, ERR_CONFIG, "field %zu: a second \"%s\"", i + 1, fields[i].name);
        if (fields[i].rule == FORM_ESSAY && ++essays > 1)
            return err_set(err, ERR_CONFIG, "field %zu: a second essay", i + 1);
    }
    return 0;
}

static int load_form(const json_t *root, form_t *form, struct err *err)
{
    const char *name = json_string_value(json_object_get(root, "name"));
    if (!name_ok(name)) return err_set(err, ERR_CONFIG, "\"name\" is not 1 to %d of a-z 0-9 _ -", NAME_MAX_);
    form->name = strdup(name);
    if (!form->name) return err_set(err, ERR_NOMEM, "form");
    form->titles = load_list(json_object_get(root, "titles"), "\"titles\"", err);
    if (!form->titles) return -1;
    form->notes = load_list(json_object_get(root, "notes"), "\"notes\"", err);
    if (!form->notes) return -1;
    return load_fields(json_object_get(root, "fields"), form, err);
}

form_t *form_load(const char *path, struct err *err)
{
    const char *where = path ? path : "the built-in form";
    json_error_t at;
    json_t *root = path
                       ? json_load_file(path, JSON_REJECT_DUPLICATES, &at)
                       : json_loadb(form_essay_contest, form_essay_contest_size, JSON_REJECT_DUPLICATES, &at);
    if (!root) {
        err_set(err, ERR_CONFIG, "%s, line %d: %s", where, at.line, at.text);
        return NULL;
    }
    struct err why = {0};
    form_t *form = calloc(1, sizeof *form);
    if (!form)
        err_set(err, ERR_NOMEM, "%s", where);
    else if (load_form(root, form, &why)) {
        err_set(err, why.kind, "%s: %s", where, why.text);
        form_destroy(&form);
    }
    json_decref(root);
    return form;
}
