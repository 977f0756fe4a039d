/* sqlite: records in one SQLite file, $SHEAF_VAR/records.db: WAL, synchronous=FULL, one process at a time. */
#include "persist-svc/providers/sqlite.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include "persist-svc/providers/providers.h"
#include "persist-svc/providers/sqlite_schema.h"
#include "persist-svc/providers/sqlite_search.h"

/* The lock lies beside the database, since SQLite's own locks are on the database itself.  It ends with the
 * process, however that ends. */
static int lock_database(const char *path, int *lock_fd, struct err *err)
{
    char name[4096 + 8];
    snprintf(name, sizeof name, "%s.lock", path);
    int fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd == -1) return err_sys(err, ERR_CONFIG, errno, "lock file of the records database");
    if (flock(fd, LOCK_EX | LOCK_NB) == -1) {
        int code = errno;
        char pid[16] = "";
        ssize_t n = pread(fd, pid, sizeof pid - 1, 0);
        pid[n > 0 ? n : 0] = '\0';
        pid[strspn(pid, "0123456789")] = '\0';
        close(fd);
        if (code != EWOULDBLOCK) return err_sys(err, ERR_UNAVAILABLE, code, "lock of the records database");
        return err_set(
            err, ERR_UNAVAILABLE,
            "another persist-svc (process %s) uses this records database; SQLite records allow one at a time",
            *pid ? pid : "unknown");
    }
    char pid[16];
    int len = snprintf(pid, sizeof pid, "%d\n", (int)getpid());
    /* The number is for the text above only; the lock holds without it. */
    if (ftruncate(fd, 0) == 0) (void)!pwrite(fd, pid, (size_t)len, 0);
    *lock_fd = fd;
    return 0;
}

/* SQLite would make the file readable by everybody; what it keeps beside it takes over the mode. */
static int create_private(const char *path, struct err *err)
{
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd == -1) return err_sys(err, ERR_CONFIG, errno, "records database");
    close(fd);
    return 0;
}

static void close_store(void **state)
{
    struct sqlite_store *s = *state;
    if (!s) return;
    sqlite_writer_stop(&s->writer);
    for (int i = 0; i < SQLITE_READERS; i++) db_close(&s->readers[i]);
    db_close(&s->write);
    if (s->lock_fd != -1) close(s->lock_fd);
    pthread_cond_destroy(&s->returned);
    pthread_mutex_destroy(&s->lock);
    free(s);
    *state = NULL;
}

static int open_store(void **state, const struct store_options *options, struct err *err)
{
    struct sqlite_store *s = calloc(1, sizeof *s);
    if (!s) return err_set(err, ERR_NOMEM, "out of memory");
    s->lock_fd = -1;
    s->rules = (struct record_rules){options->form, options->settings->review_below};
    pthread_mutex_init(&s->lock, NULL);
    pthread_cond_init(&s->returned, NULL);
    void *made = s;

    int len = snprintf(s->path, sizeof s->path, "%s/records.db", options->settings->var);
    if (len < 0 || (size_t)len >= sizeof s->path) {
        err_set(err, ERR_CONFIG, "SHEAF_VAR is too long");
        goto fail;
    }
    if (mkdir(options->settings->var, 0700) == -1 && errno != EEXIST) {
        err_sys(err, ERR_CONFIG, errno, "SHEAF_VAR %s", options->settings->var);
        goto fail;
    }
    if (lock_database(s->path, &s->lock_fd, err) == -1 || create_private(s->path, err) == -1 ||
        db_open(&s->write, s->path, false, err) == -1 || sqlite_schema_update(&s->write, err) == -1)
        goto fail;
    s->writer = sqlite_writer_start(&s->write, err);
    if (!s->writer) goto fail;
    *state = made;
    return 0;
fail:
    close_store(&made);
    return -1;
}

static int open_reader(struct db *db, const char *path, struct err *err)
{
    if (db_open(db, path, true, err) == -1) return -1;
    if (sqlite_search_add(db, err) == 0) return 0;
    db_close(db);
    return -1;
}

struct db *sqlite_reader_take(struct sqlite_store *s, struct err *err)
{
    pthread_mutex_lock(&s->lock);
    int i;
    for (;;) {
        for (i = 0; i < SQLITE_READERS && s->lent[i]; i++) continue;
        if (i < SQLITE_READERS) break;
        pthread_cond_wait(&s->returned, &s->lock);
    }
    s->lent[i] = true;
    pthread_mutex_unlock(&s->lock);
    struct db *db = &s->readers[i];
    if (!db->handle && open_reader(db, s->path, err) == -1) {
        sqlite_reader_give(s, db);
        return NULL;
    }
    return db;
}

void sqlite_reader_give(struct sqlite_store *s, struct db *db)
{
    pthread_mutex_lock(&s->lock);
    s->lent[db - s->readers] = false;
    pthread_cond_signal(&s->returned);
    pthread_mutex_unlock(&s->lock);
}

static int64_t paused_until_ms(void *state)
{
    return sqlite_writer_paused_until_ms(((struct sqlite_store *)state)->writer);
}

const struct record_store record_store_sqlite = {
    .name = "sqlite",
    .open = open_store,
    .close = close_store,
    .paused_until_ms = paused_until_ms,
    .save = sqlite_save,
    .change = sqlite_change,
    .get = sqlite_get,
    .list = sqlite_list,
    .groups = sqlite_groups,
    .history = sqlite_history,
    .find_digest = sqlite_find_digest,
    .stats = sqlite_stats,
};

const char *stores_versions(void)
{
    static char text[40];
    snprintf(text, sizeof text, "sqlite %s, civetweb 1.15", sqlite3_libversion());
    return text;
}
