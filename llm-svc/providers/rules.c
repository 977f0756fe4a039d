/* rules: reads forms by their labels, layout and validators; no network, no model, the same answer every
 * time. */
#include <stdlib.h>
#include <string.h>
#include "lib/auto.h"
#include "lib/buf.h"
#include "llm-svc/agree.h"
#include "llm-svc/essay.h"
#include "llm-svc/face.h"
#include "llm-svc/lexicon.h"
#include "llm-svc/llm.h"
#include "llm-svc/pages.h"
#include "llm-svc/schools.h"
#include "llm-svc/split.h"
#include "llm-svc/trust.h"
#include "llm-svc/values.h"
#include "lib/vocabulary.h"

/* Two readings of one name differ when more than this share of their letters does. */
#define DIFFERS 0.34

/* Constant after rules_open(), as llm.h asks. */
struct rules {
    vocabulary_t *vocabulary;
    lexicon_t *lexicon;
};

static void rules_close(void *state)
{
    struct rules *rules = state;
    if (!rules) return;
    vocabulary_destroy(&rules->vocabulary);
    lexicon_destroy(&rules->lexicon);
    free(rules);
}

static int rules_open(const struct settings *settings, const form_t *form, void **state, struct err *err)
{
    struct rules *rules = calloc(1, sizeof *rules);
    if (!rules) return err_set(err, ERR_NOMEM, "rules");
    rules->vocabulary = vocabulary_new(form, err);
    if (rules->vocabulary) rules->lexicon = lexicon_new(settings->schools, err);
    if (!rules->lexicon) {
        rules_close(rules);
        return -1;
    }
    *state = rules;
    return 0;
}

/* What was read from the pages of one entry, page by page. */
struct reading {
    const vocabulary_t *vocabulary;
    const lexicon_t *lexicon;
    int n_pages;
    struct face *faces;
    struct values *values;
    int form_page; /* the first page with labels; evidence elsewhere is worth less */
};

static void reading_done(struct reading *r)
{
    for (int i = 0; i < r->n_pages; i++) {
        if (r->faces) face_done(&r->faces[i]);
        if (r->values) values_done(&r->values[i]);
    }
    free(r->faces);
    free(r->values);
}

static int read_pages(struct reading *r, const struct page *pages, int n_pages, struct err *err)
{
    r->faces = calloc((size_t)n_pages + 1, sizeof *r->faces);
    r->values = calloc((size_t)n_pages + 1, sizeof *r->values);
    if (!r->faces || !r->values) return err_set(err, ERR_NOMEM, "entry");
    r->form_page = -1;
    for (int i = 0; i < n_pages; i++) {
        if (face_read(r->vocabulary, &pages[i], &r->faces[i], err)) return -1;
        r->n_pages++;
        if (page_is_blank(&pages[i])) continue;
        if (values_read(r->vocabulary, r->lexicon, &r->faces[i], &r->values[i], err)) return -1;
        if (r->form_page < 0 && face_fields_above(&r->faces[i], 1) > 0) r->form_page = i;
    }
    return 0;
}

static struct value *value_on(const struct reading *r, int page, const struct form_field *field)
{
    for (int i = 0; page >= 0 && i < r->values[page].n; i++)
        if (r->values[page].list[i].field == field) return &r->values[page].list[i];
    return NULL;
}

/* The form page's value, else the first one found on another page of the entry. */
static struct value *best_value(const struct reading *r, const struct form_field *field)
{
    struct value *value = value_on(r, r->form_page, field);
    for (int i = 0; i < r->n_pages && !value; i++) value = value_on(r, i, field);
    return value;
}

/* What each entry of a document calls its school. */
static int hear_schools(const struct rules *rules, const struct page *pages, struct split *split, struct err *err)
{
    const form_t *form = rules->vocabulary->form;
    for (int e = 0; e < split->n; e++) {
        struct reading reading = {.vocabulary = rules->vocabulary, .lexicon = rules->lexicon};
        const struct span *span = &split->entries[e];
        int rc = read_pages(&reading, pages + span->first - 1, span->last - span->first + 1, err);
        for (int i = 0; !rc && i < form->n_fields; i++) {
            const struct form_field *field = &form->fields[i];
            const struct value *value = field->rule == FORM_SCHOOL ? best_value(&reading, field) : NULL;
            if (value && schools_hear(&split->schools, value)) rc = err_set(err, ERR_NOMEM, "schools");
        }
        reading_done(&reading);
        if (rc) return -1;
    }
    schools_keep_sure(&split->schools);
    return 0;
}

static int rules_split(void *state, const struct page *pages, int n_pages, int64_t deadline_ms,
                       struct split *split, struct err *err)
{
    (void)deadline_ms;
    const struct rules *rules = state;
    AUTO_FREE struct page_kind *kinds = calloc((size_t)n_pages + 1, sizeof *kinds);
    if (!kinds) return err_set(err, ERR_NOMEM, "split");
    for (int i = 0; i < n_pages; i++) {
        struct face face;
        if (face_read(rules->vocabulary, &pages[i], &face, err)) return -1;
        kinds[i] = split_judge(rules->vocabulary, &face);
        face_done(&face);
    }
    if (split_pages(kinds, n_pages, split, err)) return -1;
    return hear_schools(rules, pages, split, err);
}

static bool differ(const char *a, const char *b)
{
    AUTO_FREE char *x = form_fold(a);
    AUTO_FREE char *y = form_fold(b);
    if (!x || !y) return false;
    int n = (int)strlen(x), m = (int)strlen(y), most = (int)(DIFFERS * (n > m ? n : m));
    if (n > PHRASE_MAX || m > PHRASE_MAX) return strcmp(x, y) != 0;
    return edit_distance(x, n, y, m, most) > most;
}

/* Is another student or school named in the entry: by another page, or by another form on the same one? */
static bool is_contradicted(const struct reading *r, const struct value *value)
{
    if (!value->field->required || (value->field->rule != FORM_NAME && value->field->rule != FORM_SCHOOL))
        return false;
    for (int i = 0; i < r->n_pages; i++)
        for (int k = 0; k < r->values[i].n; k++) {
            const struct value *other = &r->values[i].list[k];
            if (other->field == value->field && differ(other->text, value->text)) return true;
        }
    return false;
}

/* Moves the best value of each field into the entry. */
static int choose_values(struct reading *r, const struct schools *schools, struct entry *entry, struct err *err)
{
    const form_t *form = r->vocabulary->form;
    entry->values = calloc((size_t)form->n_fields, sizeof *entry->values);
    if (!entry->values) return err_set(err, ERR_NOMEM, "entry");
    for (int i = 0; i < form->n_fields; i++) {
        struct value *value = best_value(r, &form->fields[i]);
        if (!value) continue;
        if (is_contradicted(r, value)) entry->observed |= OBSERVED_CONTENT_MISMATCH;
        bool elsewhere = r->form_page >= 0 && value->page != r->faces[r->form_page].page->number;
        if (elsewhere && value->field->required) entry->observed |= OBSERVED_FIELD_ATTRIBUTION_RISK;
        entry->values[entry->n_values++] = *value;
        memset(value, 0, sizeof *value);
        if (schools_settle(schools, r->lexicon, &entry->values[entry->n_values - 1])) return err_set(err, ERR_NOMEM, "entry");
    }
    if (agree_names(entry)) return err_set(err, ERR_NOMEM, "entry");
    for (int i = 0; i < entry->n_values; i++) entry->values[i].confidence = trust_of(&entry->values[i]);
    return 0;
}

static int read_essay(const struct reading *r, struct entry *entry, struct err *err)
{
    AUTO(buf_done) struct buf text = BUF_INIT;
    bool headed = false;
    entry->essay_pages = calloc((size_t)r->n_pages + 1, sizeof *entry->essay_pages);
    if (!entry->essay_pages) return err_set(err, ERR_NOMEM, "essay");
    for (int i = 0; i < r->n_pages; i++) headed = headed || r->faces[i].essay >= 0;
    buf_puts(&text, "");
    for (int i = 0; i < r->n_pages; i++) {
        const struct page *page = r->faces[i].page;
        if (page_is_blank(page) || !essay_read(r->vocabulary, &r->faces[i], headed, &text)) continue;
        entry->essay_pages[entry->n_essay_pages++] = page->number;
    }
    entry->essay = buf_take(&text, NULL);
    if (!entry->essay) return err_set(err, ERR_NOMEM, "essay");
    entry->essay_words = form_count_words(entry->essay);
    return 0;
}

static double mean_confidence(const struct page *pages, int n_pages)
{
    double sum = 0;
    int n = 0;
    for (int i = 0; i < n_pages; i++) {
        if (page_is_blank(&pages[i])) continue;
        for (int w = 0; w < pages[i].n_words; w++, n++) sum += pages[i].words[w].confidence;
    }
    return n ? sum / n : -1;
}

static void observe(const struct reading *r, const struct page *pages, int n_pages, struct entry *entry)
{
    bool blank = true, failed = false, print = false;
    for (int i = 0; i < n_pages; i++) {
        failed = failed || pages[i].failed;
        blank = blank && !pages[i].failed && page_is_blank(&pages[i]);
        print = print || r->faces[i].n_labels > 0;
    }
    if (failed) entry->observed |= OBSERVED_OCR_FAILED;
    if (blank)
        entry->observed |= OBSERVED_BLANK_SUBMISSION;
    else if (!print && !failed && !entry->n_values)
        entry->observed |= OBSERVED_DOC_TYPE_UNKNOWN;
    else if (print && !entry->n_values && !entry->essay_words)
        entry->observed |= OBSERVED_TEMPLATE_ONLY;
}

static int rules_extract(void *state, const struct page *pages, int n_pages, const struct schools *schools,
                         int64_t deadline_ms, struct entry *entry, struct err *err)
{
    (void)deadline_ms;
    const struct rules *rules = state;
    struct reading reading = {.vocabulary = rules->vocabulary, .lexicon = rules->lexicon};
    int rc = read_pages(&reading, pages, n_pages, err);
    if (!rc) rc = choose_values(&reading, schools, entry, err);
    if (!rc) rc = read_essay(&reading, entry, err);
    if (!rc) {
        entry->ocr_confidence = mean_confidence(pages, n_pages);
        observe(&reading, pages, n_pages, entry);
    }
    reading_done(&reading);
    return rc;
}

const struct llm_provider llm_rules = {
    .name = "rules",
    .open = rules_open,
    .split = rules_split,
    .extract = rules_extract,
    .close = rules_close,
};
