#include "llm-svc/entry_json.h"

#include <string.h>

#include "lib/auto.h"

static const char *const observed_names[] = {
    "OCR_FAILED",       "TEMPLATE_ONLY",    "DOC_TYPE_UNKNOWN",         "FIELD_ATTRIBUTION_RISK",
    "CONTENT_MISMATCH", "BLANK_SUBMISSION", "EXTRACTION_FALLBACK_USED",
};

static json_t *ints(const int *list, int n)
{
    json_t *array = json_array();
    for (int i = 0; i < n; i++)
        if (json_array_append_new(array, json_integer(list[i]))) {
            json_decref(array);
            return NULL;
        }
    return array;
}

static json_t *value_to_json(const struct value *value)
{
    return json_pack("{s:s, s:f, s:s, s:i, s:o, s:o, s:s}", "value", value->text, "confidence",
                     value->confidence, "source", value->source, "page", value->page, "box",
                     ints(value->box, 4), "words", ints(value->words, value->n_words), "raw", value->raw);
}

static json_t *fields_to_json(const struct entry *entry)
{
    json_t *fields = json_object();
    for (int i = 0; i < entry->n_values; i++)
        if (json_object_set_new(fields, entry->values[i].field->name, value_to_json(&entry->values[i]))) {
            json_decref(fields);
            return NULL;
        }
    return fields;
}

static json_t *observed_to_json(unsigned observed)
{
    json_t *names = json_array();
    for (size_t i = 0; i < COUNT_OF(observed_names); i++)
        if (observed & 1u << i && json_array_append_new(names, json_string(observed_names[i]))) {
            json_decref(names);
            return NULL;
        }
    return names;
}

static json_t *texts_to_json(const struct page *pages, int n_pages)
{
    json_t *texts = json_array();
    for (int i = 0; pages && i < n_pages; i++)
        if (json_array_append_new(texts,
                                  json_pack("{s:i, s:s}", "page", pages[i].number, "text", pages[i].text))) {
            json_decref(texts);
            return NULL;
        }
    return texts;
}

json_t *entry_to_json(const struct entry_head *head, const struct entry *entry, const struct page *pages,
                      int n_pages)
{
    json_t *confidence = entry->ocr_confidence < 0 ? json_null() : json_real(entry->ocr_confidence);
    return json_pack("{s:i, s:[i,i], s:s, s:s, s:s, s:o, s:{s:s, s:i, s:o}, s:o, s:o, s:o}", "entry",
                     (int)head->index, "pages", head->pages.first, head->pages.last, "doc_class",
                     head->doc_class, "form", head->form, "provider", head->provider, "fields",
                     fields_to_json(entry), "essay", "text", entry->essay, "words", entry->essay_words,
                     "pages", ints(entry->essay_pages, entry->n_essay_pages), "ocr_confidence_avg",
                     confidence, "observed", observed_to_json(entry->observed), "page_texts",
                     texts_to_json(pages, n_pages));
}

json_t *split_to_json(const struct split *split)
{
    json_t *entries = json_array();
    for (int i = 0; i < split->n; i++)
        if (json_array_append_new(entries,
                                  json_pack("[i,i]", split->entries[i].first, split->entries[i].last))) {
            json_decref(entries);
            return NULL;
        }
    json_t *schools = split->schools.n ? json_integer(split->schools.n) : NULL;
    return json_pack("{s:i, s:o, s:s, s:o*}", "fan", split->n, "entries", entries, "doc_class", split->doc_class, "schools", schools);
}

json_t *schools_to_json(const struct schools *schools)
{
    json_t *list = json_array();
    for (int i = 0; i < schools->n; i++)
        if (json_array_append_new(list, json_pack("{s:s, s:i}", "name", schools->list[i].name, "times", schools->list[i].times))) {
            json_decref(list);
            return NULL;
        }
    return json_pack("{s:o}", "schools", list);
}

int schools_from_json(const json_t *json, struct schools *schools, struct err *err)
{
    const json_t *list = json_object_get(json, "schools");
    size_t n = json_array_size(list);
    if (!json_is_array(list) || n > SCHOOLS_MAX) return err_set(err, ERR_INPUT, "a split's output has no list of schools");
    schools->list = calloc(n + 1, sizeof *schools->list);
    if (!schools->list) return err_set(err, ERR_NOMEM, "schools");
    for (size_t i = 0; i < n; i++) {
        const char *name = json_string_value(json_object_get(json_array_get(list, i), "name"));
        struct school *school = &schools->list[schools->n++];
        if (!name) return err_set(err, ERR_INPUT, "school %zu of a split's output has no name", i);
        school->name = strdup(name);
        school->folded = form_fold(name);
        school->times = (int)json_integer_value(json_object_get(json_array_get(list, i), "times"));
        if (!school->name || !school->folded) return err_set(err, ERR_NOMEM, "schools");
    }
    return 0;
}

int split_entry_from_json(const json_t *split, unsigned index, struct span *span)
{
    const json_t *pair = json_array_get(json_object_get(split, "entries"), index);
    const json_t *first = json_array_get(pair, 0), *last = json_array_get(pair, 1);
    if (!json_is_integer(first) || !json_is_integer(last)) return -1;
    json_int_t a = json_integer_value(first), b = json_integer_value(last);
    if (a < 1 || b < a || b > 1000000) return -1;
    *span = (struct span){(int)a, (int)b};
    return 0;
}

struct span split_pages_told(const json_t *split, unsigned index, size_t n_pages)
{
    struct span told = {1, (int)n_pages}, before, own;
    if (split_entry_from_json(split, index, &own)) return told;
    bool last = index + 1 == json_array_size(json_object_get(split, "entries"));
    if (index > 0 && !split_entry_from_json(split, index - 1, &before)) told.first = before.last + 1;
    if (told.first > own.first) told.first = own.first;
    if (!last || told.last < own.last) told.last = own.last;
    return told;
}
