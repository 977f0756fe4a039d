/* rpc_write: what runs and persons write, by the database's functions. */
#include <string.h>
#include "lib/clock.h"
#include "persist-svc/providers/rpc.h"
#include "persist-svc/record.h"

#define TRIES 5 /* somebody else was first so many times in a row: let the caller come again */

static int no_memory(struct err *err)
{
    return err_set(err, ERR_NOMEM, "out of memory");
}

/* --- a run --- */

static bool observed(const json_t *codes, const char *code)
{
    for (size_t i = 0; i < json_array_size(codes); i++) {
        const char *each = json_string_value(json_array_get(codes, i));
        if (each && strcmp(each, code) == 0) return true;
    }
    return false;
}

static int add(json_t *p, json_t *more)
{
    int rc = more ? json_object_update(p, more) : -1;
    json_decref(more);
    return rc;
}

static json_t *borrowed(const json_t *value, json_t *otherwise)
{
    if (!value) return otherwise;
    json_decref(otherwise);
    return json_incref((json_t *)value);
}

static json_t *sources_of(const json_t *values)
{
    json_t *out = json_object();
    const char *field;
    json_t *value;
    json_object_foreach((json_t *)values, field, value)
    {
        if (json_object_set_new(out, field, json_pack("{s:s}", "source", "extracted")) == -1) {
            json_decref(out);
            return NULL;
        }
    }
    return out;
}

static int add_ids(json_t *p, const struct record_save *save)
{
    static const char *const names[] = {"id", "id_owned", "parent_id", "parent_id_owned"};
    for (int i = 0; i < 4; i++) {
        char id[BASE_ID];
        record_id(save->base, i & 1 ? save->owner : NULL, save->index, i >= 2, id);
        if (json_object_set_new(p, names[i], json_string(id)) == -1) return -1;
    }
    return 0;
}

static json_t *save_argument(const struct record_save *save)
{
    json_t *p = json_pack("{s:s, s:s, s:s, s:s?, s:s?, s:s?, s:s?, s:s?, s:I, s:i, s:i}", "owner", save->owner, "base",
                          save->base, "digest", save->digest, "job", save->job, "batch", save->batch, "filename",
                          save->filename, "object_path", save->object_path, "artifact_dir", save->artifact_dir, "run",
                          (json_int_t)save->token.run, "attempt", (int)save->token.attempt, "delivery",
                          (int)save->token.delivery);
    json_t *more = json_pack("{s:i, s:i, s:i, s:i, s:s?, s:i, s:o, s:b, s:s}", "index", (int)save->index, "entries",
                             (int)save->entries, "page_first", save->page_first, "page_last", save->page_last, "doc_class",
                             save->doc_class, "word_count", save->word_count, "ocr_confidence",
                             save->ocr_confidence < 0 ? json_null() : json_real(save->ocr_confidence), "template",
                             observed(save->observed, "TEMPLATE_ONLY"), "at", save->at);
    json_t *parts = json_pack("{s:o, s:o, s:o, s:o}", "values", borrowed(save->values, json_object()), "sources",
                              sources_of(save->values), "evidence", borrowed(save->evidence, json_object()), "observed",
                              borrowed(save->observed, json_array()));
    if (!p || add(p, more) == -1) {
        json_decref(parts);
    } else if (add(p, parts) == 0 && add_ids(p, save) == 0) {
        return p;
    }
    json_decref(p);
    return NULL;
}

static int add_item(json_t *items, json_t *record, json_t *seen, json_t *notes)
{
    return json_array_append_new(items, json_pack("{s:O, s:O, s:O}", "record", record, "seen", seen, "notes", notes));
}

/* Takes `items`, which may be NULL for want of memory.  1: stored, 0: a row is not the one any more that was looked at, -1. */
static int store(struct rpc *rpc, const char *owner, json_t *items, struct err *err)
{
    json_t *result = NULL;
    if (rpc_call(rpc, owner, "settle_submissions", json_pack("{s:o}", "items", items), &result, err) == -1) return -1;
    int rc = json_is_true(result);
    json_decref(result);
    return rc;
}

/* 1: there is nothing (more) to do, 0: look again, -1. */
static int settle(struct rpc *rpc, const struct record_save *save, const json_t *before, json_t *after, struct err *err)
{
    json_t *notes = NULL;
    json_t *seen = json_incref(json_object_get(after, "updated_at"));
    int rc = record_update_by_run(&rpc->rules, before, after, save->at, (int64_t)save->token.run, &notes, err);
    if (rc == 1) {
        json_t *items = json_array();
        rc = add_item(items, after, seen, notes) == -1 ? no_memory(err) : store(rpc, NULL, json_incref(items), err);
        json_decref(items);
    } else if (rc == 0) {
        rc = 1;
    }
    json_decref(notes);
    json_decref(seen);
    return rc;
}

int rpc_save(void *state, const struct record_save *save, struct record_saved *saved, struct err *err)
{
    struct rpc *rpc = state;
    for (int i = 0; i < TRIES; i++) {
        json_t *result = NULL;
        if (rpc_call(rpc, NULL, "save_submission", save_argument(save), &result, err) == -1) return -1;
        const char *id = record_text(result, "id");
        const json_t *before = json_object_get(result, "before");
        json_t *after = json_object_get(result, "after");
        int rc = id ? 1 : err_set(err, ERR_BUG, "save_submission gave no id");
        if (json_is_null(before)) before = NULL;
        if (id) {
            memcpy(saved->submission_id, id, strnlen(id, BASE_ID - 1));
            saved->submission_id[strnlen(id, BASE_ID - 1)] = '\0';
        }
        saved->action = "kept";
        if (rc == 1 && json_is_true(json_object_get(result, "written"))) {
            saved->action = !before ? "inserted" : record_text(before, "approved_at") ? "kept" : "updated";
            rc = settle(rpc, save, before, after, err);
        }
        json_decref(result);
        if (rc) return rc == 1 ? 0 : -1;
    }
    return err_set(err, ERR_UNAVAILABLE, "the record was changed by somebody else all the time");
}

/* --- a person --- */

/* Does it to each of `records`, and puts what is to be stored into `items`, what came of it into `changed`. */
static int change_all(struct rpc *rpc, const struct record_change *change, json_t *records, json_t *items, json_t *changed,
                      struct err *err)
{
    char now[CLOCK_RFC3339_MAX];
    clock_rfc3339(clock_wall_ms(), now);
    for (size_t i = 0; i < json_array_size(records); i++) {
        json_t *record = json_array_get(records, i), *notes = NULL;
        if (json_is_true(json_object_get(record, "is_container_parent"))) continue; /* nobody's entry */
        json_t *seen = json_incref(json_object_get(record, "updated_at"));
        int rc = record_update_by_person(&rpc->rules, change, record, now, &notes, err);
        if (rc == 1 && (add_item(items, record, seen, notes) == -1 || json_array_append(changed, record) == -1))
            rc = no_memory(err);
        json_decref(seen);
        json_decref(notes);
        if (rc == -1) return -1;
    }
    return 0;
}

static json_t *which(const struct record_change *change)
{
    json_t *ids = json_array();
    for (size_t i = 0; ids && !change->batch && i < change->n_ids; i++)
        if (json_array_append_new(ids, json_string(change->ids[i])) == -1) {
            json_decref(ids);
            return NULL;
        }
    return json_pack("{s:s, s:s?, s:o}", "owner", change->owner, "batch", change->batch, "ids", ids);
}

/* 1: done, 0: somebody else was first, -1. */
static int change_once(struct rpc *rpc, const struct record_change *change, json_t *changed, struct err *err)
{
    json_t *records = NULL, *items = json_array();
    int rc = items ? rpc_call(rpc, change->owner, "get_submissions", which(change), &records, err) : no_memory(err);
    if (rc == 0) rc = change_all(rpc, change, records, items, changed, err);
    if (rc == 0) rc = json_array_size(items) ? store(rpc, change->owner, json_incref(items), err) : 1;
    json_decref(items);
    json_decref(records);
    return rc;
}

static int change(struct rpc *rpc, const struct record_change *change, int tries, json_t **changed, struct err *err)
{
    for (int i = 0; i < tries; i++) {
        json_t *out = json_array();
        int rc = out ? change_once(rpc, change, out, err) : no_memory(err);
        if (rc == 1)
            *changed = out;
        else
            json_decref(out);
        if (rc) return rc;
    }
    return 0;
}

/* Whoever was not the first has it for himself then: of many at the same records one would otherwise find them changed as often as he looks. */
int rpc_change(void *state, const struct record_change *wanted, json_t **changed, struct err *err)
{
    struct rpc *rpc = state;
    pthread_rwlock_rdlock(&rpc->turns);
    int rc = change(rpc, wanted, 1, changed, err);
    pthread_rwlock_unlock(&rpc->turns);
    if (rc == 0) {
        pthread_rwlock_wrlock(&rpc->turns);
        rc = change(rpc, wanted, TRIES, changed, err);
        pthread_rwlock_unlock(&rpc->turns);
    }
    if (rc == 0) return err_set(err, ERR_UNAVAILABLE, "the records were changed by somebody else all the time");
    return rc == 1 ? 0 : -1;
}
