/* sqlite_save: what a run writes. On the writer's thread. */
#include <stdio.h>
#include <string.h>
#include "persist-svc/providers/sqlite.h"
#include "persist-svc/providers/sqlite_row.h"
#include "persist-svc/providers/sqlite_upsert.h"
#include "persist-svc/record.h"
#include "persist-svc/record_update.h"

/* --- which row --- */

static int find_entry(struct db *db, const struct record_save *save, bool parent, char id[BASE_ID],
                      struct err *err)
{
    static const char sql[] =
        "SELECT submission_id FROM submissions WHERE owner_user_id = :owner AND base_id = :base "
        "AND is_container_parent = :parent AND chunk_index = :index";
    struct query q;
    if (query_open(&q, db, sql, err) == -1) return -1;
    query_text(&q, ":owner", save->owner);
    query_text(&q, ":base", save->base);
    query_int(&q, ":parent", parent);
    query_int(&q, ":index", parent ? 0 : save->index);
    int rc = query_step(&q, err);
    if (rc == 1) snprintf(id, BASE_ID, "%s", query_column(&q, 0));
    query_done(&q);
    return rc;
}

static int id_is_taken(struct db *db, const char *id, struct err *err)
{
    static const char sql[] = "SELECT 1 FROM submissions WHERE submission_id = :id";
    struct query q;
    if (query_open(&q, db, sql, err) == -1) return -1;
    query_text(&q, ":id", id);
    int rc = query_step(&q, err);
    query_done(&q);
    return rc;
}

/* The row that this entry already has; else the id of CONTRACT section 4, derived again with the owner in it
 * when another owner has uploaded the same bytes before. */
static int choose_id(struct db *db, const struct record_save *save, bool parent, char id[BASE_ID],
                     struct err *err)
{
    int found = find_entry(db, save, parent, id, err);
    if (found) return found == 1 ? 0 : -1;
    record_id(save->base, NULL, save->index, parent, id);
    int taken = id_is_taken(db, id, err);
    if (taken == -1) return -1;
    if (taken) record_id(save->base, save->owner, save->index, parent, id);
    return 0;
}

/* --- what follows from it --- */

/* A line of the history that a run writes besides what record_update says. */
static int note_run(struct db *db, const struct record_save *save, const char *id, const char *action, struct err *err)
{
    json_t *note = json_pack("{s:s, s:s, s:I}", "at", save->at, "action", action, "run", (json_int_t)save->token.run);
    int rc = note ? row_note(db, id, note, err) : err_set(err, ERR_NOMEM, "out of memory");
    json_decref(note);
    return rc;
}

static int settle(struct sqlite_store *s, struct db *db, const struct record_save *save, const char *id, const json_t *before,
                  json_t *after, struct err *err)
{
    json_t *notes = NULL;
    int rc = record_update_by_run(&s->rules, before, after, save->at, (int64_t)save->token.run, &notes, err);
    if (rc == 1) rc = row_store(db, after, err) == -1 ? -1 : row_notes(db, id, notes, err);
    if (rc == 0 && !before) rc = note_run(db, save, id, "inserted", err);
    json_decref(notes);
    return rc;
}

/* Rows of older runs that this document's newest run has no entry for. What a person has touched stays. */
static int list_retired(struct db *db, const struct record_save *save, json_t *ids, struct err *err)
{
    static const char sql[] =
        "SELECT submission_id FROM submissions WHERE owner_user_id = :owner AND base_id = :base AND "
        "deleted_at IS NULL "
        "AND run < :run AND approved_at IS NULL "
        "AND CASE WHEN is_container_parent THEN :entries = 1 ELSE chunk_index >= :entries END "
        "AND NOT EXISTS (SELECT 1 FROM json_each(field_sources) WHERE json_extract(value, '$.source') = "
        "'manual')";
    struct query q;
    if (query_open(&q, db, sql, err) == -1) return -1;
    query_text(&q, ":owner", save->owner);
    query_text(&q, ":base", save->base);
    query_int(&q, ":run", (int64_t)save->token.run);
    query_int(&q, ":entries", save->entries);
    int rc;
    while ((rc = query_step(&q, err)) == 1)
        if (json_array_append_new(ids, json_string(query_column(&q, 0))) == -1) {
            rc = err_set(err, ERR_NOMEM, "out of memory");
            break;
        }
    query_done(&q);
    return rc;
}

static int retire_older(struct db *db, const struct record_save *save, struct err *err)
{
    static const char sql[] = "UPDATE submissions SET deleted_at = :at, updated_at = max(updated_at, :at) "
                              "WHERE submission_id = :id";
    json_t *ids = json_array();
    int rc = ids ? list_retired(db, save, ids, err) : err_set(err, ERR_NOMEM, "out of memory");
    for (size_t i = 0; rc == 0 && i < json_array_size(ids); i++) {
        const char *id = json_string_value(json_array_get(ids, i));
        struct query q;
        if ((rc = query_open(&q, db, sql, err)) == -1) break;
        query_text(&q, ":at", save->at);
        query_text(&q, ":id", id);
        if ((rc = query_run(&q, err)) == 0) rc = note_run(db, save, id, "superseded", err);
    }
    json_decref(ids);
    return rc;
}

struct save_call {
    struct sqlite_store *store;
    const struct record_save *save;
    struct record_saved saved;
};

static int save_entry(struct db *db, struct save_call *call, const char *parent_id, struct err *err)
{
    const struct record_save *save = call->save;
    struct shape shape = {call->saved.submission_id, parent_id, save->doc_class, false};
    json_t *before = NULL, *after = NULL;
    int rc = row_load(db, shape.id, &before, err);
    if (rc == 0) rc = sqlite_upsert(db, save, &shape, err);
    if (rc == 1) {
        rc = row_load(db, shape.id, &after, err);
        if (rc == 0) rc = settle(call->store, db, save, shape.id, before, after, err);
        call->saved.action = !before ? "inserted" : record_text(before, "approved_at") ? "kept" : "updated";
        if (rc == 0) rc = retire_older(db, save, err);
    } else if (rc == 0) {
        call->saved.action = "kept";
    }
    json_decref(before);
    json_decref(after);
    return rc;
}

static int save_work(struct db *db, void *arg, struct err *err)
{
    struct save_call *call = arg;
    const struct record_save *save = call->save;
    char parent_id[BASE_ID];
    bool several = save->entries > 1;
    if (choose_id(db, save, false, call->saved.submission_id, err) == -1) return -1;
    if (several && choose_id(db, save, true, parent_id, err) == -1) return -1;
    if (several && save->index == 0) {
        struct shape shape = {parent_id, NULL, "MULTI_ENTRY_PARENT", true};
        if (sqlite_upsert(db, save, &shape, err) == -1) return -1;
    }
    return save_entry(db, call, several ? parent_id : NULL, err);
}

int sqlite_save(void *state, const struct record_save *save, struct record_saved *saved, struct err *err)
{
    struct sqlite_store *s = state;
    struct save_call call = {.store = s, .save = save};
    if (sqlite_writer_call(s->writer, save_work, &call, err) == -1) return -1;
    *saved = call.saved;
    return 0;
}
