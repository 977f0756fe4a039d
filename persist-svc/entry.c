#include "persist-svc/entry.h"

#include <stdio.h>
#include <string.h>
#include "persist-svc/record.h"

static const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text && *text ? text : NULL;
}

int document_read(struct document *document, const json_t *body, struct err *err)
{
    struct document d = {
        .owner = text_of(body, "owner"),
        .digest = text_of(body, "digest"),
        .mime = text_of(body, "mime"),
        .name = text_of(body, "name"),
        .batch = text_of(body, "batch"),
    };
    if (!is_uuid(d.owner)) return err_set(err, ERR_INPUT, "the task's owner is not a UUID");
    if (!is_hex(d.digest, 64)) return err_set(err, ERR_INPUT, "the task's digest is not a SHA-256");
    snprintf(d.base, sizeof d.base, "%.*s", BASE_ID - 1, d.digest);
    if (!object_path_original(d.object_path, d.owner, d.base, d.mime))
        return err_set(err, ERR_INPUT, "the task names no document");
    *document = d;
    return 0;
}

static const char *doc_class_of(const json_t *entry)
{
    static const char *const known[] = {"SINGLE_TYPED", "SINGLE_SCANNED", "MULTI_PAGE_SINGLE",
                                        "BULK_SCANNED_BATCH", NULL};
    const char *given = text_of(entry, "doc_class");
    for (int i = 0; given && known[i]; i++)
        if (strcmp(known[i], given) == 0) return known[i];
    return NULL;
}

/* The evidence is the field without its value, which has a column; fields of a form that have none keep it
 * here. */
static int add_field(struct record_save *save, const char *name, const json_t *field)
{
    const char *value = text_of(field, "value");
    json_t *evidence = json_copy((json_t *)field);
    if (!json_is_object(evidence)) {
        json_decref(evidence);
        return 0;
    }
    if (value && record_field_column(name)) {
        if (json_object_set_new((json_t *)save->values, name, json_string(value)) == -1) {
            json_decref(evidence);
            return -1;
        }
        json_object_del(evidence, "value");
    }
    return json_object_set_new((json_t *)save->evidence, name, evidence);
}

static int add_essay(struct record_save *save, const json_t *essay)
{
    const char *text = text_of(essay, "text");
    save->word_count = (int)json_integer_value(json_object_get(essay, "words"));
    if (!text) return 0;
    if (json_object_set_new((json_t *)save->values, "essay", json_string(text)) == -1) return -1;
    json_t *evidence = json_object();
    json_t *pages = json_object_get(essay, "pages"), *confidence = json_object_get(essay, "confidence");
    if ((pages && json_object_set(evidence, "pages", pages) == -1) ||
        (json_is_number(confidence) && json_object_set(evidence, "confidence", confidence) == -1)) {
        json_decref(evidence);
        return -1;
    }
    return json_object_set_new((json_t *)save->evidence, "essay", evidence);
}

int entry_read(struct record_save *save, const json_t *entry, struct err *err)
{
    if (!json_is_object(entry)) return err_set(err, ERR_INPUT, "an entry is not a JSON object");
    struct record_save made = *save;
    json_t *pages = json_object_get(entry, "pages"),
           *confidence = json_object_get(entry, "ocr_confidence_avg");
    json_t *observed = json_object_get(entry, "observed");
    made.page_first = (int)json_integer_value(json_array_get(pages, 0));
    made.page_last = (int)json_integer_value(
        json_array_get(pages, json_array_size(pages) ? json_array_size(pages) - 1 : 0));
    made.doc_class = doc_class_of(entry);
    made.observed = json_is_array(observed) ? observed : NULL;
    made.ocr_confidence = json_is_number(confidence) ? json_number_value(confidence) : -1;
    made.values = json_object();
    made.evidence = json_object();
    const char *name;
    json_t *field;
    int rc = made.values && made.evidence ? add_essay(&made, json_object_get(entry, "essay")) : -1;
    json_object_foreach(json_object_get(entry, "fields"), name,
                        field) if (rc == 0 && strcmp(name, "essay") != 0) rc = add_field(&made, name, field);
    if (rc == -1) {
        entry_done(&made);
        return err_set(err, ERR_NOMEM, "out of memory");
    }
    *save = made;
    return 0;
}

void entry_done(struct record_save *save)
{
    json_decref((json_t *)save->values);
    json_decref((json_t *)save->evidence);
    save->values = NULL;
    save->evidence = NULL;
}
