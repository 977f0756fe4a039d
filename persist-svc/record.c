#include "persist-svc/record.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "lib/auto.h"
#include "lib/clock.h"
#include "lib/digest.h"
#include "lib/review.h"

const struct record_column record_columns[] = {
#define C(name, kind, shown) {#name, RECORD_##kind, RECORD_SHOWN_##shown},
#include "persist-svc/record.def"
#undef C
};
const int record_columns_count = COUNT_OF(record_columns);

const char *const record_fields[] = {
    "student_name",       "school_name", "grade", "teacher_name", "city_or_location",
    "father_figure_name", "phone",       "email", "essay",        NULL};

const char *record_field_column(const char *field)
{
    if (strcmp(field, "essay") == 0 || strcmp(field, "essay_text") == 0) return "essay_text";
    for (int i = 0; record_fields[i]; i++)
        if (strcmp(record_fields[i], field) == 0) return record_fields[i];
    return NULL;
}

const char *record_column_field(const char *column)
{
    const char *known = record_field_column(column);
    return known && strcmp(known, "essay_text") == 0 ? "essay" : known;
}

const char *record_text(const json_t *record, const char *column)
{
    return json_string_value(json_object_get(record, column));
}

const char *record_source(const json_t *record, const char *field)
{
    return json_string_value(
        json_object_get(json_object_get(json_object_get(record, "field_sources"), field), "source"));
}

/* The confidences that still mean something: a value that a person typed or a batch's default gave was not
 * read from the page.  A field without a column was always read. */
static json_t *extracted_confidences(const json_t *record)
{
    json_t *out = json_object();
    const char *field;
    json_t *evidence;
    json_object_foreach(json_object_get(record, "evidence"), field, evidence)
    {
        const char *source = record_source(record, field);
        const json_t *confidence = json_object_get(evidence, "confidence");
        if (!json_is_number(confidence)) continue;
        if (record_field_column(field) && (!source || strcmp(source, "extracted") != 0)) continue;
        if (json_object_set_new(out, field, json_real(json_number_value(confidence))) == -1) {
            json_decref(out);
            return NULL;
        }
    }
    return out;
}

/* The values of fields that another form has and no column: entry.c leaves them in the evidence. */
static int add_evident(const json_t *record, json_t *values)
{
    const char *field;
    json_t *evidence;
    json_object_foreach(json_object_get(record, "evidence"), field, evidence)
    {
        json_t *value = json_object_get(evidence, "value");
        if (json_is_string(value) && !record_field_column(field) && json_object_set(values, field, value) == -1) return -1;
    }
    return 0;
}

json_t *record_values(const json_t *record)
{
    json_t *out = json_object();
    for (int i = 0; out && record_fields[i]; i++) {
        const char *value = record_text(record, record_field_column(record_fields[i]));
        if (!value || !*value || strcmp(record_fields[i], "essay") == 0) continue;
        if (json_object_set_new(out, record_fields[i], json_string(value)) == -1) {
            json_decref(out);
            return NULL;
        }
    }
    if (out && add_evident(record, out) == -1) {
        json_decref(out);
        return NULL;
    }
    return out;
}

static int settle_source(json_t *record, const char *field, const char *column)
{
    const char *source = record_source(record, field);
    return json_object_set_new(record, column, source ? json_string(source) : json_null());
}

int record_settle(json_t *record, const form_t *form, double review_below)
{
    json_t *values = record_values(record), *confidences = extracted_confidences(record);
    char *codes = NULL;
    bool needs_review = true;
    int rc = -1;
    if (!values || !confidences) goto out;

    const char *essay_source = record_source(record, "essay");
    const char *essay = record_text(record, "essay_text");
    if (essay_source && strcmp(essay_source, "manual") == 0 &&
        json_object_set_new(record, "word_count", json_integer(essay ? form_count_words(essay) : 0)) == -1)
        goto out;

    struct review_state state = {
        .form = form,
        .values = values,
        .confidences = confidences,
        .observed = json_object_get(record, "observed"),
        .essay_text = essay,
        .word_count = (int)json_integer_value(json_object_get(record, "word_count")),
        .sent_for_review = record_text(record, "sent_for_review_at") != NULL,
        .approved_codes = record_text(record, "approved_codes"),
        .review_below = review_below,
    };
    if (!json_is_array(state.observed)) state.observed = NULL;
    if (review_codes(&state, &codes, &needs_review) == -1) goto out;
    if (json_object_set_new(record, "review_reason_codes", json_string(codes)) == -1 ||
        json_object_set_new(record, "needs_review", json_boolean(needs_review)) == -1 ||
        settle_source(record, "school_name", "school_source") == -1 ||
        settle_source(record, "grade", "grade_source") == -1 ||
        settle_source(record, "teacher_name", "teacher_source") == -1)
        goto out;
    rc = 0;
out:
    free(codes);
    json_decref(values);
    json_decref(confidences);
    return rc;
}

bool record_differs(const json_t *before, const json_t *after)
{
    static const char *const unseen[] = {"run",        "attempt",         "delivery", "job_id",
                                         "updated_at", "upload_batch_id", NULL};
    for (int i = 0; i < record_columns_count; i++) {
        const char *name = record_columns[i].name;
        bool skip = false;
        for (int u = 0; unseen[u]; u++) skip |= strcmp(unseen[u], name) == 0;
        if (skip) continue;
        const json_t *a = json_object_get(before, name), *b = json_object_get(after, name);
        if (json_is_null(a)) a = NULL;
        if (json_is_null(b)) b = NULL;
        if (a != b && !json_equal(a, b)) return true;
    }
    return false;
}

json_t *record_public(const json_t *record, bool whole)
{
    json_t *out = json_object();
    for (int i = 0; out && i < record_columns_count; i++) {
        const struct record_column *column = &record_columns[i];
        if (column->shown == RECORD_SHOWN_NEVER || (column->shown == RECORD_SHOWN_ONE && !whole)) continue;
        json_t *value = json_object_get(record, column->name);
        if (json_object_set(out, column->name, value ? value : json_null()) == -1) goto no_memory;
    }
    const char *object = record_text(record, "object_path");
    json_t *url = object ? json_sprintf("/pdf/%s", object) : json_null();
    if (!out || json_object_set_new(out, "pdf_url", url) == -1) goto no_memory;
    return out;
no_memory:
    json_decref(out);
    return NULL;
}

void record_id(const char *base, const char *owner, unsigned index, bool parent, char id[BASE_ID])
{
    char owned[80], hex[DIGEST_HEX];
    if (owner) {
        snprintf(owned, sizeof owned, "%s:%s", owner, base);
        base = owned;
    }
    if (!parent) {
        submission_id(id, base, index);
    } else if (!owner) {
        snprintf(id, BASE_ID, "%.*s", BASE_ID - 1, base);
    } else {
        digest_hex(base, strlen(base), hex);
        snprintf(id, BASE_ID, "%.*s", BASE_ID - 1, hex);
    }
}

char *record_next_moment(const char *last, const char *now, char *out)
{
    int64_t last_ms, now_ms;
    if (last && clock_parse_rfc3339(last, &last_ms) == 0 && clock_parse_rfc3339(now, &now_ms) == 0 &&
        now_ms <= last_ms)
        return clock_rfc3339(last_ms + 1, out);
    snprintf(out, CLOCK_RFC3339_MAX, "%s", now);
    return out;
}
