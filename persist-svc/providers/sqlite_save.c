/* sqlite_save: what a run writes. On the writer's thread. */
#include <stdio.h>
#include <string.h>
#include "lib/clock.h"
#include "lib/digest.h"
#include "persist-svc/providers/sqlite.h"
#include "persist-svc/providers/sqlite_row.h"
#include "persist-svc/record.h"

/* --- which row ------------------------------------------------------------------------------------------------ */

static int find_entry(struct db *db, const struct record_save *save, bool parent, char id[BASE_ID], struct err *err)
{
    static const char sql[] = "SELECT submission_id FROM submissions WHERE owner_user_id = :owner AND base_id = :base "
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

static void derive_id(const char *base, unsigned index, bool parent, char id[BASE_ID])
{
    char hex[DIGEST_HEX];
    if (!parent) {
        submission_id(id, base, index);
    } else if (strlen(base) == BASE_ID - 1) {
        memcpy(id, base, BASE_ID);
    } else {
        digest_hex(base, strlen(base), hex);
        snprintf(id, BASE_ID, "%.*s", BASE_ID - 1, hex);
    }
}

/* The row that this entry already has; else the id of CONTRACT section 4, derived again with the owner in it when
 * another owner has uploaded the same bytes before. */
static int choose_id(struct db *db, const struct record_save *save, bool parent, char id[BASE_ID], struct err *err)
{
    int found = find_entry(db, save, parent, id, err);
    if (found) return found == 1 ? 0 : -1;
    derive_id(save->base, save->index, parent, id);
    int taken = id_is_taken(db, id, err);
    if (taken == -1) return -1;
    if (taken) {
        char owned[64];
        snprintf(owned, sizeof owned, "%s:%s", save->owner, save->base);
        derive_id(owned, save->index, parent, id);
    }
    return 0;
}

/* --- the one statement ---------------------------------------------------------------------------------------- */

/* A field stays as it is when its record is approved, when a person typed it, or when a batch's default fills what the
 * document still does not say. */
#define KEPT(field, column)                                                                                            \
    "approved_at IS NOT NULL OR field_sources ->> '$." field ".source' = 'manual' OR "                                 \
    "(field_sources ->> '$." field ".source' = 'batch_default' AND coalesce(excluded." column ", '') = '')"
#define FIELD(field, column)   column " = CASE WHEN " KEPT(field, column) " THEN " column " ELSE excluded." column " END, "
#define PART(field, column, of)                                                                                        \
    "'" field "', json(CASE WHEN " KEPT(field, column) " THEN " of " -> '$." field "' ELSE excluded." of " -> '$." field "' END)"
/* Patching an empty object drops the fields that neither side has. */
#define PARTS(of)                                                                                                      \
    of " = json_patch('{}', json_object("                                                                              \
    PART("student_name", "student_name", of) ", " PART("school_name", "school_name", of) ", "                          \
    PART("grade", "grade", of) ", " PART("teacher_name", "teacher_name", of) ", "                                      \
    PART("city_or_location", "city_or_location", of) ", " PART("father_figure_name", "father_figure_name", of) ", "    \
    PART("phone", "phone", of) ", " PART("email", "email", of) ", " PART("essay", "essay_text", of) ")), "
#define UNLESS_APPROVED(column) column " = CASE WHEN approved_at IS NULL THEN excluded." column " ELSE " column " END, "

/* The conditions at both ends are the fence.  A row changes only under a token that is not older than its own; and a
 * run adds nothing to a document of which a newer run has already written. */
static const char upsert[] =
    "INSERT INTO submissions (submission_id, owner_user_id, base_id, digest, object_path, filename, job_id, upload_batch_id,"
    " run, attempt, delivery, doc_class, parent_submission_id, chunk_index, chunk_page_start, chunk_page_end, is_chunk,"
    " is_container_parent, template_detected, artifact_dir, ocr_confidence_avg, observed, evidence, field_sources,"
    " student_name, school_name, grade, teacher_name, city_or_location, father_figure_name, phone, email, essay_text,"
    " word_count, needs_review, created_at, updated_at) "
    "SELECT :id, :owner, :base, :digest, :object, :filename, :job, :batch,"
    " :run, :attempt, :delivery, :doc_class, :parent, :index, nullif(:page_first, 0), nullif(:page_last, 0), :is_chunk,"
    " :is_parent, :template, :artifact_dir, :confidence, :observed, :evidence, :sources,"
    " :student_name, :school_name, :grade, :teacher_name, :city_or_location, :father_figure_name, :phone, :email, :essay,"
    " :word_count, :needs_review, :at, :at "
    "WHERE NOT EXISTS (SELECT 1 FROM submissions WHERE owner_user_id = :owner AND base_id = :base AND run > :run) "
    "ON CONFLICT (submission_id) DO UPDATE SET "
    FIELD("student_name", "student_name")
    FIELD("school_name", "school_name")
    FIELD("grade", "grade")
    FIELD("teacher_name", "teacher_name")
    FIELD("city_or_location", "city_or_location")
    FIELD("father_figure_name", "father_figure_name")
    FIELD("phone", "phone")
    FIELD("email", "email")
    FIELD("essay", "essay_text")
    "word_count = CASE WHEN " KEPT("essay", "essay_text") " THEN word_count ELSE excluded.word_count END, "
    PARTS("field_sources")
    PARTS("evidence")
    UNLESS_APPROVED("observed")
    UNLESS_APPROVED("ocr_confidence_avg")
    UNLESS_APPROVED("artifact_dir")
    UNLESS_APPROVED("template_detected")
    UNLESS_APPROVED("doc_class")
    UNLESS_APPROVED("chunk_page_start")
    UNLESS_APPROVED("chunk_page_end")
    "is_chunk = excluded.is_chunk, parent_submission_id = excluded.parent_submission_id, "
    "object_path = excluded.object_path, digest = excluded.digest, filename = excluded.filename, "
    "job_id = excluded.job_id, upload_batch_id = excluded.upload_batch_id, "
    /* A new run brings back what was deleted; another delivery of the same run does not. */
    "deleted_at = CASE WHEN excluded.run > run THEN NULL ELSE deleted_at END, "
    "run = excluded.run, attempt = excluded.attempt, delivery = excluded.delivery "
    "WHERE submissions.owner_user_id = excluded.owner_user_id "
    "AND (submissions.run, submissions.attempt, submissions.delivery) <= (excluded.run, excluded.attempt, excluded.delivery)";

/* {"grade":{"source":"extracted"}, ...} for each field that the run has a value of. */
static json_t *sources_of(const json_t *values)
{
    json_t *out = json_object();
    const char *field;
    json_t *value;
    json_object_foreach ((json_t *)values, field, value)
        if (json_object_set_new(out, field, json_pack("{s:s}", "source", "extracted")) == -1) {
            json_decref(out);
            return NULL;
        }
    return out;
}

/* What differs between an entry's row and the row of the document that holds several. */
struct shape {
    const char *id, *parent_id, *doc_class;
    bool is_parent;
};

static void bind_document(struct query *q, const struct record_save *save, const struct shape *shape)
{
    query_text(q, ":id", shape->id);
    query_text(q, ":owner", save->owner);
    query_text(q, ":base", save->base);
    query_text(q, ":digest", save->digest);
    query_text(q, ":object", save->object_path);
    query_text(q, ":filename", save->filename);
    query_text(q, ":job", save->job);
    query_text(q, ":batch", save->batch);
    query_int(q, ":run", (int64_t)save->token.run);
    query_int(q, ":attempt", save->token.attempt);
    query_int(q, ":delivery", save->token.delivery);
    query_text(q, ":doc_class", shape->doc_class);
    query_text(q, ":parent", shape->parent_id);
    query_text(q, ":artifact_dir", save->artifact_dir);
    query_text(q, ":at", save->at);
}

static void bind_entry(struct query *q, const struct record_save *save, const struct shape *shape)
{
    const json_t *values = shape->is_parent ? NULL : save->values;
    query_int(q, ":is_parent", shape->is_parent);
    query_int(q, ":needs_review", !shape->is_parent);
    query_int(q, ":index", shape->is_parent ? 0 : save->index);
    query_int(q, ":page_first", shape->is_parent ? 0 : save->page_first);
    query_int(q, ":page_last", shape->is_parent ? 0 : save->page_last);
    query_int(q, ":is_chunk", !shape->is_parent && save->entries > 1);
    query_real(q, ":confidence", shape->is_parent ? -1 : save->ocr_confidence);
    query_int(q, ":word_count", shape->is_parent ? 0 : save->word_count);
    bool template = false;
    for (size_t i = 0; i < json_array_size(save->observed); i++) {
        const char *code = json_string_value(json_array_get(save->observed, i));
        template |= code && strcmp(code, "TEMPLATE_ONLY") == 0;
    }
    query_int(q, ":template", !shape->is_parent && template);
    for (int i = 0; record_fields[i]; i++) {
        char name[40];
        snprintf(name, sizeof name, ":%s", record_fields[i]);
        query_text(q, name, record_text(values, record_fields[i]));
    }
}

static int bind_json(struct query *q, const struct record_save *save, const struct shape *shape, struct err *err)
{
    json_t *object = json_object(), *array = json_array(), *sources = sources_of(save->values);
    int rc = 0;
    if (object && array && sources) {
        query_json(q, ":observed", shape->is_parent || !save->observed ? array : save->observed);
        query_json(q, ":evidence", shape->is_parent || !save->evidence ? object : save->evidence);
        query_json(q, ":sources", shape->is_parent ? object : sources);
    } else {
        rc = err_set(err, ERR_NOMEM, "out of memory");
    }
    json_decref(object);
    json_decref(array);
    json_decref(sources);
    return rc;
}

/* 1: written, 0: the fence stood against it, -1. */
static int run_upsert(struct db *db, const struct record_save *save, const struct shape *shape, struct err *err)
{
    struct query q;
    if (query_open(&q, db, upsert, err) == -1) return -1;
    bind_document(&q, save, shape);
    bind_entry(&q, save, shape);
    if (bind_json(&q, save, shape, err) == -1) {
        query_done(&q);
        return -1;
    }
    if (query_run(&q, err) == -1) return -1;
    return sqlite3_changes(db->handle) > 0;
}

/* --- what follows from it ------------------------------------------------------------------------------------- */

static int settle(struct sqlite_store *s, struct db *db, const struct row_note *note, const json_t *before, json_t *after,
                  struct err *err)
{
    char moment[CLOCK_RFC3339_MAX];
    if (record_settle(after, s->form, s->review_below) == -1) return err_set(err, ERR_NOMEM, "out of memory");
    if (!before) {
        if (row_store(db, after, err) == -1) return -1;
        return row_note(db, note, NULL, NULL, NULL, err);
    }
    if (!record_differs(before, after)) return 0;
    record_next_moment(record_text(before, "updated_at"), note->at, moment);
    if (json_object_set_new(after, "updated_at", json_string(moment)) == -1) return err_set(err, ERR_NOMEM, "out of memory");
    if (row_store(db, after, err) == -1) return -1;
    if (record_text(before, "deleted_at") && !record_text(after, "deleted_at")) {
        struct row_note back = *note;
        back.action = "restored";
        if (row_note(db, &back, NULL, NULL, NULL, err) == -1) return -1;
    }
    return row_note_diff(db, note, before, after, err);
}

/* Rows of older runs that this document's newest run has no entry for. What a person has touched stays. */
static int list_retired(struct db *db, const struct record_save *save, json_t *ids, struct err *err)
{
    static const char sql[] =
        "SELECT submission_id FROM submissions WHERE owner_user_id = :owner AND base_id = :base AND deleted_at IS NULL "
        "AND run < :run AND approved_at IS NULL "
        "AND CASE WHEN is_container_parent THEN :entries = 1 ELSE chunk_index >= :entries END "
        "AND NOT EXISTS (SELECT 1 FROM json_each(field_sources) WHERE json_extract(value, '$.source') = 'manual')";
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
        struct row_note note = {json_string_value(json_array_get(ids, i)), save->at, NULL, "superseded",
                                (int64_t)save->token.run};
        struct query q;
        if ((rc = query_open(&q, db, sql, err)) == -1) break;
        query_text(&q, ":at", save->at);
        query_text(&q, ":id", note.id);
        if ((rc = query_run(&q, err)) == 0) rc = row_note(db, &note, NULL, NULL, NULL, err);
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
    if (rc == 0) rc = run_upsert(db, save, &shape, err);
    if (rc == 1) {
        struct row_note note = {shape.id, save->at, NULL, before ? "extracted" : "inserted", (int64_t)save->token.run};
        rc = row_load(db, shape.id, &after, err);
        if (rc == 0) rc = settle(call->store, db, &note, before, after, err);
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
        if (run_upsert(db, save, &shape, err) == -1) return -1;
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
