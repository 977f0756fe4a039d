/* blob: documents and stage outputs while a job is worked on, by name.
 *
 * A name is "<job id>.<leaf>": "<job>.upload" for the document as it came, and
 * "<job>.<stage>.<index>.<run>.<attempt>.<delivery>" for what a delivery of a task made (blob_output_name).
 * So nothing is ever overwritten by somebody else: two deliveries of a task write two blobs and the
 * commit decides which of them counts.
 *
 * Back ends (SHEAF_BLOBS): a folder (var/blobs, written to a temporary name, fsynced, renamed, folder
 * fsynced), a Redis of its own (chunks of 256 KiB), or an S3 bucket (an object each).  A blob is there as a whole and durably when
 * blob_commit() returned 0, and not at all before.
 *
 * Life: what is written is short-lived (24 h) until blob_keep() makes it last; blob_drop_job() removes all of
 * a job's.  In the folder short life is the file's age, taken care of by blob_sweep(); a kept file carries
 * no write permission.  In Redis short life is a TTL and keep is PERSIST.  In S3 only an upload is short-lived, by a mark
 * beside it that keep removes; what a task makes goes with its job.
 *
 * Threads: a blob_store_t may be used from many threads; a writer or reader belongs to one.
 * Memory: nothing per writer or reader in the folder, a few chunks in Redis, a file of the local cache with S3, whatever the document's size.
 *
 * A name may come from a message: one that does not begin with a job's id, or has characters other than letters,
 * digits, '.', '-' and '_', is ERR_INPUT everywhere here and touches nothing.
 */
#ifndef SHEAF_BLOB_H
#define SHEAF_BLOB_H

#include <stddef.h>
#include <stdint.h>
#include "lib/buf.h"
#include "lib/err.h"
#include "lib/settings.h"

#define BLOB_NAME_MAX 160
#define BLOB_CHUNK    (256 * 1024)

typedef struct blob_store blob_store_t;
typedef struct blob_writer blob_writer_t;

blob_store_t *blob_open(const struct settings *settings, struct err *err);
void blob_close(blob_store_t **store);

/* Writing. A writer that is not committed is aborted by blob_abort(); both end it and null the pointer, commit also
 * when it fails.  A blob that was kept is never replaced: committing its name again is ERR_INPUT (but in S3, blob_s3.c).
 * A store that is full is ERR_UNAVAILABLE. */
blob_writer_t *blob_create(blob_store_t *store, const char *name, struct err *err);
int blob_write(blob_writer_t *w, const void *data, size_t len, struct err *err);
int blob_commit(blob_writer_t **w, struct err *err);
void blob_abort(blob_writer_t **w);
int blob_put(blob_store_t *store, const char *name, const void *data, size_t len, struct err *err); /* small ones */

/* Reading. ERR_INPUT with code "gone" when there is no such blob. */
/* A descriptor to read the blob from its beginning (the file itself, or a copy in the local cache); the
 * caller closes it.  *size in bytes. */
int blob_fd(blob_store_t *store, const char *name, int *fd, int64_t *size, struct err *err);
/* The whole of a small blob; more than `max` bytes is ERR_LIMIT. *out is the caller's. */
int blob_get(blob_store_t *store, const char *name, size_t max, struct buf *out, struct err *err);

int blob_keep(blob_store_t *store, const char *name, struct err *err);      /* make it last; "gone" when it is not there */
int blob_drop(blob_store_t *store, const char *name, struct err *err);      /* no error when it is not there */
int blob_drop_job(blob_store_t *store, const char *job, struct err *err);   /* all "<job>.*" */
/* Folder and S3: removes short-lived files older than `age_ms`, at most `budget` entries looked at a
 * call, going on where the last call stopped. Returns how many were removed. */
int blob_sweep(blob_store_t *store, int64_t age_ms, int budget);

/* S3 does not answer, or asked to wait: the moment (clock_ms) until which nothing of it is to be expected; in the past: none. */
int64_t blob_paused_until_ms(blob_store_t *store);
int blob_probe(blob_store_t *store, struct err *err); /* one free call to a store that is somebody else's */

/* "<job>.upload" and "<job>.<stage>.<index>.<run>.<attempt>.<delivery>".  `token` is the text form
 * "<run>.<attempt>.<delivery>" of proto/token.h. */
char *blob_upload_name(char out[BLOB_NAME_MAX], const char *job);
char *blob_output_name(char out[BLOB_NAME_MAX], const char *job, const char *stage, unsigned index, const char *token);

#endif
