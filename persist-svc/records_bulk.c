/* records_bulk: one change to many records, and the defaults of a batch. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "lib/auto.h"
#include "persist-svc/record.h"
#include "persist-svc/records_http.h"

#define IDS_MAX 1000

static bool is_among(const char *id, const char *const *ids, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(id, ids[i]) == 0) return true;
    return false;
}

/* The texts of an array, each once; `ids` has room for IDS_MAX. */
static int read_ids(const json_t *body, const char **ids, size_t *n_ids, struct err *err)
{
    const json_t *given = json_object_get(body, "ids");
    if (!given) given = json_object_get(body, "submission_ids"); /* the old application's name for them */
    size_t n = json_array_size(given);
    if (n == 0) return err_code(err, ERR_INPUT, "bad_request", "ids is a list of record ids.");
    if (n > IDS_MAX) return err_code(err, ERR_LIMIT, "too_large", "At most %d records at once.", IDS_MAX);
    *n_ids = 0;
    for (size_t i = 0; i < n; i++) {
        const char *id = json_string_value(json_array_get(given, i));
        if (!id) return err_code(err, ERR_INPUT, "bad_request", "ids is a list of record ids.");
        if (!is_among(id, ids, *n_ids)) ids[(*n_ids)++] = id;
    }
    return 0;
}

static json_t *ids_without(const json_t *changed, const char *const *ids, size_t n_ids)
{
    json_t *missing = json_array(), *seen = json_object();
    const json_t *record;
    size_t i;
    json_array_foreach(changed, i, record)
        json_object_set_new(seen, record_text(record, "submission_id"), json_true());
    for (i = 0; missing && seen && i < n_ids; i++)
        if (!json_object_get(seen, ids[i])) json_array_append_new(missing, json_string(ids[i]));
    json_decref(seen);
    return missing;
}

static json_t *shown_of(const json_t *changed)
{
    json_t *out = json_array();
    const json_t *record;
    size_t i;
    json_array_foreach(changed, i, record) json_array_append_new(out, record_public(record, false));
    return out;
}

static int change_many(struct http_request *rq, const json_t *body, struct record_change *change,
                       const char *counter, struct err *err)
{
    AUTO_FREE const char **ids = malloc(IDS_MAX * sizeof *ids);
    json_t *changed;
    if (!ids) return err_set(err, ERR_NOMEM, "out of memory");
    if (read_ids(body, ids, &change->n_ids, err) == -1) return -1;
    change->owner = rq->owner;
    change->by = rq->user;
    change->ids = ids;
    if (rq->stores->records->change(rq->stores->record_state, change, &changed, err) == -1) return -1;
    json_t *answer =
        json_pack("{s:b, s:I, s:o, s:o}", "success", 1, counter, (json_int_t)json_array_size(changed),
                  "not_found", ids_without(changed, ids, change->n_ids), "records",
                  change->action == RECORD_DELETE ? json_array() : shown_of(changed));
    json_decref(changed);
    return http_json(rq, 200, answer, err);
}

static int check_fields(struct http_request *rq, const json_t *given, json_t **fields, struct err *err)
{
    const char *field;
    int rc = record_fields_check(rq->stores->form, given, fields, &field, err);
    if (rc == -1 && field) snprintf(rq->error_field, sizeof rq->error_field, "%s", field);
    return rc;
}

int records_bulk_update(struct http_request *rq, struct err *err)
{
    json_t *body, *fields = NULL;
    if (http_body(rq, &body, err) == -1) return -1;
    int rc = check_fields(rq, json_object_get(body, "fields"), &fields, err);
    if (rc == 0) {
        struct record_change change = {.action = RECORD_EDIT, .fields = fields};
        rc = change_many(rq, body, &change, "updated", err);
    }
    json_decref(fields);
    json_decref(body);
    return rc;
}

int records_bulk_delete(struct http_request *rq, struct err *err)
{
    json_t *body;
    if (http_body(rq, &body, err) == -1) return -1;
    struct record_change change = {.action = RECORD_DELETE};
    int rc = change_many(rq, body, &change, "deleted", err);
    json_decref(body);
    return rc;
}

/* Defaults are for what all papers of a batch share; a name or an essay is nobody's default. */
static int check_defaults(struct http_request *rq, const json_t *body, struct err *err)
{
    static const char *const allowed[] = {"school_name", "grade", "teacher_name", NULL};
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)body, name, value)
    {
        bool known = false;
        for (int i = 0; allowed[i]; i++) known |= strcmp(allowed[i], name) == 0;
        if (known) continue;
        snprintf(rq->error_field, sizeof rq->error_field, "%s", name);
        return err_code(err, ERR_INPUT, "invalid_field",
                        "A batch has defaults for school_name, grade and teacher_name.");
    }
    return 0;
}

static int take_total(void *user, int64_t total)
{
    *(int64_t *)user = total;
    return 0;
}

static int take_none(void *user, const json_t *record)
{
    (void)user, (void)record;
    return 0;
}

/* Another owner's batch is none of the caller's, as everywhere. */
static int check_batch_is_there(struct http_request *rq, const char *batch, struct err *err)
{
    int64_t total = 0;
    const struct record_query query = {.owner = rq->owner, .batch = batch, .limit = 1};
    const struct record_sink sink = {take_total, take_none, &total};
    if (rq->stores->records->list(rq->stores->record_state, &query, &sink, err) == -1) return -1;
    return total > 0 ? 0 : err_code(err, ERR_INPUT, "not_found", "There is no record of yours in such a batch.");
}

int records_apply_defaults(struct http_request *rq, struct err *err)
{
    json_t *body, *fields = NULL, *changed = NULL;
    if (http_body(rq, &body, err) == -1) return -1;
    int rc = check_defaults(rq, body, err);
    if (rc == 0) rc = check_fields(rq, body, &fields, err);
    if (rc == 0) {
        struct record_change change = {.action = RECORD_APPLY_DEFAULTS,
                                       .owner = rq->owner,
                                       .by = rq->user,
                                       .batch = rq->path.part[0],
                                       .fields = fields};
        rc = rq->stores->records->change(rq->stores->record_state, &change, &changed, err);
        if (rc == 0 && json_array_size(changed) == 0) rc = check_batch_is_there(rq, change.batch, err);
    }
    if (rc == 0)
        rc = http_json(rq, 200,
                       json_pack("{s:b, s:I}", "success", 1, "updated", (json_int_t)json_array_size(changed)),
                       err);
    json_decref(changed);
    json_decref(fields);
    json_decref(body);
    return rc;
}
