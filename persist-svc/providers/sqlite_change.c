/* sqlite_change: what a person does. On the writer's thread; one change is one transaction's work, all or
 * nothing. */
#include <string.h>
#include "lib/clock.h"
#include "persist-svc/providers/sqlite.h"
#include "persist-svc/providers/sqlite_row.h"
#include "persist-svc/record.h"
#include "persist-svc/record_update.h"

struct change_call {
    struct sqlite_store *store;
    const struct record_change *change;
    json_t *changed;
};

static int no_memory(struct err *err)
{
    return err_set(err, ERR_NOMEM, "out of memory");
}

static int change_row(struct db *db, struct change_call *call, json_t *record, struct err *err)
{
    char now[CLOCK_RFC3339_MAX];
    json_t *notes = NULL;
    int rc = record_update_by_person(&call->store->rules, call->change, record, clock_rfc3339(clock_wall_ms(), now), &notes, err);
    if (rc == 1) {
        rc = row_store(db, record, err);
        if (rc == 0) rc = row_notes(db, record_text(record, "submission_id"), notes, err);
        if (rc == 0 && json_array_append(call->changed, record) == -1) rc = no_memory(err);
    }
    json_decref(notes);
    return rc;
}

static int change_one(struct db *db, struct change_call *call, const char *id, struct err *err)
{
    json_t *record = NULL;
    if (row_load(db, id, &record, err) == -1) return -1;
    const char *owner = record_text(record, "owner_user_id");
    bool seen = owner && strcmp(owner, call->change->owner) == 0 && !record_text(record, "deleted_at") &&
                !json_is_true(json_object_get(record, "is_container_parent"));
    int rc = seen ? change_row(db, call, record, err) : 0;
    json_decref(record);
    return rc;
}

static int list_batch(struct db *db, const struct record_change *change, json_t *ids, struct err *err)
{
    static const char sql[] = "SELECT submission_id FROM submissions WHERE upload_batch_id = :batch "
                              "AND owner_user_id = :owner AND deleted_at IS NULL AND is_container_parent = 0";
    struct query q;
    if (query_open(&q, db, sql, err) == -1) return -1;
    query_text(&q, ":batch", change->batch);
    query_text(&q, ":owner", change->owner);
    int rc;
    while ((rc = query_step(&q, err)) == 1)
        if (json_array_append_new(ids, json_string(query_column(&q, 0))) == -1) {
            rc = no_memory(err);
            break;
        }
    query_done(&q);
    return rc;
}

static int change_work(struct db *db, void *arg, struct err *err)
{
    struct change_call *call = arg;
    const struct record_change *change = call->change;
    int rc = 0;
    if (!change->batch) {
        for (size_t i = 0; rc == 0 && i < change->n_ids; i++) rc = change_one(db, call, change->ids[i], err);
        return rc;
    }
    json_t *ids = json_array();
    rc = ids ? list_batch(db, change, ids, err) : no_memory(err);
    for (size_t i = 0; rc == 0 && i < json_array_size(ids); i++)
        rc = change_one(db, call, json_string_value(json_array_get(ids, i)), err);
    json_decref(ids);
    return rc;
}

int sqlite_change(void *state, const struct record_change *change, json_t **changed, struct err *err)
{
    struct sqlite_store *s = state;
    struct change_call call = {.store = s, .change = change, .changed = json_array()};
    if (!call.changed) return no_memory(err);
    if (sqlite_writer_call(s->writer, change_work, &call, err) == -1) {
        json_decref(call.changed);
        return -1;
    }
    *changed = call.changed;
    return 0;
}
