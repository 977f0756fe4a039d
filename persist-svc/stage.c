#include "persist-svc/stage.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "lib/auto.h"
#include "lib/clock.h"
#include "lib/digest.h"
#include "lib/fault.h"
#include "persist-svc/entry.h"

#define ENTRY_MAX_BYTES (8 * 1024 * 1024)

/* --- store: puts the original where it lives for good --- */

static int put_original(const struct stores *stores, const struct stage_task *task,
                        const struct document *document, struct err *err)
{
    char name[BLOB_NAME_MAX];
    AUTO_CLOSE int fd = -1;
    int64_t size;
    if (blob_fd(task->blobs, blob_upload_name(name, task->job), &fd, &size, err) == 0)
        return stores->objects->put_file(stores->object_state, document->object_path, fd, size,
                                         document->digest, err);
    /* The upload may be gone because an earlier delivery of this task has stored it already. */
    AUTO_CLOSE int stored = -1;
    if (err->kind == ERR_INPUT && strcmp(err->code, "gone") == 0 &&
        stores->objects->get(stores->object_state, document->object_path, &stored, &size, NULL) == 0) {
        err_clear(err);
        return 0;
    }
    return -1;
}

static int do_store(void *thread, const struct stage_task *task, json_t **result, struct err *err)
{
    const struct stores *stores = thread;
    struct document document;
    struct err why = {0};
    if (document_read(&document, task->body, err) == -1) return -1;
    if (put_original(stores, task, &document, &why) == -1) {
        if (err) *err = why;
        return -1;
    }
    FAULT(original_stored);
    json_t *out = json_pack("{s:s}", "object", document.object_path);
    if (!out) return err_set(err, ERR_NOMEM, "out of memory");
    *result = out;
    return 0;
}

/* --- fetch: brings the original back for a job that is done again after its upload was dropped --- */

static int copy_pieces(blob_writer_t *w, int fd, digest_t *digest, struct err *err)
{
    AUTO_FREE char *piece = malloc(BLOB_CHUNK);
    ssize_t n;
    if (!piece) return err_set(err, ERR_NOMEM, "out of memory");
    while ((n = read(fd, piece, BLOB_CHUNK)) > 0) {
        digest_add(digest, piece, (size_t)n);
        if (blob_write(w, piece, (size_t)n, err) == -1) return -1;
    }
    return n == 0 ? 0 : err_sys(err, ERR_UNAVAILABLE, errno, "an original cannot be read");
}

/* What a store, or somebody between, gave instead of the document, or half of it, would be read as the document. */
static int copy_to_blob(blob_writer_t *w, int fd, const char *digest, struct err *err)
{
    char hex[DIGEST_HEX];
    digest_t *own = digest_new();
    if (!own) return err_set(err, ERR_NOMEM, "out of memory");
    int rc = copy_pieces(w, fd, own, err);
    digest_end(&own, hex);
    if (rc == 0 && strcmp(hex, digest) != 0)
        return err_set(err, ERR_UNAVAILABLE, "what came back from the object store is not the document that was put there");
    return rc;
}

static int do_fetch(void *thread, const struct stage_task *task, json_t **result, struct err *err)
{
    const struct stores *stores = thread;
    struct document document;
    char name[BLOB_NAME_MAX];
    AUTO_CLOSE int fd = -1;
    int64_t size;
    (void)result; /* nothing to say but that it is there */
    if (document_read(&document, task->body, err) == -1) return -1;
    if (stores->objects->get(stores->object_state, document.object_path, &fd, &size, err) == -1) return -1;
    /* An earlier delivery may have come as far, or comes as far meanwhile: a blob that is there is whole. */
    if (blob_keep(task->blobs, blob_upload_name(name, task->job), NULL) == 0) return 0;
    blob_writer_t *w = blob_create(task->blobs, name, err);
    if (!w) return -1;
    if (copy_to_blob(w, fd, document.digest, err) == -1) {
        blob_abort(&w);
        return -1;
    }
    if (blob_commit(&w, err) == -1 && err->kind != ERR_INPUT) return -1;
    return blob_keep(task->blobs, name, err);
}

/* --- save: writes one entry's record --- */

/* The token of this entry's extract: a text, or a list that has it at this index or alone. */
static const char *extract_token(const struct stage_task *task)
{
    const json_t *given = json_object_get(json_object_get(task->body, "in"), "extract_out");
    if (json_is_array(given)) given = json_array_get(given, json_array_size(given) == 1 ? 0 : task->index);
    return json_string_value(given);
}

static int put_artifact(const struct stores *stores, const struct document *document,
                        const struct stage_task *task, const struct buf *entry, char dir[OBJECT_PATH_MAX],
                        struct err *err)
{
    char run[24], path[OBJECT_PATH_MAX + 32];
    snprintf(run, sizeof run, "%llu", (unsigned long long)task->token.run);
    if (!object_path_artifacts(dir, document->owner, document->base, run))
        return err_set(err, ERR_BUG, "no folder for an entry's artifact");
    snprintf(path, sizeof path, "%s/entry-%u.json", dir, task->index);
    return stores->objects->put_data(stores->object_state, path, entry->data, entry->len, err);
}

static int save_entry(const struct stores *stores, const struct stage_task *task,
                      const struct document *document, const json_t *entry, const char *artifact_dir,
                      json_t **result, struct err *err)
{
    const json_t *split = json_object_get(json_object_get(task->body, "in"), "split");
    json_int_t entries = json_integer_value(json_object_get(split, "fan"));
    char at[CLOCK_RFC3339_MAX];
    struct record_save save = {
        .owner = document->owner,
        .base = document->base,
        .digest = document->digest,
        .job = task->job,
        .batch = document->batch,
        .filename = document->name,
        .object_path = document->object_path,
        .artifact_dir = artifact_dir,
        .token = task->token,
        .index = task->index,
        .entries = entries > (json_int_t)task->index ? (unsigned)entries : task->index + 1,
        .at = clock_rfc3339(clock_wall_ms(), at),
    };
    struct record_saved saved;
    if (entry_read(&save, entry, err) == -1) return -1;
    int rc = stores->records->save(stores->record_state, &save, &saved, err);
    entry_done(&save);
    if (rc == -1) return -1;
    json_t *out = json_pack("{s:s, s:s}", "submission_id", saved.submission_id, "action", saved.action);
    if (!out) return err_set(err, ERR_NOMEM, "out of memory");
    *result = out;
    return 0;
}

static int do_save(void *thread, const struct stage_task *task, json_t **result, struct err *err)
{
    const struct stores *stores = thread;
    struct document document;
    const char *token = extract_token(task);
    if (document_read(&document, task->body, err) == -1) return -1;
    if (!token) return err_set(err, ERR_INPUT, "the task names no extracted entry");
    AUTO(buf_done) struct buf text = BUF_INIT;
    if (stage_input(task, "extract", task->index, token, ENTRY_MAX_BYTES, &text, err) == -1) return -1;
    json_t *entry = json_loadb(text.data, text.len, 0, NULL);
    if (!entry) return err_set(err, ERR_INPUT, "an extracted entry is not JSON");
    char dir[OBJECT_PATH_MAX];
    int rc = put_artifact(stores, &document, task, &text, dir, err);
    if (rc == 0) FAULT(artifact_stored);
    if (rc == 0) rc = save_entry(stores, task, &document, entry, dir, result, err);
    json_decref(entry);
    return rc;
}

/* --- the table --- */

/* A disk that is full for one is full for all: it is not tried again by each of those that wait. */
static int look_at_disk(void *thread, int rc, const struct err *err)
{
    struct stores *stores = thread;
    if (rc == -1 && err->kind == ERR_THROTTLED && (err->sys == ENOSPC || err->sys == EDQUOT))
        stores->disk_until_ms = clock_ms() + err->retry_after_ms;
    return rc;
}

static int work_store(void *thread, const struct stage_task *task, json_t **result, struct err *err)
{
    return look_at_disk(thread, do_store(thread, task, result, err), err);
}

static int work_fetch(void *thread, const struct stage_task *task, json_t **result, struct err *err)
{
    return look_at_disk(thread, do_fetch(thread, task, result, err), err);
}

static int work_save(void *thread, const struct stage_task *task, json_t **result, struct err *err)
{
    return look_at_disk(thread, do_save(thread, task, result, err), err);
}

static int thread_open(void *shared, const struct stage_type *type, void **thread, struct err *err)
{
    (void)type, (void)err;
    *thread = shared; /* the stores take calls from any thread */
    return 0;
}

static int64_t objects_paused_until_ms(void *shared)
{
    const struct stores *s = shared;
    int64_t objects = s->objects->paused_until_ms ? s->objects->paused_until_ms(s->object_state) : 0;
    return objects > s->disk_until_ms ? objects : s->disk_until_ms;
}

/* A save writes an artifact and a row. */
static int64_t both_paused_until_ms(void *shared)
{
    const struct stores *s = shared;
    int64_t objects = objects_paused_until_ms(shared);
    int64_t records = s->records->paused_until_ms ? s->records->paused_until_ms(s->record_state) : 0;
    return records > objects ? records : objects;
}

int persist_stage_run(struct svc *svc, struct stores *stores, struct err *err)
{
    const struct settings *settings = svc_settings(svc);
    const int64_t threads = settings->threads == SETTING_UNSET ? 4 : settings->threads;
    const int store_threads = threads > 1 ? (int)threads / 2 : 1;
    int room = settings->room == SETTING_UNSET ? 0 : (int)settings->room;
    if (!room && stores->records->instant) room = 64;
    const struct stage_type types[] = {
        {.name = "store",
         .threads = store_threads,
         .room = room > store_threads ? room : store_threads * 2,
         .work = work_store,
         .via = stores->objects->name,
         .paused_until_ms = objects_paused_until_ms},
        {.name = "fetch", .threads = 1, .room = 2, .work = work_fetch, .paused_until_ms = objects_paused_until_ms,
         .via = stores->objects->name},
        /* Four tasks a thread: while a turn of saves is made durable the next ones are at hand. */
        {.name = "save",
         .threads = (int)threads,
         .room = room > threads ? room : (int)threads * 4,
         .work = work_save,
         .via = stores->records->name,
         .paused_until_ms = both_paused_until_ms},
    };
    const struct stage_service service = {
        .types = types, .n_types = COUNT_OF(types), .thread_open = thread_open};
    return stage_run(svc, &service, stores, err);
}
