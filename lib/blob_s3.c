/* Blobs in an S3 bucket.
 *
 *     sheaf-blobs/<job>/<leaf>      the blob <job>.<leaf>; written by one PUT, so there as a whole or not at all
 *     sheaf-unkept/<job>.upload     empty; beside an upload until it is kept
 *
 * A blob is spooled into the local cache while it is written and sent when its digest is known; the copy then serves whoever reads it
 * here.  What a task makes needs no mark: its job is known, and takes it along when it goes.  An upload may come to be nobody's (the
 * gateway dies before it opened the job): its mark is written first and removed by keeping, and the sweep removes what it
 * still stands beside after a day.  So nothing is ever removed because something else does not know of it.
 *
 * A name is written by one: an output's has the delivery's token in it, and an upload is written again only by a `fetch` that found none,
 * with the same bytes.  So a PUT asks for no condition, which not every server knows (Swift answers 501).
 *
 * A server that does not answer is waited for, as Redis is: its outage costs no attempt.
 */
#include "lib/blob_inner.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "lib/auto.h"
#include "lib/clock.h"
#include "lib/digest.h"
#include "lib/s3.h"
#include "lib/throttle.h"
#include "proto/ids.h"

#define CALLS   32 /* in flight: a gateway's threads; a client is made when it is needed */
#define AWAY_MS 5000
#define TYPES   "inspect,page,split,extract,save,store,fetch"
#define BLOBS   "sheaf-blobs/"
#define UNKEPT  "sheaf-unkept/"
#define MIME    "application/octet-stream"

struct store {
    s3_t *s3;
    blob_cache_t *cache;
};

struct writer {
    struct store *s;
    int fd;
    int64_t size;
    digest_t *digest;
    char name[BLOB_NAME_MAX], temporary[BLOB_TEMPORARY_MAX];
};

static char *key_of(const char *name, char out[S3_KEY_MAX])
{
    snprintf(out, S3_KEY_MAX, BLOBS "%.*s/%s", ID_TEXT - 1, name, name + ID_TEXT);
    return out;
}

static char *mark_of(const char *name, char out[S3_KEY_MAX])
{
    snprintf(out, S3_KEY_MAX, UNKEPT "%s", name);
    return out;
}

static bool is_upload(const char *name)
{
    return strcmp(name + ID_TEXT, "upload") == 0;
}

/* Transport and 5xx: nobody's fault here, and nothing that a task should pay for. */
static int tell(const struct err *why, struct err *err)
{
    bool away = why->kind == ERR_TIMEOUT || (why->kind == ERR_UNAVAILABLE && (why->sys < 100 || why->sys >= 500));
    if (away) return throttle_told("Waiting for the store of documents (S3), which does not answer as it should.", AWAY_MS, err);
    if (err) *err = *why;
    return -1;
}

static int tell_of(const char *name, const struct err *why, struct err *err)
{
    return strcmp(why->code, "not_found") == 0 ? blob_gone(name, err) : tell(why, err);
}

/* --- writing --- */

static void end_writer(struct writer *w)
{
    if (w->fd >= 0) close(w->fd);
    digest_end(&w->digest, NULL);
    free(w);
}

static int store_create(void *state, const char *name, void **writer, struct err *err)
{
    struct writer *w = calloc(1, sizeof *w);

    if (!w) return err_set(err, ERR_NOMEM, "writer of a blob");
    w->s = state;
    w->fd = -1;
    snprintf(w->name, sizeof w->name, "%s", name);
    w->digest = digest_new();
    if (!w->digest) err_set(err, ERR_NOMEM, "writer of a blob");
    if (w->digest) w->fd = blob_cache_create(w->s->cache, name, w->temporary, err);
    if (w->fd == -1) {
        end_writer(w);
        return -1;
    }
    *writer = w;
    return 0;
}

static int store_write(void *writer, const void *data, size_t len, struct err *err)
{
    struct writer *w = writer;

    digest_add(w->digest, data, len);
    w->size += (int64_t)len;
    return blob_write_all(w->fd, data, len, err);
}

static void store_abort(void *writer)
{
    struct writer *w = writer;

    blob_cache_cancel(w->s->cache, w->temporary);
    end_writer(w);
}

static int put_mark(struct store *s, const char *name, struct err *err)
{
    char key[S3_KEY_MAX], empty[DIGEST_HEX];

    digest_hex("", 0, empty);
    return s3_put_data(s->s3, &(struct s3_put){.key = mark_of(name, key), .mime = MIME, .digest = empty}, "", 0, err);
}

static int send(struct writer *w, struct err *err)
{
    char key[S3_KEY_MAX], hex[DIGEST_HEX];
    struct err why = {0};

    digest_end(&w->digest, hex);
    if (is_upload(w->name) && put_mark(w->s, w->name, &why) == -1) return tell(&why, err);
    if (s3_put_file(w->s->s3, &(struct s3_put){.key = key_of(w->name, key), .mime = MIME, .digest = hex}, w->fd, w->size, &why) == 0)
        return 0;
    return tell(&why, err);
}

static int store_commit(void *writer, struct err *err)
{
    struct writer *w = writer;

    if (send(w, err) == -1) {
        store_abort(w);
        return -1;
    }
    blob_cache_add(w->s->cache, w->name, w->temporary, w->size);
    end_writer(w);
    return 0;
}

/* --- reading --- */

static int fetch(void *state, const char *name, int fd, int64_t *size, struct err *err)
{
    struct store *s = state;
    char key[S3_KEY_MAX];
    struct err why = {0};

    return s3_get(s->s3, key_of(name, key), fd, size, &why) == 0 ? 0 : tell_of(name, &why, err);
}

static int store_fd(void *state, const char *name, int *fd, int64_t *size, struct err *err)
{
    struct store *s = state;

    return blob_cache_fd(s->cache, name, fetch, s, fd, size, err);
}

/* --- life --- */

static int store_keep(void *state, const char *name, struct err *err)
{
    struct store *s = state;
    char key[S3_KEY_MAX];
    struct err why = {0};

    if (s3_head(s->s3, key_of(name, key), &why) == -1) return tell_of(name, &why, err);
    return !is_upload(name) || s3_delete(s->s3, mark_of(name, key), &why) == 0 ? 0 : tell(&why, err);
}

/* The mark goes last: what is left in between is swept. */
static int store_drop(void *state, const char *name, struct err *err)
{
    struct store *s = state;
    char key[S3_KEY_MAX];
    struct err why = {0};

    blob_cache_forget(s->cache, name);
    if (s3_delete(s->s3, key_of(name, key), &why) == -1) return tell(&why, err);
    return !is_upload(name) || s3_delete(s->s3, mark_of(name, key), &why) == 0 ? 0 : tell(&why, err);
}

static int store_drop_job(void *state, const char *job, struct err *err)
{
    struct store *s = state;
    char prefix[S3_KEY_MAX];
    struct err why = {0};

    blob_cache_forget_job(s->cache, job);
    snprintf(prefix, sizeof prefix, BLOBS "%s/", job);
    return s3_delete_all(s->s3, prefix, &why) == 0 ? 0 : tell(&why, err);
}

struct sweep {
    struct store *s;
    int64_t before_ms;
    int removed, budget;
};

static int sweep_one(void *user, const struct s3_entry *mark)
{
    struct sweep *w = user;
    const char *name = mark->key + strlen(UNKEPT);

    if (w->budget-- <= 0 || !mark->modified_ms || mark->modified_ms > w->before_ms) return 0;
    if (blob_name_ok(name) && store_drop(w->s, name, NULL) == 0) w->removed++;
    return 0;
}

/* Marks are few, and the oldest jobs' come first: the front of the list is all that needs to be looked at. */
static int store_sweep(void *state, int64_t age_ms, int budget)
{
    struct store *s = state;
    struct sweep w = {.s = s, .before_ms = clock_wall_ms() - age_ms, .budget = budget};

    (void)s3_list(s->s3, UNKEPT, NULL, sweep_one, &w, NULL);
    return w.removed;
}

static int64_t store_paused_until_ms(void *state)
{
    struct store *s = state;
    return s3_paused_until_ms(s->s3);
}

static int store_probe(void *state, struct err *err)
{
    struct store *s = state;
    return s3_probe(s->s3, err);
}

static void store_close(void *state)
{
    struct store *s = state;

    s3_close(&s->s3);
    blob_cache_close(&s->cache);
    free(s);
}

int blob_s3_open(const struct settings *settings, struct blob_backend *out, struct err *err)
{
    static const struct blob_ops ops = {
        .close = store_close,
        .create = store_create,
        .write = store_write,
        .commit = store_commit,
        .abort = store_abort,
        .fd = store_fd,
        .keep = store_keep,
        .drop = store_drop,
        .drop_job = store_drop_job,
        .sweep = store_sweep,
        .paused_until_ms = store_paused_until_ms,
        .probe = store_probe,
    };
    struct store *s = calloc(1, sizeof *s);

    if (!s) return err_set(err, ERR_NOMEM, "blob store");
    s->cache = blob_cache_open(settings, err);
    if (s->cache) s->s3 = s3_open(settings, "s3-blobs", TYPES, CALLS, err);
    if (!s->s3) {
        store_close(s);
        return -1;
    }
    *out = (struct blob_backend){&ops, s};
    return 0;
}
