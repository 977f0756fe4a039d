#include "llm-svc/read.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "lib/auto.h"
#include "lib/clock.h"
#include "lib/review.h"
#include "lib/svc.h"
#include "llm-svc/entry_json.h"
#include "llm-svc/pages.h"
#include "llm-svc/stage.h"
#include "llm-svc/trust.h"

#define READ_PAGES_MAX 2000
#define READ_TIME_MS   60000

struct reader {
    struct llm_shared shared;
    double review_below;
    struct page *pages;
    int n_pages;
};

static int add_page(struct reader *r, const json_t *json, struct err *err)
{
    if (r->n_pages == READ_PAGES_MAX) return err_set(err, ERR_LIMIT, "more than %d pages", READ_PAGES_MAX);
    AUTO_FREE char *text = json_dumps(json, JSON_COMPACT);
    struct page *grown = realloc(r->pages, (size_t)(r->n_pages + 1) * sizeof *grown);
    if (grown) r->pages = grown;
    if (!text || !grown) return err_set(err, ERR_NOMEM, "pages");
    if (page_parse(text, strlen(text), &r->pages[r->n_pages], err)) return -1;
    r->n_pages++;
    return 0;
}

static int add_file(struct reader *r, const char *path, struct err *err)
{
    AUTO_FCLOSE FILE *file = strcmp(path, "-") ? fopen(path, "re") : stdin;
    if (!file) return err_set(err, ERR_INPUT, "%s cannot be opened", path);
    for (;;) {
        int c = getc(file);
        while (c == ' ' || c == '\n' || c == '\r' || c == '\t') c = getc(file);
        if (c == EOF) return 0;
        (void)ungetc(c, file); /* one character of push-back is guaranteed */
        json_error_t at;
        json_t *json = json_loadf(file, JSON_DISABLE_EOF_CHECK, &at);
        if (!json) return err_set(err, ERR_INPUT, "%s: line %d is not JSON", path, at.line);
        int rc = add_page(r, json, err);
        json_decref(json);
        if (rc) return -1;
    }
}

/* The signs that each value's confidence comes from, for those who fit or doubt it
 * (tests/accuracy/calibrate.py). */
static void add_signs(const struct entry *entry, json_t *json)
{
    for (int i = 0; i < entry->n_values; i++) {
        const struct value *value = &entry->values[i];
        double inputs[TRUST_N];
        json_t *signs = json_object();
        trust_inputs(value, inputs);
        for (int k = 0; k < TRUST_N; k++)
            (void)json_object_set_new(signs, trust_names[k], json_real(inputs[k]));
        (void)json_object_set_new(json_object_get(json_object_get(json, "fields"), value->field->name),
                                  "signs", signs);
    }
}

/* What the record of this entry would carry, by the function that persist-svc asks as well. */
static int add_review(const struct reader *r, const struct entry *entry, json_t *json, struct err *err)
{
    json_t *values = json_object(), *confidences = json_object();
    for (int i = 0; i < entry->n_values; i++) {
        const struct value *value = &entry->values[i];
        (void)json_object_set_new(values, value->field->name, json_string(value->text));
        (void)json_object_set_new(confidences, value->field->name, json_real(value->confidence));
    }
    struct review_state state = {.form = r->shared.form,
                                 .values = values,
                                 .confidences = confidences,
                                 .observed = json_object_get(json, "observed"),
                                 .essay_text = entry->essay,
                                 .word_count = entry->essay_words,
                                 .review_below = r->review_below};
    AUTO_FREE char *codes = NULL;
    bool needs_review = true;
    int rc = review_codes(&state, &codes, &needs_review);
    if (!rc)
        rc = json_object_set_new(json, "review_reason_codes", json_string(codes)) ||
             json_object_set_new(json, "needs_review", json_boolean(needs_review));
    json_decref(values);
    json_decref(confidences);
    return rc ? err_set(err, ERR_NOMEM, "entry") : 0;
}

static json_t *read_entry(const struct reader *r, const struct split *split, const json_t *made, int i,
                          struct err *err)
{
    AUTO(entry_done) struct entry entry = {0};
    struct span span = split->entries[i];
    struct entry_head head = {(unsigned)i, span, split->doc_class, r->shared.form->name,
                              r->shared.provider->name};
    const struct page *pages = r->pages + span.first - 1;
    int n = span.last - span.first + 1;
    if (r->shared.provider->extract(r->shared.state, pages, n, &split->schools, clock_ms() + READ_TIME_MS, &entry, err))
        return NULL;
    struct span told = split_pages_told(made, (unsigned)i, (size_t)r->n_pages);
    json_t *json = entry_to_json(&head, &entry, r->pages + told.first - 1, told.last - told.first + 1);
    if (!json) {
        err_set(err, ERR_NOMEM, "entry");
    } else if (add_review(r, &entry, json, err)) {
        json_decref(json);
        return NULL;
    }
    add_signs(&entry, json);
    return json;
}

static int print_all(const struct reader *r, struct err *err)
{
    AUTO(split_done) struct split split = {0};
    if (llm_refuse_unreadable(r->pages, r->n_pages, err)) return -1;
    if (r->shared.provider->split(r->shared.state, r->pages, r->n_pages, clock_ms() + READ_TIME_MS, &split,
                                  err))
        return -1;
    json_t *entries = json_array(), *made = split_to_json(&split);
    int rc = 0;
    for (int i = 0; i < split.n && !rc; i++) {
        json_t *entry = read_entry(r, &split, made, i, err);
        rc = entry ? json_array_append_new(entries, entry) : -1;
    }
    json_t *all = json_pack("{s:o, s:o}", "split", made, "entries", entries);
    if (!rc)
        rc = json_dumpf(all, stdout, JSON_INDENT(1)) || putchar('\n') == EOF
                 ? err_set(err, ERR_UNAVAILABLE, "cannot write")
                 : 0;
    json_decref(all);
    return rc;
}

static int read_files(struct reader *r, int argc, char **argv, struct err *err)
{
    for (int i = 2; i < argc; i++)
        if (add_file(r, argv[i], err)) return -1;
    return print_all(r, err);
}

static int open_provider(const struct settings *settings, struct reader *r, struct err *err)
{
    r->shared.provider = llm_provider_find(settings_llm(settings));
    if (!r->shared.provider)
        return err_set(err, ERR_CONFIG, "SHEAF_LLM: there is no provider \"%s\"", settings->llm);
    r->shared.form = form_load(settings->form_file, err);
    if (!r->shared.form) return -1;
    return r->shared.provider->open(settings, r->shared.form, &r->shared.state, err);
}

static int exit_code(const struct err *err)
{
    switch (err->kind) {
    case ERR_INPUT:
    case ERR_LIMIT:
        return 1;
    case ERR_CONFIG:
        return SVC_EXIT_MISTAKE;
    default:
        return SVC_EXIT_SYSTEM;
    }
}

int read_main(int argc, char **argv)
{
    if (argc < 3) {
        fputs("usage: llm-svc --read PAGE.json…   (- for standard input)\n", stderr);
        return 2;
    }
    struct settings settings = {0};
    struct reader r = {0};
    struct err err = {0};
    int rc = settings_load(&settings, &err);
    if (!rc) {
        r.review_below = settings.review_below;
        rc = open_provider(&settings, &r, &err);
        if (!rc) rc = read_files(&r, argc, argv, &err);
        if (r.shared.state) r.shared.provider->close(r.shared.state);
        form_t *form = (form_t *)r.shared.form;
        form_destroy(&form);
        settings_done(&settings);
    }
    for (int i = 0; i < r.n_pages; i++) page_done(&r.pages[i]);
    free(r.pages);
    if (!rc) return 0;
    fprintf(stderr, "llm-svc: %s\n", err.text);
    return exit_code(&err);
}
