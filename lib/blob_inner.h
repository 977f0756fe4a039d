/* blob_inner: what a back end of the blob store is.  blob.c checks names and keeps the interface; a back end
 * sees only names that are well formed, and may be called from many threads at once. */
#ifndef SHEAF_LIB_BLOB_INNER_H
#define SHEAF_LIB_BLOB_INNER_H

#include <stdbool.h>
#include <stdint.h>
#include "lib/blob.h"
#include "lib/err.h"
#include "lib/settings.h"

/* How long an unkept blob stays. */
#define BLOB_LIFE_MS (24 * 3600 * 1000)

struct blob_ops {
    void (*close)(void *state);
    /* A writer belongs to one thread; commit and abort end it, commit also when it fails. */
    int (*create)(void *state, const char *name, void **writer, struct err *err);
    int (*write)(void *writer, const void *data, size_t len, struct err *err);
    int (*commit)(void *writer, struct err *err);
    void (*abort)(void *writer);
    int (*fd)(void *state, const char *name, int *fd, int64_t *size, struct err *err);
    int (*keep)(void *state, const char *name, struct err *err);
    int (*drop)(void *state, const char *name, struct err *err);
    int (*drop_job)(void *state, const char *job, struct err *err);
    int (*sweep)(void *state, int64_t age_ms, int budget);
    /* Of a store that is somebody else's, else NULL. */
    int64_t (*paused_until_ms)(void *state);
    int (*probe)(void *state, struct err *err);
};

struct blob_backend {
    const struct blob_ops *ops;
    void *state;
};

int blob_folder_open(const struct settings *settings, struct blob_backend *out, struct err *err);
int blob_redis_open(const struct settings *settings, struct blob_backend *out, struct err *err);
int blob_s3_open(const struct settings *settings, struct blob_backend *out, struct err *err);

/* Shared by the back ends. */
bool blob_name_ok(const char *name); /* as blob.h says; for names that come back from a server's list */
int blob_gone(const char *name, struct err *err); /* ERR_INPUT, code "gone"; -1 */
int blob_write_all(int fd, const void *data, size_t len, struct err *err);
char *blob_temporary_name(const char *name, char *out, size_t size); /* ".<name>.<random>" */
#define BLOB_TEMPORARY_MAX (BLOB_NAME_MAX + 24)
/* "<job>.leaf", or the temporary name of a writer at work on one. */
bool blob_file_is_of_job(const char *file, const char *job);
int blob_make_folder(const char *path, struct err *err); /* and its parents; durable; 0700 */

/* --- local cache of a back end that is not a folder --- */

typedef struct blob_cache blob_cache_t;
blob_cache_t *blob_cache_open(const struct settings *settings, struct err *err);
void blob_cache_close(blob_cache_t **cache);
/* blob_fd() of such a back end: the copy, or a new one that `fetch` writes into fd and leaves standing at its beginning. */
typedef int blob_fetch(void *state, const char *name, int fd, int64_t *size, struct err *err);
int blob_cache_fd(blob_cache_t *cache, const char *name, blob_fetch *fetch, void *state, int *fd, int64_t *size, struct err *err);
/* A new file to fill; then either add (the file gets its name, old ones make room) or cancel. */
int blob_cache_create(blob_cache_t *cache, const char *name, char temporary[BLOB_TEMPORARY_MAX],
                      struct err *err);
void blob_cache_add(blob_cache_t *cache, const char *name, const char *temporary, int64_t size);
void blob_cache_cancel(blob_cache_t *cache, const char *temporary);
void blob_cache_forget(blob_cache_t *cache, const char *name);
void blob_cache_forget_job(blob_cache_t *cache, const char *job);

#endif
