/* records_one: one record: look, edit, approve, send for review, delete, history. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "lib/auto.h"
#include "persist-svc/object_path.h"
#include "persist-svc/record.h"
#include "persist-svc/records_http.h"

#define ARTIFACT_MAX_BYTES (8 * 1024 * 1024)

static int not_found(struct err *err)
{
    return err_code(err, ERR_INPUT, "not_found", "There is no such record.");
}

static int read_artifact(const struct stores *stores, const json_t *record, json_t **artifact,
                         struct err *err)
{
    const char *dir = record_text(record, "artifact_dir");
    char path[OBJECT_PATH_MAX + 32];
    AUTO_CLOSE int fd = -1;
    int64_t size;
    if (!dir) return err_code(err, ERR_INPUT, "not_found", "There is no text of this record's pages.");
    snprintf(path, sizeof path, "%s/entry-%d.json", dir,
             (int)json_integer_value(json_object_get(record, "chunk_index")));
    if (stores->objects->get(stores->object_state, path, &fd, &size, err) == -1) return -1;
    if (size > ARTIFACT_MAX_BYTES) return err_set(err, ERR_LIMIT, "an entry's artifact is too large");
    AUTO_FREE char *text = malloc((size_t)size + 1);
    if (!text) return err_set(err, ERR_NOMEM, "out of memory");
    ssize_t n = pread(fd, text, (size_t)size, 0);
    json_t *json = n == size ? json_loadb(text, (size_t)n, 0, NULL) : NULL;
    if (!json) return err_set(err, ERR_UNAVAILABLE, "an entry's artifact cannot be read");
    *artifact = json;
    return 0;
}

/* A record whose artifact is gone is still a record: it is shown without the text of its pages. */
static int add_page_texts(const struct stores *stores, const json_t *record, json_t *shown)
{
    json_t *artifact = NULL;
    (void)read_artifact(stores, record, &artifact, NULL);
    json_t *texts = json_object_get(artifact, "page_texts");
    int rc = json_object_set(shown, "page_texts", texts ? texts : json_null());
    json_decref(artifact);
    return rc;
}

int records_get(struct http_request *rq, struct err *err)
{
    char include[32];
    json_t *record;
    const char *wanted = http_param(rq, "include", include, sizeof include, err);
    if (err->kind != ERR_NONE) return -1;
    if (rq->stores->records->get(rq->stores->record_state, rq->owner, rq->path.part[0], &record, err) == -1)
        return -1;
    json_t *shown = record_public(record, true);
    int rc = shown ? 0 : -1;
    if (rc == 0 && wanted && strcmp(wanted, "text") == 0) rc = add_page_texts(rq->stores, record, shown);
    json_decref(record);
    if (rc == -1) {
        json_decref(shown);
        return err_set(err, ERR_NOMEM, "out of memory");
    }
    return http_json(rq, 200, json_pack("{s:b, s:o}", "success", 1, "record", shown), err);
}

/* Does the change to the record that the path names, and answers with the record as it is now. */
static int change_one(struct http_request *rq, struct record_change *change, struct err *err)
{
    const char *const ids[] = {rq->path.part[0]};
    json_t *changed;
    change->owner = rq->owner;
    change->by = rq->user;
    change->ids = ids;
    change->n_ids = 1;
    change->if_match = rq->conditional ? rq->if_match : NULL;
    if (rq->stores->records->change(rq->stores->record_state, change, &changed, err) == -1) return -1;
    const json_t *record = json_array_get(changed, 0);
    if (!record) {
        json_decref(changed);
        return not_found(err);
    }
    json_t *shown = record_public(record, true);
    json_decref(changed);
    return http_json(rq, 200, json_pack("{s:b, s:o}", "success", 1, "record", shown), err);
}

int records_edit(struct http_request *rq, struct err *err)
{
    json_t *body, *fields = NULL;
    const char *field;
    if (http_body(rq, &body, err) == -1) return -1;
    int rc = record_fields_check(rq->stores->form, body, &fields, &field, err);
    if (rc == -1 && field) snprintf(rq->error_field, sizeof rq->error_field, "%s", field);
    if (rc == 0) {
        struct record_change change = {.action = RECORD_EDIT, .fields = fields};
        rc = change_one(rq, &change, err);
    }
    json_decref(fields);
    json_decref(body);
    return rc;
}

int records_approve(struct http_request *rq, struct err *err)
{
    struct record_change change = {.action = RECORD_APPROVE};
    return change_one(rq, &change, err);
}

int records_send_for_review(struct http_request *rq, struct err *err)
{
    struct record_change change = {.action = RECORD_SEND_FOR_REVIEW};
    return change_one(rq, &change, err);
}

int records_delete(struct http_request *rq, struct err *err)
{
    struct record_change change = {.action = RECORD_DELETE};
    return change_one(rq, &change, err);
}

int records_history(struct http_request *rq, struct err *err)
{
    json_t *history;
    const struct stores *stores = rq->stores;
    if (stores->records->history(stores->record_state, rq->owner, rq->path.part[0], &history, err) == -1)
        return -1;
    return http_json(rq, 200, json_pack("{s:o}", "history", history), err);
}
