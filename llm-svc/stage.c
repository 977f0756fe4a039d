#include "llm-svc/stage.h"

#include <stdlib.h>
#include <string.h>
#include "lib/auto.h"
#include "lib/buf.h"
#include "llm-svc/entry_json.h"
#include "llm-svc/pages.h"

int llm_thread_open(void *shared, const struct stage_type *type, void **thread, struct err *err)
{
    (void)type, (void)err;
    *thread = shared;
    return 0;
}

/* Two hundred names, with room. */
#define SCHOOLS_BYTES_MAX 262144

struct page_list {
    struct page *pages;
    int n;
};

static void page_list_done(struct page_list *list)
{
    for (int i = 0; i < list->n; i++) page_done(&list->pages[i]);
    free(list->pages);
}

/* Loads the outputs of stage `page` for the pages first to last, by the tokens in the task. */
static int load_pages(const struct stage_task *task, const json_t *tokens, struct span span,
                      struct page_list *list, struct err *err)
{
    list->pages = calloc((size_t)(span.last - span.first) + 2, sizeof *list->pages);
    if (!list->pages) return err_set(err, ERR_NOMEM, "pages");
    for (int p = span.first; p <= span.last; p++) {
        if (stage_cancelled(task)) return err_set(err, ERR_CANCELLED, "not wanted any more");
        const char *token = json_string_value(json_array_get(tokens, (size_t)p - 1));
        AUTO(buf_done) struct buf blob = BUF_INIT;
        if (!token) return err_set(err, ERR_INPUT, "the task does not name the output of page %d", p);
        if (stage_input(task, "page", (unsigned)p - 1, token, PAGE_BYTES_MAX, &blob, err)) return -1;
        if (page_parse(blob.data ? blob.data : "", blob.len, &list->pages[list->n], err)) return -1;
        list->n++;
    }
    return 0;
}

static const char *why_failed(const char *code)
{
    static const struct {
        const char *code, *text;
    } texts[] = {
        {"page_too_large", "Every page of this document is too large to be read."},
        {"timeout", "Reading the pages of this document took too long."},
        {"damaged", "The pages of this document are damaged and cannot be read."},
        {"encrypted", "This document is encrypted and cannot be read."},
    };
    for (size_t i = 0; i < COUNT_OF(texts); i++)
        if (!strcmp(texts[i].code, code)) return texts[i].text;
    return "No page of this document could be read.";
}

int llm_refuse_unreadable(const struct page *pages, int n_pages, struct err *err)
{
    for (int i = 0; i < n_pages; i++)
        if (!pages[i].failed) return 0;
    return n_pages ? err_code(err, ERR_INPUT, pages[0].failed, "%s", why_failed(pages[0].failed)) : 0;
}

static int put_json(const struct stage_task *task, json_t *json, struct err *err)
{
    AUTO_FREE char *text = json ? json_dumps(json, JSON_COMPACT) : NULL;
    json_decref(json);
    return text ? stage_output(task, text, strlen(text), err) : err_set(err, ERR_NOMEM, "output");
}

static const char *batch_of(const struct stage_task *task)
{
    return json_string_value(json_object_get(task->body, "batch"));
}

static int put_schools(const struct stage_task *task, const struct schools *schools, struct err *err)
{
    return put_json(task, schools_to_json(schools), err);
}

/* What the split says of the document's schools, when its result says that there is something. */
static int get_schools(const struct stage_task *task, const json_t *in, struct schools *schools, struct err *err)
{
    const char *token = json_string_value(json_array_get(json_object_get(in, "split_out"), 0));
    if (!json_object_get(json_object_get(in, "split"), "schools") || !token) return 0;
    AUTO(buf_done) struct buf blob = BUF_INIT;
    if (stage_input(task, "split", 0, token, SCHOOLS_BYTES_MAX, &blob, err)) return -1;
    json_t *json = json_loadb(blob.data ? blob.data : "", blob.len, 0, NULL);
    int rc = schools_from_json(json, schools, err);
    json_decref(json);
    return rc;
}

static int split(const struct llm_shared *shared, const struct stage_task *task, const json_t *tokens,
                 const struct page_list *list, json_t **result, struct err *err)
{
    AUTO(split_done) struct split made = {0};
    int n = shared->provider->blind ? (int)json_array_size(tokens) : list->n;
    if (llm_refuse_unreadable(list->pages, list->n, err)) return -1;
    if (shared->provider->split(shared->state, list->pages, n, task->deadline_ms, &made, err)) return -1;
    if (shared->batch) batch_schools_say(shared->batch, batch_of(task), task->job, &made.schools);
    if (made.n < 2) schools_done(&made.schools); /* its one entry has nothing to learn from itself */
    if (made.schools.n && put_schools(task, &made.schools, err)) return -1;
    *result = split_to_json(&made);
    return *result ? 0 : err_set(err, ERR_NOMEM, "split");
}

int llm_split(void *thread, const struct stage_task *task, json_t **result, struct err *err)
{
    const struct llm_shared *shared = thread;
    const json_t *tokens = json_object_get(json_object_get(task->body, "in"), "page_out");
    if (!json_is_array(tokens)) return err_set(err, ERR_INPUT, "the task has no \"page_out\"");
    AUTO(page_list_done) struct page_list list = {0};
    struct span all = {1, (int)json_array_size(tokens)};
    if (!shared->provider->blind && load_pages(task, tokens, all, &list, err)) return -1;
    return split(shared, task, tokens, &list, result, err);
}

/* NULL when no model was asked. */
static json_t *usage_json(const struct llm_usage *u)
{
    if (!u->calls) return NULL;
    return json_pack("{s:s, s:i, s:I, s:I, s:f}", "model", u->model, "calls", u->calls, "tokens_in", (json_int_t)u->tokens_in,
                     "tokens_out", (json_int_t)u->tokens_out, "cost", u->cost);
}

/* A provider that cannot be reached is tried again, but not for ever: with the last attempt, or when all others' attempts have shown that it is
 * gone, the entry is made without it, rather than that the job fails or waits, and says so. */
static int read_entry(const struct llm_shared *shared, const struct stage_task *task, const struct page *pages,
                      int n_pages, const struct schools *schools, struct entry *entry, struct err *err)
{
    struct err why = {0};
    const struct llm_provider *provider = shared->provider;
    if (!provider->extract(shared->state, pages, n_pages, schools, task->deadline_ms, entry, &why)) return 0;
    bool away = why.kind == ERR_UNAVAILABLE || why.kind == ERR_TIMEOUT;
    bool last = away && task->token.attempt >= task->settings->max_attempts;
    bool gone = (away || why.kind == ERR_THROTTLED) && provider->gone && provider->gone(shared->state);
    if (provider->fall_back && (last || gone)) {
        entry_done(entry);
        return provider->fall_back(shared->state, pages, n_pages, schools, entry, err);
    }
    if (err) *err = why;
    return -1;
}

/* Writes the entry where `save` reads it; the small result says how long its essay is.  `told` are the pages
 * of the list, of which the entry's own are read. */
static int put_entry(const struct llm_shared *shared, const struct stage_task *task,
                     const struct entry_head *head, const struct page_list *list, struct span told,
                     const struct schools *schools, json_t **result, struct err *err)
{
    AUTO(entry_done) struct entry entry = {0};
    const struct page *own = list->pages ? list->pages + (head->pages.first - told.first) : NULL;
    if (read_entry(shared, task, own, head->pages.last - head->pages.first + 1, schools, &entry, err)) return -1;
    if (put_json(task, entry_to_json(head, &entry, list->pages, list->n), err)) return -1;
    *result = json_pack("{s:i, s:o*}", "words", entry.essay_words, "llm", usage_json(&entry.usage));
    return *result ? 0 : err_set(err, ERR_NOMEM, "entry");
}

int llm_extract(void *thread, const struct stage_task *task, json_t **result, struct err *err)
{
    const struct llm_shared *shared = thread;
    const json_t *in = json_object_get(task->body, "in"), *made = json_object_get(in, "split");
    const json_t *tokens = json_object_get(in, "page_out");
    const char *doc_class = json_string_value(json_object_get(made, "doc_class"));
    struct entry_head head = {.index = task->index,
                              .doc_class = doc_class ? doc_class : "SINGLE_SCANNED",
                              .form = shared->form->name,
                              .provider = shared->provider->name};
    if (split_entry_from_json(made, task->index, &head.pages) ||
        (size_t)head.pages.last > json_array_size(tokens))
        return err_set(err, ERR_INPUT, "the task's split has no entry %u within the pages", task->index);
    AUTO(page_list_done) struct page_list list = {0};
    struct span told = split_pages_told(made, task->index, json_array_size(tokens));
    if (!shared->provider->blind && load_pages(task, tokens, told, &list, err)) return -1;
    AUTO(schools_done) struct schools schools = {0};
    if (!shared->provider->blind && get_schools(task, in, &schools, err)) return -1;
    if (shared->batch && batch_schools_look(shared->batch, batch_of(task), task->job, &schools)) return err_set(err, ERR_NOMEM, "schools");
    return put_entry(shared, task, &head, &list, told, &schools, result, err);
}
