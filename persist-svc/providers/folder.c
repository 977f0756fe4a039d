/* folder: objects as files below $SHEAF_VAR/objects.
 *
 * An object is written under a temporary name in .tmp, made durable, renamed to its place, and the folder is
 * made durable: at every moment it is there as a whole or not at all.  A document that lies in a blob folder
 * of the same file system is linked instead of copied.
 */
#define _GNU_SOURCE /* nftw */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "lib/auto.h"
#include "lib/clock.h"
#include "lib/digest.h"
#include "persist-svc/object_path.h"
#include "persist-svc/providers/providers.h"

#define PIECE_BYTES     (64 * 1024)
#define LEFT_OVER_AFTER (3600 * 1000) /* ms; an interrupted write of an earlier process */
#define TEMP_NAME       40

struct folder {
    int root, temp; /* descriptors of the two folders */
};

static int io_error(struct err *err, const char *doing)
{
    return err_sys(err, ERR_UNAVAILABLE, errno, "objects folder, %s", doing);
}

static int open_folder(int at, const char *name)
{
    if (mkdirat(at, name, 0700) == 0) {
        if (fsync(at) == -1) return -1;
    } else if (errno != EEXIST) {
        return -1;
    }
    return openat(at, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
}

/* Opens, and makes where missing, the folder that `path` lies in. *leaf points into path. */
static int open_parent(const struct folder *f, const char *path, const char **leaf, int *fd, struct err *err)
{
    if (!object_path_ok(path)) return err_set(err, ERR_BUG, "not an object's path");
    int at = openat(f->root, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    const char *name = path, *slash;
    for (; at != -1 && (slash = strchr(name, '/')); name = slash + 1) {
        char folder[OBJECT_PATH_MAX];
        snprintf(folder, sizeof folder, "%.*s", (int)(slash - name), name);
        int next = open_folder(at, folder);
        int code = errno;
        close(at);
        errno = code;
        at = next;
    }
    if (at == -1) return io_error(err, "folder");
    *leaf = name;
    *fd = at;
    return 0;
}

static void remove_left_overs(int temp)
{
    DIR *dir = fdopendir(dup(temp));
    if (!dir) return; /* they only take room */
    for (struct dirent *entry; (entry = readdir(dir));) {
        struct stat st;
        if (fstatat(temp, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode) &&
            clock_wall_ms() - (int64_t)st.st_ctime * 1000 > LEFT_OVER_AFTER)
            (void)unlinkat(temp, entry->d_name, 0);
    }
    closedir(dir);
}

static void folder_close(void **state)
{
    struct folder *f = *state;
    if (!f) return;
    if (f->temp != -1) close(f->temp);
    if (f->root != -1) close(f->root);
    free(f);
    *state = NULL;
}

static int open_folders(struct folder *f, const char *var_path)
{
    if (mkdir(var_path, 0700) == -1 && errno != EEXIST) return -1;
    AUTO_CLOSE int var = open(var_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (var == -1 || (f->root = open_folder(var, "objects")) == -1) return -1;
    return (f->temp = open_folder(f->root, ".tmp")) == -1 ? -1 : 0;
}

static int folder_open(void **state, const struct settings *settings, struct err *err)
{
    struct folder *f = malloc(sizeof *f);
    if (!f) return err_set(err, ERR_NOMEM, "out of memory");
    *f = (struct folder){-1, -1};
    void *made = f;
    if (open_folders(f, settings->var) == -1) {
        err_sys(err, ERR_CONFIG, errno, "objects folder in SHEAF_VAR");
        folder_close(&made);
        return -1;
    }
    remove_left_overs(f->temp);
    *state = made;
    return 0;
}

/* Reads `size` bytes from the descriptor's beginning in pieces, digesting them, and writes them to `out`
 * unless it is -1. */
static int read_through(int in, int64_t size, int out, char hex[DIGEST_HEX], struct err *err)
{
    AUTO_FREE char *piece = malloc(PIECE_BYTES);
    digest_t *digest = digest_new();
    int64_t at = 0;
    if (!piece || !digest) {
        digest_end(&digest, NULL);
        return err_set(err, ERR_NOMEM, "out of memory");
    }
    while (at < size) {
        size_t want = size - at < PIECE_BYTES ? (size_t)(size - at) : PIECE_BYTES;
        ssize_t n = pread(in, piece, want, at);
        if (n == -1 && errno == EINTR) continue;
        if (n <= 0) break;
        digest_add(digest, piece, (size_t)n);
        for (ssize_t done = 0; out != -1 && done < n;) {
            ssize_t w = write(out, piece + done, (size_t)(n - done));
            if (w == -1 && errno == EINTR) continue;
            if (w == -1) {
                digest_end(&digest, NULL);
                return io_error(err, "write");
            }
            done += w;
        }
        at += n;
    }
    digest_end(&digest, hex);
    return at == size ? 0 : err_set(err, ERR_UNAVAILABLE, "a document ended after %lld bytes", (long long)at);
}

/* 1: the object is there with these bytes, 0: not. */
static int is_there(int folder, const char *leaf, const struct stat *source, int64_t size, const char *digest,
                    struct err *err)
{
    AUTO_CLOSE int fd = openat(folder, leaf, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    struct stat st;
    char hex[DIGEST_HEX];
    if (fd == -1) return errno == ENOENT ? 0 : io_error(err, "open");
    if (fstat(fd, &st) == -1) return io_error(err, "stat");
    if (source && st.st_ino == source->st_ino && st.st_dev == source->st_dev) return 1;
    if (!S_ISREG(st.st_mode) || st.st_size != size) return 0;
    if (read_through(fd, size, -1, hex, err) == -1) return -1;
    return strcmp(hex, digest) == 0;
}

static void temp_name(char out[TEMP_NAME])
{
    uint8_t random[12];
    random_bytes(random, sizeof random);
    for (size_t i = 0; i < sizeof random; i++) snprintf(out + 2 * i, 3, "%02x", random[i]);
}

static bool link_source(const struct folder *f, int fd, const char *name)
{
    char source[40];
    snprintf(source, sizeof source, "/proc/self/fd/%d", fd);
    return linkat(AT_FDCWD, source, f->temp, name, AT_SYMLINK_FOLLOW) == 0;
}

static int copy_source(const struct folder *f, int fd, int64_t size, const char *digest, const char *name,
                       struct err *err)
{
    AUTO_CLOSE int out = openat(f->temp, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    char hex[DIGEST_HEX];
    if (out == -1) return io_error(err, "create");
    if (read_through(fd, size, out, hex, err) == -1) return -1;
    if (strcmp(hex, digest) != 0)
        return err_set(err, ERR_UNAVAILABLE, "a document's bytes do not have its digest");
    return fsync(out) == -1 ? io_error(err, "fsync") : 0;
}

static int move_in(const struct folder *f, const char *name, int folder, const char *leaf, struct err *err)
{
    if (renameat(f->temp, name, folder, leaf) == -1) return io_error(err, "rename");
    return fsync(folder) == -1 ? io_error(err, "fsync of a folder") : 0;
}

static int folder_put_file(void *state, const char *path, int fd, int64_t size, const char *digest,
                           struct err *err)
{
    struct folder *f = state;
    AUTO_CLOSE int folder = -1;
    const char *leaf;
    char name[TEMP_NAME];
    struct stat source;
    if (fstat(fd, &source) == -1) return io_error(err, "stat");
    if (open_parent(f, path, &leaf, &folder, err) == -1) return -1;
    int there = is_there(folder, leaf, &source, size, digest, err);
    if (there) return there == 1 ? 0 : -1;
    temp_name(name);
    bool linked = source.st_size == size && link_source(f, fd, name);
    int rc = linked ? 0 : copy_source(f, fd, size, digest, name, err);
    if (rc == 0) rc = move_in(f, name, folder, leaf, err);
    /* Gone already when it was moved; still there after a failure, or when another thread linked the same
     * file first. */
    (void)unlinkat(f->temp, name, 0);
    return rc;
}

static int write_all(int fd, const char *data, size_t len)
{
    while (len) {
        ssize_t n = write(fd, data, len);
        if (n == -1 && errno == EINTR) continue;
        if (n == -1) return -1;
        data += n;
        len -= (size_t)n;
    }
    return fsync(fd);
}

static int folder_put_data(void *state, const char *path, const void *data, size_t len, struct err *err)
{
    struct folder *f = state;
    AUTO_CLOSE int folder = -1;
    const char *leaf;
    char name[TEMP_NAME], hex[DIGEST_HEX];
    if (open_parent(f, path, &leaf, &folder, err) == -1) return -1;
    digest_hex(data, len, hex);
    int there = is_there(folder, leaf, NULL, (int64_t)len, hex, err);
    if (there) return there == 1 ? 0 : -1;
    temp_name(name);
    AUTO_CLOSE int out = openat(f->temp, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (out == -1) return io_error(err, "create");
    int rc = write_all(out, data, len) == -1 ? io_error(err, "write") : move_in(f, name, folder, leaf, err);
    if (rc == -1) (void)unlinkat(f->temp, name, 0);
    return rc;
}

static int folder_get(void *state, const char *path, int *fd, int64_t *size, struct err *err)
{
    struct folder *f = state;
    struct stat st;
    if (!object_path_ok(path)) return err_code(err, ERR_INPUT, "not_found", "There is no such object.");
    int found = openat(f->root, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (found == -1 && (errno == ENOENT || errno == ENOTDIR || errno == ELOOP))
        return err_code(err, ERR_INPUT, "not_found", "There is no such object.");
    if (found == -1) return io_error(err, "open");
    if (fstat(found, &st) == -1 || !S_ISREG(st.st_mode)) {
        close(found);
        return err_code(err, ERR_INPUT, "not_found", "There is no such object.");
    }
    *fd = found;
    *size = st.st_size;
    return 0;
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *place)
{
    (void)st, (void)type, (void)place;
    return remove(path) == -1 && errno != ENOENT ? -1 : 0;
}

static int folder_remove(void *state, const char *folder, struct err *err)
{
    struct folder *f = state;
    char path[64 + OBJECT_PATH_MAX];
    if (!object_path_ok(folder)) return err_code(err, ERR_INPUT, "not_found", "There is no such folder.");
    snprintf(path, sizeof path, "/proc/self/fd/%d/%s", f->root, folder);
    if (nftw(path, remove_entry, 16, FTW_DEPTH | FTW_PHYS) == -1 && errno != ENOENT) return io_error(err, "remove");
    return fsync(f->root) == -1 ? io_error(err, "fsync of a folder") : 0;
}

const struct object_store object_store_folder = {
    .name = "folder",
    .open = folder_open,
    .close = folder_close,
    .put_file = folder_put_file,
    .put_data = folder_put_data,
    .get = folder_get,
    .remove = folder_remove,
};
