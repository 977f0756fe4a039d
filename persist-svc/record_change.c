#include "persist-svc/record_change.h"

#include <stdlib.h>
#include <string.h>
#include "lib/review.h"
#include "persist-svc/record.h"

#define ESSAY_MAX_BYTES (64 * 1024)
#define VALUE_MAX_BYTES 1000

const char *record_action_name(enum record_action action)
{
    static const char *const names[] = {
        [RECORD_EDIT] = "edited",
        [RECORD_APPROVE] = "approved",
        [RECORD_SEND_FOR_REVIEW] = "sent_for_review",
        [RECORD_DELETE] = "deleted",
        [RECORD_APPLY_DEFAULTS] = "batch_default",
    };
    return names[action];
}

static int no_memory(struct err *err)
{
    return err_set(err, ERR_NOMEM, "out of memory");
}

static bool is_blank(const char *text)
{
    return !text || text[strspn(text, " \t\r\n")] == '\0';
}

/* An essay is taken as it was typed: its length is a matter for the review codes, not a mistake of the
 * typist. */
static int check_essay(const char *text, json_t **value, struct err *err)
{
    if (strlen(text) > ESSAY_MAX_BYTES)
        return err_code(err, ERR_INPUT, "invalid_field", "An essay has at most %d bytes.", ESSAY_MAX_BYTES);
    *value = json_string(text);
    return *value ? 0 : no_memory(err);
}

static int check_value(const form_t *form, const char *name, const json_t *given, json_t **value,
                       struct err *err)
{
    if (!json_is_string(given) && !json_is_null(given))
        return err_code(err, ERR_INPUT, "invalid_field", "The value of %s must be a text or null.", name);
    const char *text = json_string_value(given);
    if (is_blank(text)) {
        *value = json_null();
        return 0;
    }
    if (strcmp(name, "essay") == 0) return check_essay(text, value, err);
    if (strlen(text) > VALUE_MAX_BYTES)
        return err_code(err, ERR_INPUT, "invalid_field", "The value of %s is too long.", name);
    const struct form_field *field = form_find(form, name);
    if (!field) return err_code(err, ERR_INPUT, "invalid_field", "This form has no field %s.", name);
    struct err why = {0};
    char *normal = form_normalise(form, field, text, &why);
    if (!normal)
        return why.kind == ERR_INPUT ? err_code(err, ERR_INPUT, "invalid_field", "%s", why.text)
                                     : no_memory(err);
    *value = json_string(normal);
    free(normal);
    return *value ? 0 : no_memory(err);
}

int record_fields_check(const form_t *form, const json_t *given, json_t **fields, const char **field_out,
                        struct err *err)
{
    *field_out = NULL;
    if (!json_is_object(given) || json_object_size(given) == 0)
        return err_code(err, ERR_INPUT, "bad_request", "Name at least one field and its value.");
    json_t *out = json_object();
    const char *name;
    json_t *raw;
    json_object_foreach((json_t *)given, name, raw)
    {
        const char *field = record_column_field(name);
        json_t *value = NULL;
        *field_out = name;
        if (!field) {
            err_code(err, ERR_INPUT, "invalid_field", "There is no field of this name to edit.");
            goto fail;
        }
        if (check_value(form, field, raw, &value, err) == -1) goto fail;
        if (json_object_set_new(out, field, value) == -1) {
            no_memory(err);
            goto fail;
        }
    }
    *field_out = NULL;
    *fields = out;
    return 0;
fail:
    json_decref(out);
    return -1;
}

static int set_field(json_t *record, const char *field, const json_t *value, const char *source,
                     const char *by, const char *at)
{
    json_t *sources = json_object_get(record, "field_sources");
    if (!json_is_object(sources)) {
        sources = json_object();
        if (json_object_set_new(record, "field_sources", sources) == -1) return -1;
    }
    json_t *mark = json_pack("{s:s, s:s?, s:s}", "source", source, "by", by, "at", at);
    if (json_object_set_new(sources, field, mark) == -1) return -1;
    return json_object_set(record, record_field_column(field), (json_t *)value);
}

static int edit(json_t *record, const struct record_change *change, const char *at, struct err *err)
{
    const char *field;
    json_t *value;
    json_object_foreach((json_t *)change->fields, field,
                        value) if (set_field(record, field, value, "manual", change->by, at) ==
                                   -1) return no_memory(err);
    return 1;
}

static int apply_defaults(json_t *record, const struct record_change *change, const char *at, struct err *err)
{
    int changed = 0;
    const char *field;
    json_t *value;
    json_object_foreach((json_t *)change->fields, field, value)
    {
        const char *source = record_source(record, field);
        if (source && strcmp(source, "manual") == 0) continue;
        if (!is_blank(record_text(record, record_field_column(field))) || !json_is_string(value)) continue;
        if (set_field(record, field, value, "batch_default", change->by, at) == -1) return no_memory(err);
        changed = 1;
    }
    return changed;
}

static bool has_all_required_names(const json_t *record, const form_t *form)
{
    json_t *values = record_values(record);
    struct review_state state = {.form = form, .values = values};
    bool ok = values && review_can_approve(&state);
    json_decref(values);
    return ok;
}

static int approve(json_t *record, const struct record_change *change, const form_t *form, const char *at,
                   struct err *err)
{
    if (!has_all_required_names(record, form))
        return err_code(err, ERR_INPUT, "conflict",
                        "A record needs a name, a school and a grade before it can be approved.");
    /* The wish for a review is answered by the approval; the other codes are accepted as they stand.  The
     * caller settles the record once more, which takes SENT_FOR_REVIEW out of the codes. */
    json_t *codes = json_object_get(record, "review_reason_codes");
    if (json_object_set_new(record, "sent_for_review_at", json_null()) == -1 ||
        json_object_set_new(record, "approved_at", json_string(at)) == -1 ||
        json_object_set_new(record, "approved_by", change->by ? json_string(change->by) : json_null()) ==
            -1 ||
        json_object_set(record, "approved_codes", codes ? codes : json_null()) == -1)
        return no_memory(err);
    return 1;
}

static int send_for_review(json_t *record, const char *at, struct err *err)
{
    if (json_object_set_new(record, "sent_for_review_at", json_string(at)) == -1 ||
        json_object_set_new(record, "approved_at", json_null()) == -1 ||
        json_object_set_new(record, "approved_by", json_null()) == -1 ||
        json_object_set_new(record, "approved_codes", json_null()) == -1)
        return no_memory(err);
    return 1;
}

int record_apply(json_t *record, const struct record_change *change, const form_t *form, const char *at,
                 struct err *err)
{
    const char *updated_at = record_text(record, "updated_at");
    if (change->if_match && (!updated_at || strcmp(updated_at, change->if_match) != 0))
        return err_code(err, ERR_INPUT, "precondition_failed",
                        "Somebody else changed this record first; look at it again.");
    switch (change->action) {
    case RECORD_EDIT:
        return edit(record, change, at, err);
    case RECORD_APPROVE:
        return approve(record, change, form, at, err);
    case RECORD_SEND_FOR_REVIEW:
        return send_for_review(record, at, err);
    case RECORD_DELETE:
        return json_object_set_new(record, "deleted_at", json_string(at)) == -1 ? no_memory(err) : 1;
    case RECORD_APPLY_DEFAULTS:
        return apply_defaults(record, change, at, err);
    }
    return err_set(err, ERR_BUG, "unknown change %d", (int)change->action);
}

int record_diff(const json_t *before, const json_t *after,
                int (*emit)(void *user, const char *field, const char *old, const char *fresh), void *user)
{
    for (int i = 0; record_fields[i]; i++) {
        const char *column = record_field_column(record_fields[i]);
        const char *old = record_text(before, column), *fresh = record_text(after, column);
        if (strcmp(old ? old : "", fresh ? fresh : "") == 0) continue;
        int rc = emit(user, record_fields[i], old, fresh);
        if (rc) return rc;
    }
    return 0;
}
