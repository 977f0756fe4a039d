/* sqlite_list: finding records: a page of them, all of them for an export, or their groups. */
#include "persist-svc/providers/sqlite.h"
#include "persist-svc/record.h"

#define VISIBLE                                                                                              \
    " FROM submissions WHERE owner_user_id = :owner AND deleted_at IS NULL AND is_container_parent = 0 "
#define MATCHES                                                                                              \
    VISIBLE                                                                                                  \
    "AND (:batch IS NULL OR upload_batch_id = :batch) "                                                      \
    "AND (:job IS NULL OR job_id = :job) "                                                                   \
    "AND (:reason IS NULL OR instr(';' || review_reason_codes || ';', ';' || :reason || ';')) "              \
    "AND (:text IS NULL OR sheaf_found(:text, student_name, school_name, teacher_name, filename, submission_id)) "
#define CHOSEN                                                                                               \
    MATCHES                                                                                                  \
    "AND (:needs_review IS NULL OR needs_review = :needs_review) "                                           \
    "AND (:school IS NULL OR school_key = iif(:school = '" RECORDS_NO_VALUE "', '', :school)) "              \
    "AND (:grade IS NULL OR coalesce(grade, '') = iif(:grade = '" RECORDS_NO_VALUE "', '', :grade)) "
#define ORDER "(school_key, grade_key, student_key, submission_id)"

/* The place behind which a page begins: as it was told (its keys as the table's columns have them), else where its record is now. */
#define AFTER                                                                                                \
    "(SELECT coalesce(:school_then, '') AS school_key, CASE WHEN :grade_then IS NULL THEN -1 WHEN :grade_then = 'K' THEN 0 " \
    "ELSE CAST(:grade_then AS INTEGER) END AS grade_key, coalesce(:student_then, '') AS student_key, :after AS submission_id " \
    "WHERE :placed UNION ALL SELECT school_key, grade_key, student_key, submission_id FROM submissions "        \
    "WHERE NOT :placed AND submission_id = :after AND owner_user_id = :owner)"

static const char count_chosen[] = "SELECT count(*)" CHOSEN;
static const char list_chosen[] =
    "SELECT 0"
#define C(name, kind, shown) "," #name
#include "persist-svc/record.def"
#undef C
    CHOSEN "AND (:after IS NULL OR " ORDER " > (SELECT school_key, grade_key, student_key, submission_id FROM " AFTER ")) "
    "ORDER BY school_key, grade_key, student_key, submission_id LIMIT :limit";
static const char group_matches[] = "SELECT school_name, grade, count(*), sum(needs_review)" MATCHES
                                    "GROUP BY school_key, grade_key, grade ORDER BY school_key, grade_key";

static void bind_matches(struct query *q, const struct record_query *query)
{
    query_text(q, ":owner", query->owner);
    query_text(q, ":batch", query->batch);
    query_text(q, ":job", query->job);
    query_text(q, ":reason", query->reason);
    query_text(q, ":text", query->text);
}

static void bind_chosen(struct query *q, const struct record_query *query)
{
    bind_matches(q, query);
    query_text(q, ":school", query->school);
    query_text(q, ":grade", query->grade);
    if (query->mode != RECORDS_ALL) query_int(q, ":needs_review", query->mode == RECORDS_NEEDS_REVIEW);
}

static void bind_after(struct query *q, const struct record_query *query)
{
    const struct record_place *place = query->place;
    query_text(q, ":after", query->after);
    query_int(q, ":placed", place != NULL);
    query_text(q, ":school_then", place ? place->school : NULL);
    query_text(q, ":grade_then", place ? place->grade : NULL);
    query_text(q, ":student_then", place ? place->student : NULL);
}

static int count(struct db *db, const struct record_query *query, const struct record_sink *sink, struct err *err)
{
    struct query q;
    if (!sink->begin) return 0;
    if (query_open(&q, db, count_chosen, err) == -1) return -1;
    bind_chosen(&q, query);
    int rc = query_step(&q, err);
    int64_t total = rc == 1 ? query_column_int(&q, 0) : 0;
    query_done(&q);
    if (rc == -1) return -1;
    return sink->begin(sink->user, total) == -1 ? err_set(err, ERR_CANCELLED, "the reader broke off") : 0;
}

static int each(struct db *db, const struct record_query *query, const struct record_sink *sink, struct err *err)
{
    struct query q;
    if (query_open(&q, db, list_chosen, err) == -1) return -1;
    bind_chosen(&q, query);
    bind_after(&q, query);
    query_int(&q, ":limit", query->limit ? query->limit : -1);
    int rc;
    while ((rc = query_step(&q, err)) == 1) {
        json_t *record = query_record(&q);
        if (!record)
            rc = err_set(err, ERR_NOMEM, "out of memory");
        else if (sink->each(sink->user, record) == -1)
            rc = err_set(err, ERR_CANCELLED, "the reader broke off");
        json_decref(record);
        if (rc == -1) break;
    }
    query_done(&q);
    return rc;
}

int sqlite_list(void *state, const struct record_query *query, const struct record_sink *sink,
                struct err *err)
{
    struct sqlite_store *s = state;
    struct db *db = sqlite_reader_take(s, err);
    int rc = -1;
    /* One transaction, so that the count and the rows are of the same moment. */
    if (db && db_exec(db, "BEGIN", err) == 0) {
        rc = count(db, query, sink, err);
        if (rc == 0) rc = each(db, query, sink, err);
        (void)db_exec(db, "COMMIT", NULL); /* nothing was written: it only ends the reading */
    }
    if (db) sqlite_reader_give(s, db);
    return rc;
}

static int read_groups(struct query *q, json_t *groups, struct err *err)
{
    int rc;
    while ((rc = query_step(q, err)) == 1) {
        json_t *group = json_pack("{s:s?, s:s?, s:I, s:I}", "school", query_column(q, 0), "grade",
                                  query_column(q, 1), "count", (json_int_t)query_column_int(q, 2),
                                  "needs_review", (json_int_t)query_column_int(q, 3));
        if (json_array_append_new(groups, group) == -1) return err_set(err, ERR_NOMEM, "out of memory");
    }
    return rc;
}

int sqlite_groups(void *state, const struct record_query *query, json_t **groups, struct err *err)
{
    struct sqlite_store *s = state;
    json_t *out = json_array();
    struct db *db = NULL;
    struct query q = {0};
    int rc = -1;
    if (!out)
        err_set(err, ERR_NOMEM, "out of memory");
    else if ((db = sqlite_reader_take(s, err)) && query_open(&q, db, group_matches, err) == 0) {
        bind_matches(&q, query);
        rc = read_groups(&q, out, err);
        query_done(&q);
    }
    if (db) sqlite_reader_give(s, db);
    if (rc == -1) {
        json_decref(out);
        return -1;
    }
    *groups = out;
    return 0;
}
