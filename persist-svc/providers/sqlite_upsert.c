/* sqlite_upsert: what a run writes, as one statement. */
#include "persist-svc/providers/sqlite_upsert.h"

#include <stdio.h>
#include <string.h>
#include "persist-svc/record.h"

/* clang-format off */

/* A field stays as it is when its record is approved, when a person typed it, or when a batch's default fills what
 * the document still does not say. */
#define KEPT(field, column)                                                                                  \
    "approved_at IS NOT NULL OR field_sources ->> '$." field ".source' = 'manual' "                          \
    "OR (field_sources ->> '$." field ".source' = 'batch_default' AND coalesce(excluded." column ", '') = '')"

#define FIELD(field, column)                                                                                 \
    column " = CASE WHEN " KEPT(field, column) " THEN " column " ELSE excluded." column " END, "

#define UNLESS_APPROVED(column)                                                                              \
    column " = CASE WHEN approved_at IS NULL THEN excluded." column " ELSE " column " END, "

/* The parts of a JSON column follow their fields; those of fields without a column (another form's) follow the record as a whole.
 * Patching drops those that neither side has. */
#define PART(json, field, column)                                                                            \
    "'" field "', json(CASE WHEN " KEPT(field, column) " THEN " json " -> '$." field "' "                    \
    "ELSE excluded." json " -> '$." field "' END)"
#define PARTS(json)                                                                                          \
    json " = json_patch(json_remove(CASE WHEN approved_at IS NULL THEN excluded." json " ELSE " json " END, " \
    "'$.student_name', '$.school_name', '$.grade', '$.teacher_name', '$.city_or_location', "                   \
    "'$.father_figure_name', '$.phone', '$.email', '$.essay'), json_object("                                 \
    PART(json, "student_name", "student_name") ", "                                                          \
    PART(json, "school_name", "school_name") ", "                                                            \
    PART(json, "grade", "grade") ", "                                                                        \
    PART(json, "teacher_name", "teacher_name") ", "                                                          \
    PART(json, "city_or_location", "city_or_location") ", "                                                  \
    PART(json, "father_figure_name", "father_figure_name") ", "                                              \
    PART(json, "phone", "phone") ", "                                                                        \
    PART(json, "email", "email") ", "                                                                        \
    PART(json, "essay", "essay_text") ")), "

/* The conditions at both ends are the fence.  A row changes only under a token that is not older than its own; and
 * a run adds nothing to a document of which a newer run has already written. */
static const char upsert[] =
    "INSERT INTO submissions ("
    "  submission_id, owner_user_id, base_id, digest, object_path, filename, job_id, upload_batch_id,"
    "  run, attempt, delivery, doc_class, parent_submission_id, chunk_index, chunk_page_start, chunk_page_end,"
    "  is_chunk, is_container_parent, template_detected, artifact_dir, ocr_confidence_avg,"
    "  observed, evidence, field_sources,"
    "  student_name, school_name, grade, teacher_name, city_or_location, father_figure_name, phone, email,"
    "  essay_text, word_count, needs_review, created_at, updated_at) "
    "SELECT"
    "  :id, :owner, :base, :digest, :object, :filename, :job, :batch,"
    "  :run, :attempt, :delivery, :doc_class, :parent, :index, nullif(:page_first, 0), nullif(:page_last, 0),"
    "  :is_chunk, :is_parent, :template, :artifact_dir, :confidence,"
    "  :observed, :evidence, :sources,"
    "  :student_name, :school_name, :grade, :teacher_name, :city_or_location, :father_figure_name, :phone, :email,"
    "  :essay, :word_count, :needs_review, :at, :at "
    "WHERE NOT EXISTS ("
    "  SELECT 1 FROM submissions WHERE owner_user_id = :owner AND base_id = :base AND run > :run) "
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
    "AND (submissions.run, submissions.attempt, submissions.delivery)"
    " <= (excluded.run, excluded.attempt, excluded.delivery)";

/* clang-format on */

/* {"grade":{"source":"extracted"}, ...} for each field that the run has a value of. */
static json_t *sources_of(const json_t *values)
{
    json_t *out = json_object();
    const char *field;
    json_t *value;
    json_object_foreach(
        (json_t *)values, field,
        value) if (json_object_set_new(out, field, json_pack("{s:s}", "source", "extracted")) == -1)
    {
        json_decref(out);
        return NULL;
    }
    return out;
}

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
        template |= code &&strcmp(code, "TEMPLATE_ONLY") == 0;
    }
    query_int(q, ":template", !shape->is_parent && template);
    for (int i = 0; record_fields[i]; i++) {
        char name[40];
        snprintf(name, sizeof name, ":%s", record_fields[i]);
        query_text(q, name, record_text(values, record_fields[i]));
    }
}

static int bind_json(struct query *q, const struct record_save *save, const struct shape *shape,
                     struct err *err)
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

int sqlite_upsert(struct db *db, const struct record_save *save, const struct shape *shape, struct err *err)
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
