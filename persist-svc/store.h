/* store: the two things persist-svc keeps, each behind a struct of functions: records and objects.
 *
 * Providers stand in providers/registry.c.  Every function may be called from several threads at once, may
 * block for as long as its disk or server takes, and returns 0, or -1 with *err: ERR_INPUT with a code of
 * CONTRACT section 2
 * ("not_found", "conflict", ...) is the caller's mistake, ERR_UNAVAILABLE, ERR_TIMEOUT and ERR_NOMEM may be
 * tried again.  JSON that comes out belongs to the caller; what goes in is borrowed for the call.
 */
#ifndef SHEAF_PERSIST_SVC_STORE_H
#define SHEAF_PERSIST_SVC_STORE_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include "lib/err.h"
#include "lib/form.h"
#include "lib/settings.h"
#include "persist-svc/record_change.h"
#include "proto/ids.h"

/* What a run writes about one entry of a document. Texts that are not known are NULL. */
struct record_save {
    const char *owner, *base, *digest, *job, *batch, *filename;
    const char *object_path; /* of the original, see object_path.h */
    const char *artifact_dir;
    struct token token;
    unsigned index, entries;   /* this entry, from 0, and how many the document has */
    int page_first, page_last; /* from 1; 0: not known */
    const char *doc_class;
    const json_t *values;   /* field name -> text, in normal form; "essay" among them */
    const json_t *evidence; /* field name -> {confidence, page, box, source, raw} */
    const json_t *observed; /* codes that only a reader of the pages can see */
    int word_count;
    double ocr_confidence; /* 0 to 1; negative: not known */
    const char *at;        /* now, RFC 3339 */
};

struct record_saved {
    char submission_id[BASE_ID];
    const char *action; /* "inserted", "updated", or "kept": a person's approval, or a newer token, stood
                           against it */
};

/* Where a record stands in the list's order: NULL where it has no such text. */
struct record_place {
    const char *school, *grade, *student;
};

/* Which records. NULL and 0: no condition. Deleted records and parents of several are never among them. */
struct record_query {
    const char *owner; /* always given */
    const char *school, *grade, *reason, *batch, *job;
    const char *text; /* stands somewhere in the names, the file name or the id */
    enum { RECORDS_ALL, RECORDS_NEEDS_REVIEW, RECORDS_APPROVED } mode;
    const char *after; /* submission_id of the last record already seen */
    const struct record_place *place; /* where that one stood when it was seen; NULL: where it stands now */
    int limit;         /* 0: all */
};
#define RECORDS_NO_VALUE "-" /* as school or grade: those without one */

/* Takes what a query finds, in order of school, grade, student, id.  Each returns 0, or -1 to break off. */
struct record_sink {
    int (*begin)(void *user, int64_t total); /* how many match without `after` and `limit`; may be NULL */
    int (*each)(void *user, const json_t *record);
    void *user;
};

struct store_options {
    const struct settings *settings;
    const form_t *form;
};

struct record_store {
    const char *name; /* as written in SHEAF_RECORDS */
    bool instant;     /* writes cost nothing: much room may be given */
    /* Once, before ready; brings the schema up to date. ERR_CONFIG: a person must act. */
    int (*open)(void **state, const struct store_options *options, struct err *err);
    void (*close)(void **state); /* accepts NULL; no other call is running */
    /* NULL: never. Until when it is not to be called, since it is away (lib/throttle.h), locked or full.  Of a store that is
     * somebody else's, else NULL: one real, free call that shows whether it could be. */
    int64_t (*paused_until_ms)(void *state);
    int (*probe)(void *state, struct err *err);
    /* Idempotent; durable when it returns.  Takes effect only where the row's token <= save's, per field only
     * where no person has set it, and never in another owner's row.  Also retires what older runs of the
     * document made and this one does not have. */
    int (*save)(void *state, const struct record_save *save, struct record_saved *saved, struct err *err);
    /* All or nothing, durable when it returns.  *changed: array of the records as they are now; ids that are
     * not the owner's are left out of it. */
    int (*change)(void *state, const struct record_change *change, json_t **changed, struct err *err);
    int (*get)(void *state, const char *owner, const char *id, json_t **record, struct err *err);
    /* -1 with ERR_CANCELLED when the sink broke off. One consistent state of the records; where the database is another
     * machine's, of each 500 of them. */
    int (*list)(void *state, const struct record_query *query, const struct record_sink *sink,
                struct err *err);
    /* [{"school","grade","count","needs_review"}] over batch, job, reason and text of the query. */
    int (*groups)(void *state, const struct record_query *query, json_t **groups, struct err *err);
    /* [{"at","by","action","field","old","new","run"}], oldest first; also of a deleted record. */
    int (*history)(void *state, const char *owner, const char *id, json_t **history, struct err *err);
    /* submission_id of a record of this owner made from the document of this SHA-256; "" when there is none.
     */
    int (*find_digest)(void *state, const char *owner, const char *digest, char id[BASE_ID], struct err *err);
    int (*stats)(void *state, const char *owner, json_t **stats, struct err *err);
};

/* Objects are named by paths that object_path_ok() accepts. */
struct object_store {
    const char *name; /* as written in SHEAF_OBJECTS */
    int (*open)(void **state, const struct settings *settings, struct err *err);
    void (*close)(void **state);
    int64_t (*paused_until_ms)(void *state); /* both as for records */
    int (*probe)(void *state, struct err *err);
    /* Durable when it returns; storing the same bytes again changes nothing.  `fd` is read from
     * its beginning to `size`; bytes that do not have this digest are ERR_UNAVAILABLE (the copy went wrong).
     */
    int (*put_file)(void *state, const char *path, int fd, int64_t size, const char *digest, struct err *err);
    int (*put_data)(void *state, const char *path, const void *data, size_t len,
                    struct err *err); /* small ones */
    /* A descriptor at the object's beginning, the caller's. ERR_INPUT "not_found". */
    int (*get)(void *state, const char *path, int *fd, int64_t *size, struct err *err);
    /* Addresses at which anybody may get these objects for expires_s seconds: an array of texts in the order of `paths`, null where
     * there is no such object.  NULL: there are none but the gateway's own, for whoever may see the document. */
    int (*links)(void *state, const char *const *paths, size_t n, int64_t expires_s, json_t **links, struct err *err);
    /* Everything below the folder (a path without a slash at its end), for good. Nothing there is no error. */
    int (*remove)(void *state, const char *folder, struct err *err);
};
#define STORE_LINKS_MOST 500 /* paths in one call of links() */

/* NULL with ERR_CONFIG when there is no provider of this name. */
const struct record_store *record_store_find(const char *name, struct err *err);
const struct object_store *object_store_find(const char *name, struct err *err);

/* Threads of the HTTP API: one is kept for as long as a client takes for an export or a document, and costs 40 KiB when it is idle. */
#define STORES_READERS 16

/* What the stages and the HTTP API share. Constant after open, but for the last; any thread. */
struct stores {
    const struct settings *settings;
    form_t *form;
    const struct record_store *records;
    const struct object_store *objects;
    void *record_state, *object_state;
    _Atomic int64_t disk_until_ms; /* until when no task is wanted, because a disk was full */
};
int stores_open(struct stores *stores, const struct settings *settings, struct err *err);
void stores_close(struct stores *stores); /* accepts half-open ones */
const char *stores_versions(void);         /* of the libraries that the stores stand on, for --version */

#endif
