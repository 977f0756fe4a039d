#include "cli/predictions.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/text.h"
#include "lib/auto.h"

/* What the measure calls our columns. */
static const struct field_name {
    const char *ours, *theirs;
} fields[] = {
    {"student_name", "student_name"},
    {"school_name", "school_name"},
    {"grade", "grade"},
    {"teacher_name", "teacher"},
    {"city_or_location", "city"},
    {"father_figure_name", "father_name"},
    {"phone", "phone"},
    {"email", "email"},
};

static json_t *fields_of(const json_t *record)
{
    json_t *out = json_object();
    for (size_t i = 0; i < COUNT_OF(fields); i++)
        (void)json_object_set_new(out, fields[i].theirs, json_string(text_of(record, fields[i].ours)));
    return out;
}

static json_t *confidences_of(const json_t *record)
{
    json_t *out = json_object();
    for (size_t i = 0; i < COUNT_OF(fields); i++) {
        json_t *evidence = json_object_get(json_object_get(record, "evidence"), fields[i].ours);
        json_t *confidence = json_object_get(evidence, "confidence");
        if (confidence) (void)json_object_set(out, fields[i].theirs, confidence);
    }
    return out;
}

static json_t *entry_of(const json_t *record)
{
    /* The index is kept beside the entry for sorting, and taken out at the end. */
    return json_pack("{s:I, s:[I,I], s:o, s:o, s:s, s:b}", "index", (json_int_t)count_of(record, "chunk_index"),
                     "pages", (json_int_t)count_of(record, "chunk_page_start"),
                     (json_int_t)count_of(record, "chunk_page_end"), "fields", fields_of(record),
                     "confidences", confidences_of(record), "essay", text_of(record, "essay_text"), "needs_review",
                     json_is_true(json_object_get(record, "needs_review")));
}

static bool has_page(const json_t *pages, json_int_t number)
{
    for (size_t i = 0; i < json_array_size(pages); i++) {
        if (json_integer_value(json_object_get(json_array_get(pages, i), "page")) == number) return true;
    }
    return false;
}

static json_t *document_of(json_t *predictions, const char *filename)
{
    const char *dot = strrchr(filename, '.');
    AUTO_FREE char *id =
        strndup(filename, dot && dot > filename ? (size_t)(dot - filename) : strlen(filename));
    json_t *documents = json_object_get(predictions, "documents");
    if (!id) return NULL;
    json_t *document = json_object_get(documents, id);
    if (document) return document;
    document = json_pack("{s:[], s:[]}", "pages", "entries");
    return json_object_set_new(documents, id, document) == 0 ? document : NULL;
}

int predictions_add(json_t *predictions, const json_t *record, const json_t *page_texts, struct err *err)
{
    size_t i;
    json_t *page, *entry, *document;
    if (json_is_true(json_object_get(record, "is_container_parent"))) return 0;
    document = document_of(predictions, text_of(record, "filename"));
    entry = entry_of(record);
    if (!document || !entry) {
        json_decref(entry);
        return err_set(err, ERR_NOMEM, "no memory");
    }
    json_t *pages = json_object_get(document, "pages");
    (void)json_array_append_new(json_object_get(document, "entries"), entry);
    json_array_foreach(page_texts, i, page)
    {
        json_int_t number = json_integer_value(json_object_get(page, "page"));
        if (has_page(pages, number)) continue; /* entries of one document may each bring the same page */
        (void)json_array_append_new(pages,
                                    json_pack("{s:I, s:s}", "page", number, "text", text_of(page, "text")));
    }
    return 0;
}

/* Insertion sort by a number in each element: a document has a handful of them, and jansson no sort. */
static void sort_by(json_t *array, const char *key)
{
    for (size_t i = 1; i < json_array_size(array); i++) {
        json_t *item = json_incref(json_array_get(array, i));
        size_t at = i;
        while (at > 0 && count_of(json_array_get(array, at - 1), key) > count_of(item, key)) at--;
        (void)json_array_remove(array, i);
        (void)json_array_insert_new(array, at, item);
    }
}

void predictions_sort(json_t *predictions)
{
    const char *id;
    json_t *document, *entry;
    size_t i;
    json_object_foreach(json_object_get(predictions, "documents"), id, document)
    {
        sort_by(json_object_get(document, "pages"), "page");
        sort_by(json_object_get(document, "entries"), "index");
        json_array_foreach(json_object_get(document, "entries"), i, entry)(void)
            json_object_del(entry, "index");
    }
}

static int add_record(api_t *api, const char *id, json_t *predictions, struct err *err)
{
    AUTO_FREE char *path = api_path("/api/records/", id, "?include=text");
    json_t *body = NULL;
    if (!path) return err_set(err, ERR_NOMEM, "no memory");
    if (api_get(api, path, &body, err) == -1) return err->sys == 404 ? 0 : -1; /* deleted since it was listed */
    const json_t *record = json_object_get(body, "record") ? json_object_get(body, "record") : body;
    const json_t *texts = json_object_get(record, "page_texts");
    int rc = predictions_add(predictions, record, texts ? texts : json_object_get(body, "page_texts"), err);
    json_decref(body);
    return rc;
}

/* One page of the list, and its records one by one; *cursor becomes the next page's, or NULL. */
static int add_page(api_t *api, const char *batch, char **cursor, json_t *predictions, struct err *err)
{
    AUTO_FREE char *start = api_path("/api/records?limit=100&cursor=", *cursor ? *cursor : "", batch ? "&batch=" : "");
    AUTO_FREE char *path = start ? api_path(start, batch ? batch : "", "") : NULL;
    json_t *body = NULL, *record;
    size_t i;
    int rc = path ? api_get(api, path, &body, err) : err_set(err, ERR_NOMEM, "no memory");
    if (rc == -1) return -1;
    json_array_foreach(json_object_get(body, "records"), i, record)
    {
        if (rc == 0) rc = add_record(api, text_of(record, "submission_id"), predictions, err);
    }
    const char *next = text_of(body, "next_cursor");
    free(*cursor);
    *cursor = next && *next ? strdup(next) : NULL;
    if (rc == 0 && next && *next && !*cursor) rc = err_set(err, ERR_NOMEM, "no memory");
    json_decref(body);
    return rc;
}

int predictions_collect(api_t *api, const char *batch, json_t **predictions, struct err *err)
{
    AUTO_FREE char *cursor = NULL;
    json_t *out = json_pack("{s:{}}", "documents");
    if (!out) return err_set(err, ERR_NOMEM, "no memory");
    do {
        if (add_page(api, batch, &cursor, out, err) == -1) {
            json_decref(out);
            return -1;
        }
    } while (cursor);
    predictions_sort(out);
    *predictions = out;
    return 0;
}
