/* Local copies of blobs that live elsewhere.  A blob never changes under its name, so a copy is never stale;
 * it only takes room.  The oldest go when the folder is over its limit; processes may share the folder, since
 * removing a file hurts nobody who has it open. */
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

/* A copy that nobody finished (its process died) is removed after this. */
#define UNFINISHED_MS (3600 * 1000)

struct blob_cache {
    int root;
    int64_t max_bytes;
    pthread_mutex_t lock;
    int64_t used_bytes; /* at the last look, and what was added since */
};

struct cached {
    int64_t at_ns, size;
    char name[256];
};

struct listing {
    struct cached *file;
    size_t n, cap;
    int64_t bytes;
};

static int oldest_first(const void *a, const void *b)
{
    const struct cached *x = a, *y = b;
    return (x->at_ns > y->at_ns) - (x->at_ns < y->at_ns);
}

static int listing_add(struct listing *l, const char *name, const struct stat *st)
{
    if (l->n == l->cap) {
        size_t cap = l->cap ? l->cap * 2 : 64;
        struct cached *file = realloc(l->file, cap * sizeof *file);
        if (!file) return -1;
        l->file = file;
        l->cap = cap;
    }
    l->file[l->n].at_ns = (int64_t)st->st_mtim.tv_sec * 1000000000 + st->st_mtim.tv_nsec;
    l->file[l->n].size = st->st_size;
    snprintf(l->file[l->n].name, sizeof l->file[l->n].name, "%s", name);
    l->n++;
    l->bytes += st->st_size;
    return 0;
}

static DIR *open_root(int root)
{
    int fd = openat(root, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *d = fd == -1 ? NULL : fdopendir(fd);

    if (fd >= 0 && !d) close(fd);
    return d;
}

static void listing_read(struct listing *l, int root)
{
    DIR *d = open_root(root);
    int64_t unfinished_ns = (clock_wall_ms() - UNFINISHED_MS) * 1000000;
    struct dirent *e;
    struct stat st;

    while (d && (e = readdir(d))) {
        if (fstatat(root, e->d_name, &st, AT_SYMLINK_NOFOLLOW) == -1 || !S_ISREG(st.st_mode)) continue;
        if (e->d_name[0] == '.') {
            if ((int64_t)st.st_mtim.tv_sec * 1000000000 < unfinished_ns) (void)unlinkat(root, e->d_name, 0);
        } else if (listing_add(l, e->d_name, &st) == -1) {
            break;
        }
    }
    if (d) closedir(d);
}

/* Down to seven eighths, so that the folder is not read again for every new file. The lock is held. */
static void trim(blob_cache_t *c)
{
    struct listing l = {0};

    listing_read(&l, c->root);
    if (l.bytes > c->max_bytes) {
        qsort(l.file, l.n, sizeof l.file[0], oldest_first);
        for (size_t i = 0; i < l.n && l.bytes > c->max_bytes / 8 * 7; i++)
            if (unlinkat(c->root, l.file[i].name, 0) == 0 || errno == ENOENT) l.bytes -= l.file[i].size;
    }
    c->used_bytes = l.bytes;
    free(l.file);
}

blob_cache_t *blob_cache_open(const struct settings *settings, struct err *err)
{
    AUTO_FREE char *path = NULL;
    blob_cache_t *c = NULL;

    if (asprintf(&path, "%s/cache", settings->var) == -1) {
        path = NULL;
        err_set(err, ERR_NOMEM, "cache of blobs");
        return NULL;
    }
    if (blob_make_folder(path, err) == -1) return NULL;
    c = calloc(1, sizeof *c);
    if (!c) {
        err_set(err, ERR_NOMEM, "cache of blobs");
        return NULL;
    }
    c->max_bytes = settings->blob_cache_bytes;
    pthread_mutex_init(&c->lock, NULL);
    c->root = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (c->root == -1) {
        err_sys(err, ERR_CONFIG, errno, "cache of blobs");
        blob_cache_close(&c);
        return NULL;
    }
    trim(c);
    return c;
}

void blob_cache_close(blob_cache_t **cp)
{
    blob_cache_t *c = *cp;

    if (!c) return;
    *cp = NULL;
    if (c->root >= 0) close(c->root);
    pthread_mutex_destroy(&c->lock);
    free(c);
}

/* A descriptor for reading, or -1. */
static int find(blob_cache_t *c, const char *name)
{
    int fd = openat(c->root, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);

    if (fd >= 0) (void)futimens(fd, NULL); /* used last, out last */
    return fd;
}

int blob_cache_create(blob_cache_t *c, const char *name, char temporary[BLOB_TEMPORARY_MAX], struct err *err)
{
    int fd = openat(c->root, blob_temporary_name(name, temporary, BLOB_TEMPORARY_MAX),
                    O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

    return fd == -1 ? err_sys(err, ERR_UNAVAILABLE, errno, "cache of blobs") : fd;
}

void blob_cache_add(blob_cache_t *c, const char *name, const char *temporary, int64_t size)
{
    if (renameat(c->root, temporary, c->root, name) == -1) {
        blob_cache_cancel(c, temporary);
        return;
    }
    pthread_mutex_lock(&c->lock);
    c->used_bytes += size;
    if (c->used_bytes > c->max_bytes) trim(c);
    pthread_mutex_unlock(&c->lock);
}

void blob_cache_cancel(blob_cache_t *c, const char *temporary)
{
    (void)unlinkat(c->root, temporary, 0); /* what stays is found by trim() */
}

int blob_cache_fd(blob_cache_t *c, const char *name, blob_fetch *fetch, void *state, int *fd, int64_t *size, struct err *err)
{
    char temporary[BLOB_TEMPORARY_MAX];
    struct stat st;
    int copy = find(c, name);

    if (copy != -1) {
        if (fstat(copy, &st) == 0) {
            *fd = copy;
            *size = st.st_size;
            return 0;
        }
        close(copy);
    }
    copy = blob_cache_create(c, name, temporary, err);
    if (copy == -1) return -1;
    if (fetch(state, name, copy, size, err) == -1) {
        blob_cache_cancel(c, temporary);
        close(copy);
        return -1;
    }
    blob_cache_add(c, name, temporary, *size);
    *fd = copy;
    return 0;
}

void blob_cache_forget(blob_cache_t *c, const char *name)
{
    (void)unlinkat(c->root, name, 0); /* mostly it is not there */
}

void blob_cache_forget_job(blob_cache_t *c, const char *job)
{
    DIR *d = open_root(c->root);
    struct dirent *e;

    while (d && (e = readdir(d)))
        if (blob_file_is_of_job(e->d_name, job)) blob_cache_forget(c, e->d_name);
    if (d) closedir(d);
}
