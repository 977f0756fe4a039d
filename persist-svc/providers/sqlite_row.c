#include "persist-svc/providers/sqlite_row.h"

#include "persist-svc/record.h"

int row_load(struct db *db, const char *id, json_t **record, struct err *err)
{
    static const char sql[] = "SELECT 0"
#define C(name, kind, shown) "," #name
#include "persist-svc/record.def"
#undef C
                              " FROM submissions WHERE submission_id = :id";
    struct query q;
    if (query_open(&q, db, sql, err) == -1) return -1;
    query_text(&q, ":id", id);
    int rc = query_step(&q, err);
    json_t *row = NULL;
    if (rc == 1 && !(row = query_record(&q))) rc = err_set(err, ERR_NOMEM, "out of memory");
    query_done(&q);
    if (rc == -1) return -1;
    *record = row;
    return 0;
}

/* clang-format off */
/* Each column that row_store() writes, under its own name as the parameter's. */
#define STORED(X)                                                                                            \
    X(student_name) X(school_name) X(grade) X(teacher_name) X(city_or_location) X(father_figure_name)        \
    X(phone) X(email) X(essay_text) X(review_reason_codes) X(school_source) X(grade_source)                  \
    X(teacher_source) X(approved_at) X(approved_by) X(approved_codes) X(sent_for_review_at) X(deleted_at)    \
    X(updated_at)

#define SET(name) #name " = :" #name ", "
static const char store[] =
    "UPDATE submissions SET " STORED(SET)
    "word_count = :word_count, needs_review = :needs_review, field_sources = :field_sources "
    "WHERE submission_id = :id";
#undef SET
/* clang-format on */

int row_store(struct db *db, const json_t *record, struct err *err)
{
    struct query q;
    if (query_open(&q, db, store, err) == -1) return -1;
#define BIND(name) query_text(&q, ":" #name, record_text(record, #name));
    STORED(BIND)
#undef BIND
    query_int(&q, ":word_count", json_integer_value(json_object_get(record, "word_count")));
    query_int(&q, ":needs_review", json_is_true(json_object_get(record, "needs_review")));
    query_json(&q, ":field_sources", json_object_get(record, "field_sources"));
    query_text(&q, ":id", record_text(record, "submission_id"));
    return query_run(&q, err);
}

int row_note(struct db *db, const char *id, const json_t *note, struct err *err)
{
    static const char sql[] =
        "INSERT INTO submission_history (submission_id, at, by, action, field, old, new, run) "
        "VALUES (:id, :at, :by, :action, :field, :old, :new, nullif(:run, 0))";
    struct query q;
    if (query_open(&q, db, sql, err) == -1) return -1;
    query_text(&q, ":id", id);
    query_text(&q, ":at", record_text(note, "at"));
    query_text(&q, ":by", record_text(note, "by"));
    query_text(&q, ":action", record_text(note, "action"));
    query_text(&q, ":field", record_text(note, "field"));
    query_text(&q, ":old", record_text(note, "old"));
    query_text(&q, ":new", record_text(note, "new"));
    query_int(&q, ":run", json_integer_value(json_object_get(note, "run")));
    return query_run(&q, err);
}

int row_notes(struct db *db, const char *id, const json_t *notes, struct err *err)
{
    for (size_t i = 0; i < json_array_size(notes); i++)
        if (row_note(db, id, json_array_get(notes, i), err) == -1) return -1;
    return 0;
}
