/* Blobs as files: <var>/blobs/<last two digits of the job>/<name>.
 *
 * A blob is written as ".<name>.<random>" beside its place, gets its name when its last byte is written, and is then
 * synced, and the folder with it.  In this order a journalling file system has to commit once instead of twice: what
 * syncs the file has the name in it, and the folder's sync finds nothing more to do (measured on ext4: twice as many
 * commits a second from one writer).  A crash in between may leave the name with half of its bytes: unkept, named by
 * nobody, and gone with the next sweep.  No lock is held meanwhile: many threads commit at once and the journal
 * serves them together.
 *
 * A kept file has no write permission.  That bit reaches the disk with the next journal commit (seconds) and
 * is not waited for: it only matters to the sweep, a day later.
 */
#define _GNU_SOURCE /* asprintf */
#include "lib/blob_inner.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "lib/auto.h"
#include "lib/clock.h"
#include "proto/ids.h"

#define FOLDERS    256
#define AHEAD_BYTES (512 * 1024)
#define PATH_MAX_  (BLOB_TEMPORARY_MAX + 4) /* "ab/" and a name */
#define MODE_SHORT 0600
#define MODE_KEPT  0400

struct folder {
    int root;
    pthread_mutex_t sweep_lock;
    DIR *sweep_dir; /* where the sweep goes on; NULL: at the beginning of folder sweep_at */
    int sweep_at;
};

struct folder_writer {
    struct folder *f;
    int fd;
    int64_t written, begun; /* bytes given to the kernel; of these, told to go to the disk */
    char name[BLOB_NAME_MAX];
    char temporary[PATH_MAX_]; /* relative to the root */
};

/* --- paths --- */

static char *folder_of_job(const char *job, char out[3])
{
    memcpy(out, job + ID_TEXT - 3, 2);
    out[2] = '\0';
    return out;
}

static char *path_of(const char *name, char out[PATH_MAX_])
{
    char folder[3];

    snprintf(out, PATH_MAX_, "%s/%s", folder_of_job(name, folder), name);
    return out;
}

/* --- open, close --- */

static int make_fan_out(int root, struct err *err)
{
    char name[3];

    for (int i = 0; i < FOLDERS; i++) {
        snprintf(name, sizeof name, "%02x", (unsigned)i);
        if (mkdirat(root, name, 0700) == -1 && errno != EEXIST)
            return err_sys(err, ERR_CONFIG, errno, "folder of blobs");
    }
    return fsync(root) == -1 ? err_sys(err, ERR_CONFIG, errno, "folder of blobs") : 0;
}

static void folder_close(void *state)
{
    struct folder *f = state;

    if (f->sweep_dir) closedir(f->sweep_dir);
    close(f->root);
    pthread_mutex_destroy(&f->sweep_lock);
    free(f);
}

/* --- writing --- */

static int folder_create(void *state, const char *name, void **writer, struct err *err)
{
    struct folder *f = state;
    struct folder_writer *w = calloc(1, sizeof *w);
    char temporary[BLOB_TEMPORARY_MAX], folder[3];

    if (!w) return err_set(err, ERR_NOMEM, "writer of a blob");
    w->f = f;
    snprintf(w->name, sizeof w->name, "%s", name);
    snprintf(w->temporary, sizeof w->temporary, "%s/%s", folder_of_job(name, folder),
             blob_temporary_name(name, temporary, sizeof temporary));
    w->fd = openat(f->root, w->temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, MODE_SHORT);
    if (w->fd == -1) {
        free(w);
        return err_sys(err, ERR_UNAVAILABLE, errno, "new blob");
    }
    *writer = w;
    return 0;
}

static int folder_write(void *writer, const void *data, size_t len, struct err *err)
{
    struct folder_writer *w = writer;

    if (blob_write_all(w->fd, data, len, err) == -1) return -1;
    w->written += (int64_t)len;
    if (w->written - w->begun < AHEAD_BYTES) return 0;
    /* The disk works while the next bytes are received and hashed, so that the sync at the end finds little left.  Only a
     * hint: what fails here fails there as well. */
    (void)sync_file_range(w->fd, w->begun, w->written - w->begun, SYNC_FILE_RANGE_WRITE);
    w->begun = w->written;
    return 0;
}

static void folder_abort(void *writer)
{
    struct folder_writer *w = writer;

    if (w->fd >= 0) close(w->fd);
    (void)unlinkat(w->f->root, w->temporary, 0); /* what stays is swept */
    free(w);
}

static bool is_kept(const struct stat *st)
{
    return !(st->st_mode & S_IWUSR);
}

static int sync_folder_of(struct folder *f, const char *name, struct err *err)
{
    char folder[3];
    AUTO_CLOSE int fd = openat(f->root, folder_of_job(name, folder), O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd == -1 || fsync(fd) == -1) return err_sys(err, ERR_UNAVAILABLE, errno, "syncing a folder of blobs");
    return 0;
}

/* Makes the file durable under its name. */
static int settle(struct folder_writer *w, struct err *err)
{
    char path[PATH_MAX_];
    struct stat st;

    path_of(w->name, path);
    if (fstatat(w->f->root, path, &st, AT_SYMLINK_NOFOLLOW) == 0 && is_kept(&st))
        return err_set(err, ERR_INPUT, "blob %.100s is there and kept", w->name);
    if (renameat(w->f->root, w->temporary, w->f->root, path) == -1)
        return err_sys(err, ERR_UNAVAILABLE, errno, "naming a blob");
    memcpy(w->temporary, path, sizeof path); /* what goes, should it not become durable */
    if (fsync(w->fd) == -1) return err_sys(err, ERR_UNAVAILABLE, errno, "syncing a blob");
    return sync_folder_of(w->f, w->name, err);
}

static int folder_commit(void *writer, struct err *err)
{
    struct folder_writer *w = writer;
    int rc = settle(w, err);

    if (rc == -1) {
        folder_abort(w);
        return -1;
    }
    close(w->fd);
    free(w);
    return 0;
}

/* --- reading --- */

static int folder_fd(void *state, const char *name, int *fd, int64_t *size, struct err *err)
{
    struct folder *f = state;
    char path[PATH_MAX_];
    struct stat st;
    int opened = openat(f->root, path_of(name, path), O_RDONLY | O_NOFOLLOW | O_CLOEXEC);

    if (opened == -1 && errno == ENOENT) return blob_gone(name, err);
    if (opened == -1) return err_sys(err, ERR_UNAVAILABLE, errno, "opening a blob");
    if (fstat(opened, &st) == -1) {
        err_sys(err, ERR_UNAVAILABLE, errno, "size of a blob");
        close(opened);
        return -1;
    }
    *fd = opened;
    *size = st.st_size;
    return 0;
}

/* --- life --- */

static int folder_keep(void *state, const char *name, struct err *err)
{
    struct folder *f = state;
    char path[PATH_MAX_];

    if (fchmodat(f->root, path_of(name, path), MODE_KEPT, 0) == 0) return 0;
    if (errno == ENOENT) return blob_gone(name, err);
    return err_sys(err, ERR_UNAVAILABLE, errno, "keeping a blob");
}

static int folder_drop(void *state, const char *name, struct err *err)
{
    struct folder *f = state;
    char path[PATH_MAX_];

    if (unlinkat(f->root, path_of(name, path), 0) == 0 || errno == ENOENT) return 0;
    return err_sys(err, ERR_UNAVAILABLE, errno, "dropping a blob");
}

static DIR *open_folder(struct folder *f, const char *name)
{
    int fd = openat(f->root, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *d = fd == -1 ? NULL : fdopendir(fd);

    if (fd >= 0 && !d) close(fd);
    return d;
}

/* The files of writers that are at work go too: their commit fails, as it should. */
static int folder_drop_job(void *state, const char *job, struct err *err)
{
    struct folder *f = state;
    char folder[3];
    DIR *d = open_folder(f, folder_of_job(job, folder));
    struct dirent *e;
    int rc = 0;

    if (!d) return err_sys(err, ERR_UNAVAILABLE, errno, "folder of blobs");
    while ((e = readdir(d)))
        if (blob_file_is_of_job(e->d_name, job) && unlinkat(dirfd(d), e->d_name, 0) == -1 && errno != ENOENT)
            rc = err_sys(err, ERR_UNAVAILABLE, errno, "dropping a blob");
    closedir(d);
    return rc;
}

/* 1 when the entry was short-lived, old, and is gone now. */
static int sweep_entry(DIR *d, const char *name, int64_t before_ms)
{
    struct stat st;

    if (fstatat(dirfd(d), name, &st, AT_SYMLINK_NOFOLLOW) == -1 || !S_ISREG(st.st_mode) || is_kept(&st))
        return 0;
    if ((int64_t)st.st_mtim.tv_sec * 1000 + st.st_mtim.tv_nsec / 1000000 > before_ms) return 0;
    return unlinkat(dirfd(d), name, 0) == 0;
}

static int folder_sweep(void *state, int64_t age_ms, int budget)
{
    struct folder *f = state;
    int64_t before_ms = clock_wall_ms() - age_ms;
    int removed = 0, folders_left = FOLDERS; /* once round at most */
    char name[3];

    pthread_mutex_lock(&f->sweep_lock);
    while (budget > 0 && folders_left > 0) {
        struct dirent *e = NULL;
        snprintf(name, sizeof name, "%02x", (unsigned)f->sweep_at % FOLDERS);
        if (!f->sweep_dir) f->sweep_dir = open_folder(f, name);
        if (f->sweep_dir) e = readdir(f->sweep_dir);
        if (e) {
            removed += sweep_entry(f->sweep_dir, e->d_name, before_ms);
            budget--;
            continue;
        }
        if (f->sweep_dir) closedir(f->sweep_dir);
        f->sweep_dir = NULL;
        f->sweep_at = (f->sweep_at + 1) % FOLDERS;
        folders_left--;
    }
    pthread_mutex_unlock(&f->sweep_lock);
    return removed;
}

int blob_folder_open(const struct settings *settings, struct blob_backend *out, struct err *err)
{
    static const struct blob_ops ops = {
        folder_close, folder_create, folder_write,    folder_commit, folder_abort, folder_fd,
        folder_keep,  folder_drop,   folder_drop_job, folder_sweep,  NULL,         NULL,
    };
    AUTO_FREE char *path = NULL;
    struct folder *f = NULL;

    if (asprintf(&path, "%s/blobs", settings->var) == -1) {
        path = NULL;
        return err_set(err, ERR_NOMEM, "folder of blobs");
    }
    if (blob_make_folder(path, err) == -1) return -1;
    f = calloc(1, sizeof *f);
    if (!f) return err_set(err, ERR_NOMEM, "folder of blobs");
    pthread_mutex_init(&f->sweep_lock, NULL);
    f->root = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (f->root == -1 || make_fan_out(f->root, err) == -1) {
        if (f->root == -1) err_sys(err, ERR_CONFIG, errno, "folder of blobs");
        folder_close(f);
        return -1;
    }
    *out = (struct blob_backend){&ops, f};
    return 0;
}
