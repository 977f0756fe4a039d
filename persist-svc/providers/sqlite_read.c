/* sqlite_read: one record, its history, duplicates, counts. */
#include <stdio.h>
#include <string.h>
#include "persist-svc/providers/sqlite.h"
#include "persist-svc/providers/sqlite_row.h"
#include "persist-svc/record.h"

static int not_found(struct err *err)
{
    return err_code(err, ERR_INPUT, "not_found", "There is no such record.");
}

static bool belongs_to(const json_t *record, const char *owner)
{
    const char *of = record_text(record, "owner_user_id");
    return of && strcmp(of, owner) == 0;
}

int sqlite_get(void *state, const char *owner, const char *id, json_t **record, struct err *err)
{
    struct sqlite_store *s = state;
    struct db *db = sqlite_reader_take(s, err);
    if (!db) return -1;
    json_t *found = NULL;
    int rc = row_load(db, id, &found, err);
    sqlite_reader_give(s, db);
    if (rc == -1) return -1;
    if (!belongs_to(found, owner) || record_text(found, "deleted_at")) {
        json_decref(found);
        return not_found(err);
    }
    *record = found;
    return 0;
}

static int read_history(struct db *db, const char *id, json_t *history, struct err *err)
{
    static const char sql[] = "SELECT at, by, action, field, old, new, run FROM submission_history "
                              "WHERE submission_id = :id ORDER BY id";
    struct query q;
    if (query_open(&q, db, sql, err) == -1) return -1;
    query_text(&q, ":id", id);
    int rc;
    while ((rc = query_step(&q, err)) == 1) {
        json_t *line = json_pack("{s:s, s:s?, s:s, s:s?, s:s?, s:s?}", "at", query_column(&q, 0), "by",
                                 query_column(&q, 1), "action", query_column(&q, 2), "field",
                                 query_column(&q, 3), "old", query_column(&q, 4), "new", query_column(&q, 5));
        int64_t run = query_column_int(&q, 6);
        if (json_object_set_new(line, "run", run ? json_integer(run) : json_null()) == -1 ||
            json_array_append(history, line) == -1)
            rc = err_set(err, ERR_NOMEM, "out of memory");
        json_decref(line);
        if (rc == -1) break;
    }
    query_done(&q);
    return rc;
}

int sqlite_history(void *state, const char *owner, const char *id, json_t **history, struct err *err)
{
    struct sqlite_store *s = state;
    json_t *out = json_array(), *record = NULL;
    struct db *db = out ? sqlite_reader_take(s, err) : NULL;
    int rc = db ? row_load(db, id, &record, err) : out ? -1 : err_set(err, ERR_NOMEM, "out of memory");
    if (rc == 0) rc = belongs_to(record, owner) ? read_history(db, id, out, err) : not_found(err);
    if (db) sqlite_reader_give(s, db);
    json_decref(record);
    if (rc == -1) {
        json_decref(out);
        return -1;
    }
    *history = out;
    return 0;
}

int sqlite_find_digest(void *state, const char *owner, const char *digest, char id[BASE_ID], struct err *err)
{
    static const char sql[] =
        "SELECT submission_id FROM submissions WHERE digest = :digest AND owner_user_id = :owner "
        "AND deleted_at IS NULL AND is_container_parent = 0 ORDER BY chunk_index LIMIT 1";
    struct sqlite_store *s = state;
    struct db *db = sqlite_reader_take(s, err);
    struct query q;
    if (!db) return -1;
    int rc = query_open(&q, db, sql, err);
    if (rc == 0) {
        query_text(&q, ":digest", digest);
        query_text(&q, ":owner", owner);
        rc = query_step(&q, err);
        if (rc != -1) snprintf(id, BASE_ID, "%s", rc == 1 ? query_column(&q, 0) : "");
        query_done(&q);
    }
    sqlite_reader_give(s, db);
    return rc == -1 ? -1 : 0;
}

static int read_totals(struct db *db, const char *owner, json_t **totals, struct err *err)
{
    static const char sql[] =
        "SELECT count(*), coalesce(sum(needs_review), 0), count(DISTINCT nullif(school_key, '')), "
        "count(DISTINCT upload_batch_id), count(DISTINCT base_id), max(updated_at) FROM submissions "
        "WHERE owner_user_id = :owner AND deleted_at IS NULL AND is_container_parent = 0";
    struct query q;
    if (query_open(&q, db, sql, err) == -1) return -1;
    query_text(&q, ":owner", owner);
    int rc = query_step(&q, err);
    if (rc == 1) {
        json_int_t total = query_column_int(&q, 0), review = query_column_int(&q, 1);
        *totals = json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:s?}", "total", total, "needs_review", review,
                            "approved", total - review, "schools", (json_int_t)query_column_int(&q, 2),
                            "batches", (json_int_t)query_column_int(&q, 3), "documents",
                            (json_int_t)query_column_int(&q, 4), "last_updated_at", query_column(&q, 5));
        rc = *totals ? 0 : err_set(err, ERR_NOMEM, "out of memory");
    }
    query_done(&q);
    return rc;
}

/* How many records each set of codes stands on; added up by code. */
static int read_reasons(struct db *db, const char *owner, json_t *reasons, struct err *err)
{
    static const char sql[] =
        "SELECT review_reason_codes, count(*) FROM submissions WHERE owner_user_id = :owner "
        "AND deleted_at IS NULL AND is_container_parent = 0 AND needs_review = 1 GROUP BY 1";
    struct query q;
    if (query_open(&q, db, sql, err) == -1) return -1;
    query_text(&q, ":owner", owner);
    int rc;
    while ((rc = query_step(&q, err)) == 1) {
        const char *at = query_column(&q, 0);
        for (size_t len; at && (len = strcspn(at, ";")); at += len + (at[len] == ';')) {
            char code[64];
            snprintf(code, sizeof code, "%.*s", (int)len, at);
            json_int_t n = json_integer_value(json_object_get(reasons, code)) + query_column_int(&q, 1);
            if (json_object_set_new(reasons, code, json_integer(n)) == -1)
                rc = err_set(err, ERR_NOMEM, "out of memory");
        }
        if (rc == -1) break;
    }
    query_done(&q);
    return rc;
}

int sqlite_stats(void *state, const char *owner, json_t **stats, struct err *err)
{
    struct sqlite_store *s = state;
    json_t *totals = NULL, *reasons = json_object();
    struct db *db = sqlite_reader_take(s, err);
    int rc = db ? read_totals(db, owner, &totals, err) : -1;
    if (rc == 0) rc = read_reasons(db, owner, reasons, err);
    if (db) sqlite_reader_give(s, db);
    if (rc == 0 && json_object_set(totals, "reasons", reasons) == -1)
        rc = err_set(err, ERR_NOMEM, "out of memory");
    json_decref(reasons);
    if (rc == -1) {
        json_decref(totals);
        return -1;
    }
    *stats = totals;
    return 0;
}
