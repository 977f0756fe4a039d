#include "lib/blob_inner.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "lib/auto.h"
#include "lib/digest.h"
#include "proto/ids.h"

struct blob_store {
    struct blob_backend backend;
};

struct blob_writer {
    const struct blob_ops *ops;
    void *state;
};

/* --- names --- */

char *blob_upload_name(char out[BLOB_NAME_MAX], const char *job)
{
    snprintf(out, BLOB_NAME_MAX, "%s.upload", job);
    return out;
}

char *blob_output_name(char out[BLOB_NAME_MAX], const char *job, const char *stage, unsigned index,
                       const char *token)
{
    snprintf(out, BLOB_NAME_MAX, "%s.%s.%u.%s", job, stage, index, token);
    return out;
}

static bool is_name_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '-' || c == '_';
}

/* A name becomes a file name or a key, and it may have come in a message. */
bool blob_name_ok(const char *name)
{
    char job[ID_TEXT];
    size_t len = strnlen(name, BLOB_NAME_MAX);

    if (len <= ID_TEXT || len == BLOB_NAME_MAX || name[ID_TEXT - 1] != '.') return false;
    for (size_t i = 0; i < len; i++)
        if (!is_name_char(name[i])) return false;
    memcpy(job, name, ID_TEXT - 1);
    job[ID_TEXT - 1] = '\0';
    return id_valid(job);
}

static int check_name(const char *name, struct err *err)
{
    return blob_name_ok(name) ? 0 : err_set(err, ERR_INPUT, "not the name of a blob");
}

/* --- for the back ends --- */

int blob_gone(const char *name, struct err *err)
{
    return err_code(err, ERR_INPUT, "gone", "there is no blob %s", name);
}

int blob_write_all(int fd, const void *data, size_t len, struct err *err)
{
    const char *at = data;

    while (len > 0) {
        ssize_t n = write(fd, at, len);
        if (n == -1 && errno == EINTR) continue;
        if (n == -1) return err_sys(err, ERR_UNAVAILABLE, errno, "writing a blob");
        at += n;
        len -= (size_t)n;
    }
    return 0;
}

char *blob_temporary_name(const char *name, char *out, size_t size)
{
    unsigned char r[8];

    random_bytes(r, sizeof r);
    snprintf(out, size, ".%s.%02x%02x%02x%02x%02x%02x%02x%02x", name, r[0], r[1], r[2], r[3], r[4], r[5],
             r[6], r[7]);
    return out;
}

bool blob_file_is_of_job(const char *file, const char *job)
{
    if (*file == '.') file++;
    return strncmp(file, job, ID_TEXT - 1) == 0 && file[ID_TEXT - 1] == '.';
}

static int sync_folder(const char *path)
{
    AUTO_CLOSE int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return fd == -1 ? -1 : fsync(fd);
}

/* Makes one folder whose parent is there.  A folder is durable when its parent was synced. */
static int make_one(char *path)
{
    char *slash = strrchr(path, '/');
    int rc;

    if (mkdir(path, 0700) == -1) return errno == EEXIST ? 0 : -1;
    if (!slash) return sync_folder(".");
    if (slash == path) return sync_folder("/");
    *slash = '\0';
    rc = sync_folder(path);
    *slash = '/';
    return rc;
}

int blob_make_folder(const char *path, struct err *err)
{
    AUTO_FREE char *copy = strdup(path);

    if (!copy) return err_set(err, ERR_NOMEM, "folder");
    for (char *at = copy + 1; *at; at++) {
        if (*at != '/') continue;
        *at = '\0';
        if (make_one(copy) == -1) return err_sys(err, ERR_CONFIG, errno, "folder %.120s", copy);
        *at = '/';
    }
    return make_one(copy) == -1 ? err_sys(err, ERR_CONFIG, errno, "folder %.120s", copy) : 0;
}

/* --- interface --- */

blob_store_t *blob_open(const struct settings *settings, struct err *err)
{
    blob_store_t *s = calloc(1, sizeof *s);
    const char *where = settings->blobs ? settings->blobs : "folder";
    bool redis = strcmp(where, "redis") == 0, s3 = strcmp(where, "s3") == 0;

    if (!s) {
        err_set(err, ERR_NOMEM, "blob store");
        return NULL;
    }
    if ((redis ? blob_redis_open : s3 ? blob_s3_open : blob_folder_open)(settings, &s->backend, err) == -1) {
        free(s);
        return NULL;
    }
    return s;
}

void blob_close(blob_store_t **sp)
{
    blob_store_t *s = *sp;

    if (!s) return;
    *sp = NULL;
    s->backend.ops->close(s->backend.state);
    free(s);
}

blob_writer_t *blob_create(blob_store_t *s, const char *name, struct err *err)
{
    blob_writer_t *w = NULL;

    if (check_name(name, err) == -1) return NULL;
    w = calloc(1, sizeof *w);
    if (!w) {
        err_set(err, ERR_NOMEM, "writer of a blob");
        return NULL;
    }
    w->ops = s->backend.ops;
    if (w->ops->create(s->backend.state, name, &w->state, err) == -1) {
        free(w);
        return NULL;
    }
    return w;
}

int blob_write(blob_writer_t *w, const void *data, size_t len, struct err *err)
{
    return w->ops->write(w->state, data, len, err);
}

int blob_commit(blob_writer_t **wp, struct err *err)
{
    blob_writer_t *w = *wp;
    int rc = w->ops->commit(w->state, err);

    *wp = NULL;
    free(w);
    return rc;
}

void blob_abort(blob_writer_t **wp)
{
    blob_writer_t *w = *wp;

    if (!w) return;
    *wp = NULL;
    w->ops->abort(w->state);
    free(w);
}

int blob_put(blob_store_t *s, const char *name, const void *data, size_t len, struct err *err)
{
    blob_writer_t *w = blob_create(s, name, err);

    if (!w) return -1;
    if (blob_write(w, data, len, err) == 0) return blob_commit(&w, err);
    blob_abort(&w);
    return -1;
}

int blob_fd(blob_store_t *s, const char *name, int *fd, int64_t *size, struct err *err)
{
    if (check_name(name, err) == -1) return -1;
    return s->backend.ops->fd(s->backend.state, name, fd, size, err);
}

static int read_all(int fd, char *data, size_t len, struct err *err)
{
    while (len > 0) {
        ssize_t n = read(fd, data, len);
        if (n == -1 && errno == EINTR) continue;
        if (n == -1) return err_sys(err, ERR_UNAVAILABLE, errno, "reading a blob");
        if (n == 0) return err_set(err, ERR_UNAVAILABLE, "a blob ends before its size");
        data += n;
        len -= (size_t)n;
    }
    return 0;
}

int blob_get(blob_store_t *s, const char *name, size_t max, struct buf *out, struct err *err)
{
    AUTO_CLOSE int fd = -1;
    AUTO_FREE char *data = NULL;
    int64_t size = 0;

    if (blob_fd(s, name, &fd, &size, err) == -1) return -1;
    if ((uint64_t)size > max)
        return err_set(err, ERR_LIMIT, "blob %.80s has %lld bytes, more than %zu", name, (long long)size,
                       max);
    data = malloc((size_t)size + 1);
    if (!data) return err_set(err, ERR_NOMEM, "blob of %lld bytes", (long long)size);
    if (read_all(fd, data, (size_t)size, err) == -1) return -1;
    data[size] = '\0';
    *out = (struct buf){.data = data, .len = (size_t)size, .cap = (size_t)size + 1};
    data = NULL;
    return 0;
}

int blob_keep(blob_store_t *s, const char *name, struct err *err)
{
    if (check_name(name, err) == -1) return -1;
    return s->backend.ops->keep(s->backend.state, name, err);
}

int blob_drop(blob_store_t *s, const char *name, struct err *err)
{
    if (check_name(name, err) == -1) return -1;
    return s->backend.ops->drop(s->backend.state, name, err);
}

int blob_drop_job(blob_store_t *s, const char *job, struct err *err)
{
    if (!id_valid(job)) return err_set(err, ERR_INPUT, "not the id of a job");
    return s->backend.ops->drop_job(s->backend.state, job, err);
}

int blob_sweep(blob_store_t *s, int64_t age_ms, int budget)
{
    return s->backend.ops->sweep(s->backend.state, age_ms, budget);
}

int64_t blob_paused_until_ms(blob_store_t *s)
{
    return s->backend.ops->paused_until_ms ? s->backend.ops->paused_until_ms(s->backend.state) : INT64_MIN;
}

int blob_probe(blob_store_t *s, struct err *err)
{
    return s->backend.ops->probe ? s->backend.ops->probe(s->backend.state, err) : 0;
}
