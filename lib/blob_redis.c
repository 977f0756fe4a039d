/* Blobs in a Redis of their own.
 *
 *     sheaf:blob:<name>               hash: size, chunks, writer   the blob is there when this is
 *     sheaf:blob:<name>:<writer>:<n>  256 KiB of it; <writer> is random, so that two writers of one name
 *                                     do not mix and a reader never sees half of each
 *     sheaf:blobs:<job>               set of the job's names
 *
 * Everything has 24 hours to live until it is kept.  Chunks go out as they fill, a few at a time without
 * waiting for each; the last step is one script, so that a blob appears as a whole.  How durable it is then,
 * that server's own settings decide (appendfsync).
 */
#include "lib/blob_inner.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "lib/clock.h"
#include "lib/digest.h"
#include "lib/redis.h"
#include "proto/ids.h"

#define POOL_SIZE    64 /* made as needed; a writer holds one while it writes */
#define IN_FLIGHT    4  /* chunks */
#define CALL_MS      10000
#define LIFE_SECONDS "86400"
#define KEY_MAX      (BLOB_NAME_MAX + 56)
#define WRITER_MAX   17
#define META         "sheaf:blob:"
#define INDEX        "sheaf:blobs:"

struct store {
    redis_pool_t *pool;
    blob_cache_t *cache;
    struct redis_script commit, keep, drop, drop_job;
};

/* What the scripts share: whether every chunk is there, and the end of a blob. */
#define PARTS                                                                                                \
    "local function chunk(meta, n) return meta .. ':' .. redis.call('HGET', meta, 'writer') .. ':' .. n "    \
    "end\n"                                                                                                  \
    "local function chunks(meta) return tonumber(redis.call('HGET', meta, 'chunks') or 0) end\n"             \
    "local function drop(meta)\n"                                                                            \
    "  for n = 0, chunks(meta) - 1 do redis.call('UNLINK', chunk(meta, n)) end\n"                            \
    "  redis.call('UNLINK', meta)\n"                                                                         \
    "end\n"                                                                                                  \
    "local function lasting(key) return redis.call('TTL', key) == -1 end\n"

/* KEYS[1] the meta key, ARGV name, job, size, chunks, writer, life.
 * 1 done, 0 a kept blob has the name, -1 a chunk is not there (the server lost it).
 * An index that was made lasting by the keeping of another blob stays so. */
static const char commit_lua[] = PARTS //
    "if lasting(KEYS[1]) then return 0 end\n"
    "for n = 0, ARGV[4] - 1 do\n"
    "  if redis.call('EXISTS', KEYS[1] .. ':' .. ARGV[5] .. ':' .. n) == 0 then return -1 end\n"
    "end\n"
    "local index = '" INDEX "' .. ARGV[2]\n"
    "local index_lasts = lasting(index)\n"
    "drop(KEYS[1])\n"
    "redis.call('HSET', KEYS[1], 'size', ARGV[3], 'chunks', ARGV[4], 'writer', ARGV[5])\n"
    "redis.call('EXPIRE', KEYS[1], ARGV[6])\n"
    "redis.call('SADD', index, ARGV[1])\n"
    "if not index_lasts then redis.call('EXPIRE', index, ARGV[6]) end\n"
    "return 1\n";

/* KEYS[1] the meta key, ARGV job.  0 when any part is gone: half a blob is none. */
static const char keep_lua[] = PARTS //
    "if redis.call('EXISTS', KEYS[1]) == 0 then return 0 end\n"
    "for n = 0, chunks(KEYS[1]) - 1 do\n"
    "  if redis.call('EXISTS', chunk(KEYS[1], n)) == 0 then return 0 end\n"
    "end\n"
    "for n = 0, chunks(KEYS[1]) - 1 do redis.call('PERSIST', chunk(KEYS[1], n)) end\n"
    "redis.call('PERSIST', '" INDEX "' .. ARGV[1])\n"
    "redis.call('PERSIST', KEYS[1])\n"
    "return 1\n";

/* KEYS[1] the meta key, ARGV name, job. */
static const char drop_lua[] = PARTS //
    "drop(KEYS[1])\n"
    "redis.call('SREM', '" INDEX "' .. ARGV[2], ARGV[1])\n"
    "return 1\n";

/* KEYS[1] the index. */
static const char drop_job_lua[] = PARTS //
    "for _, name in ipairs(redis.call('SMEMBERS', KEYS[1])) do drop('" META "' .. name) end\n"
    "redis.call('UNLINK', KEYS[1])\n"
    "return 1\n";

static char *meta_key(char out[KEY_MAX], const char *name)
{
    snprintf(out, KEY_MAX, META "%s", name);
    return out;
}

static char *chunk_key(char out[KEY_MAX], const char *name, const char *writer, int64_t n)
{
    snprintf(out, KEY_MAX, META "%s:%s:%lld", name, writer, (long long)n);
    return out;
}

static char *job_of(const char *name, char out[ID_TEXT])
{
    memcpy(out, name, ID_TEXT - 1); /* a well-formed name is longer */
    out[ID_TEXT - 1] = '\0';
    return out;
}

/* A script with a number for an answer. */
static int call(struct store *s, const struct redis_script *script, const char *key, int argc,
                const char *const *argv, int64_t *answer, struct err *err)
{
    int64_t deadline_ms = clock_ms() + CALL_MS;
    redis_t *r = redis_pool_take(s->pool, deadline_ms, err);
    redis_reply_t *reply = NULL;
    int rc;

    if (!r) return -1;
    rc = redis_call_script(r, deadline_ms, script, key, argc, argv, NULL, &reply, err);
    redis_pool_put(s->pool, &r);
    if (rc == -1) return -1;
    *answer = redis_int(reply);
    redis_reply_free(reply);
    return 0;
}

/* --- writing --- */

struct writer {
    struct store *s;
    redis_t *r;
    int64_t chunks, size;
    size_t filled;
    struct err failed; /* the first chunk that was refused */
    char name[BLOB_NAME_MAX];
    char id[WRITER_MAX];
    char chunk[BLOB_CHUNK];
};

static void on_chunk(void *user, const redis_reply_t *reply)
{
    struct writer *w = user;

    if (w->failed.kind != ERR_NONE) return;
    if (!reply)
        err_set(&w->failed, ERR_UNAVAILABLE, "the connection to the blobs' Redis broke");
    else if (redis_is_error(reply, NULL))
        redis_reply_err(reply, &w->failed);
}

static char *writer_id(char out[WRITER_MAX])
{
    uint64_t number = 0;

    random_bytes(&number, sizeof number);
    snprintf(out, WRITER_MAX, "%016llx", (unsigned long long)number);
    return out;
}

static int store_create(void *state, const char *name, void **writer, struct err *err)
{
    struct store *s = state;
    struct writer *w = malloc(sizeof *w);
    int64_t deadline_ms = clock_ms() + CALL_MS;

    if (!w) return err_set(err, ERR_NOMEM, "writer of a blob");
    w->s = s;
    w->chunks = w->size = 0;
    w->filled = 0;
    w->failed = (struct err){0};
    snprintf(w->name, sizeof w->name, "%s", name);
    writer_id(w->id);
    w->r = redis_pool_take(s->pool, deadline_ms, err);
    if (!w->r || redis_connect(w->r, deadline_ms, err) == -1) {
        if (w->r) redis_pool_put(s->pool, &w->r);
        free(w);
        return -1;
    }
    *writer = w;
    return 0;
}

static int send_chunk(struct writer *w, struct err *err)
{
    char key[KEY_MAX];
    const char *argv[] = {"SET", chunk_key(key, w->name, w->id, w->chunks), w->chunk, "EX", LIFE_SECONDS};
    const size_t argvlen[] = {3, strlen(key), w->filled, 2, strlen(LIFE_SECONDS)};

    if (redis_wait(w->r, IN_FLIGHT - 1, clock_ms() + CALL_MS, err) == -1) return -1;
    if (w->failed.kind == ERR_NONE) redis_send(w->r, 5, argv, argvlen, on_chunk, w);
    redis_flush(w->r);
    if (w->failed.kind != ERR_NONE) {
        if (err) *err = w->failed;
        return -1;
    }
    w->chunks++;
    w->filled = 0;
    return 0;
}

static int store_write(void *writer, const void *data, size_t len, struct err *err)
{
    struct writer *w = writer;
    const char *at = data;

    while (len > 0) {
        size_t n = BLOB_CHUNK - w->filled < len ? BLOB_CHUNK - w->filled : len;
        memcpy(w->chunk + w->filled, at, n);
        w->filled += n;
        w->size += (int64_t)n;
        at += n;
        len -= n;
        if (w->filled == BLOB_CHUNK && send_chunk(w, err) == -1) return -1;
    }
    return 0;
}

/* Puts the connection back first: that answers every handler, which look at the writer. */
static void end_writer(struct writer *w)
{
    redis_pool_put(w->s->pool, &w->r);
    free(w);
}

static void store_abort(void *writer)
{
    struct writer *w = writer;
    char key[KEY_MAX];

    for (int64_t n = 0; n < w->chunks && redis_connected(w->r); n++)
        redis_send(w->r, 2, (const char *const[]){"UNLINK", chunk_key(key, w->name, w->id, n)}, NULL, NULL,
                   NULL);
    (void)redis_wait(w->r, 0, clock_ms() + CALL_MS, NULL); /* what stays has a day to live */
    end_writer(w);
}

static int finish(struct writer *w, struct err *err)
{
    char key[KEY_MAX], job[ID_TEXT], size[24], chunks[24];
    const char *argv[] = {w->name, job_of(w->name, job), size, chunks, w->id, LIFE_SECONDS};
    redis_reply_t *reply = NULL;
    int64_t answer;

    if (w->filled > 0 && send_chunk(w, err) == -1) return -1;
    if (redis_wait(w->r, 0, clock_ms() + CALL_MS, err) == -1) return -1;
    if (w->failed.kind != ERR_NONE) {
        if (err) *err = w->failed;
        return -1;
    }
    snprintf(size, sizeof size, "%lld", (long long)w->size);
    snprintf(chunks, sizeof chunks, "%lld", (long long)w->chunks);
    if (redis_call_script(w->r, clock_ms() + CALL_MS, &w->s->commit, meta_key(key, w->name), 6, argv, NULL,
                          &reply, err) == -1)
        return -1;
    answer = redis_int(reply);
    redis_reply_free(reply);
    if (answer == 1) return 0;
    if (answer == 0) return err_set(err, ERR_INPUT, "blob %.100s is there and kept", w->name);
    return err_set(err, ERR_UNAVAILABLE, "the blobs' Redis lost a part of blob %.100s", w->name);
}

static int store_commit(void *writer, struct err *err)
{
    struct writer *w = writer;

    if (finish(w, err) == -1) {
        store_abort(w);
        return -1;
    }
    end_writer(w);
    return 0;
}

/* --- reading --- */

struct fetch {
    redis_t *r;
    int fd;
    int64_t size, chunks; /* as noted at commit */
    char writer[WRITER_MAX];
    int64_t written;
    struct err failed;
};

static void on_fetched(void *user, const redis_reply_t *reply)
{
    struct fetch *f = user;

    if (f->failed.kind != ERR_NONE) return;
    if (!reply) {
        err_set(&f->failed, ERR_UNAVAILABLE, "the connection to the blobs' Redis broke");
    } else if (redis_is_error(reply, NULL)) {
        redis_reply_err(reply, &f->failed);
    } else if (redis_type(reply) != REDIS_STRING) {
        err_code(&f->failed, ERR_INPUT, "gone", "a part of the blob is gone");
    } else if (blob_write_all(f->fd, redis_str(reply), redis_len(reply), &f->failed) == 0) {
        f->written += (int64_t)redis_len(reply);
    }
}

static int read_meta(struct fetch *f, const char *name, struct err *err)
{
    char key[KEY_MAX];
    redis_reply_t *reply = NULL;
    bool there;

    if (redis_do(f->r, clock_ms() + CALL_MS, &reply, err, "HMGET", meta_key(key, name), "size", "chunks",
                 "writer", NULL) == -1)
        return -1;
    there = redis_type(redis_at(reply, 0)) == REDIS_STRING;
    f->size = redis_int(redis_at(reply, 0));
    f->chunks = redis_int(redis_at(reply, 1));
    snprintf(f->writer, sizeof f->writer, "%s", redis_str(redis_at(reply, 2)));
    redis_reply_free(reply);
    return there ? 0 : blob_gone(name, err);
}

static int read_chunks(struct fetch *f, const char *name, struct err *err)
{
    char key[KEY_MAX];

    for (int64_t n = 0; n < f->chunks && f->failed.kind == ERR_NONE; n++) {
        if (redis_wait(f->r, IN_FLIGHT - 1, clock_ms() + CALL_MS, err) == -1) return -1;
        redis_send(f->r, 2, (const char *const[]){"GET", chunk_key(key, name, f->writer, n)}, NULL,
                   on_fetched, f);
    }
    if (f->failed.kind == ERR_NONE && redis_wait(f->r, 0, clock_ms() + CALL_MS, err) == -1) return -1;
    if (f->failed.kind != ERR_NONE) {
        if (err) *err = f->failed;
        return -1;
    }
    return f->written == f->size ? 0
                                 : err_set(err, ERR_BUG, "blob %.100s has not the size that was noted", name);
}

/* Writes the whole blob into fd. */
static int fetch_into(void *state, const char *name, int fd, int64_t *size, struct err *err)
{
    struct store *s = state;
    struct fetch f = {.fd = fd};
    int rc;

    f.r = redis_pool_take(s->pool, clock_ms() + CALL_MS, err);
    if (!f.r) return -1;
    rc = read_meta(&f, name, err);
    if (rc == 0) rc = read_chunks(&f, name, err);
    redis_pool_put(s->pool, &f.r); /* answers the handlers that still look at f */
    if (rc == -1) return -1;
    *size = f.size;
    return lseek(fd, 0, SEEK_SET) == -1 ? err_sys(err, ERR_UNAVAILABLE, errno, "cache of blobs") : 0;
}

static int store_fd(void *state, const char *name, int *fd, int64_t *size, struct err *err)
{
    struct store *s = state;

    return blob_cache_fd(s->cache, name, fetch_into, s, fd, size, err);
}

/* --- life --- */

static int store_keep(void *state, const char *name, struct err *err)
{
    struct store *s = state;
    char key[KEY_MAX], job[ID_TEXT];
    int64_t kept = 0;

    if (call(s, &s->keep, meta_key(key, name), 1, (const char *const[]){job_of(name, job)}, &kept, err) == -1)
        return -1;
    return kept == 1 ? 0 : blob_gone(name, err);
}

static int store_drop(void *state, const char *name, struct err *err)
{
    struct store *s = state;
    char key[KEY_MAX], job[ID_TEXT];
    int64_t done = 0;

    blob_cache_forget(s->cache, name);
    return call(s, &s->drop, meta_key(key, name), 2, (const char *const[]){name, job_of(name, job)}, &done,
                err);
}

static int store_drop_job(void *state, const char *job, struct err *err)
{
    struct store *s = state;
    char key[KEY_MAX];
    int64_t done = 0;

    blob_cache_forget_job(s->cache, job);
    snprintf(key, sizeof key, INDEX "%s", job);
    return call(s, &s->drop_job, key, 0, NULL, &done, err);
}

/* Redis lets them expire by itself. */
static int store_sweep(void *state, int64_t age_ms, int budget)
{
    (void)state, (void)age_ms, (void)budget;
    return 0;
}

static void store_close(void *state)
{
    struct store *s = state;

    redis_pool_destroy(&s->pool);
    blob_cache_close(&s->cache);
    free(s);
}

static struct redis_script script(const char *name, const char *source)
{
    struct redis_script s = {.name = name, .source = source};

    redis_script_init(&s);
    return s;
}

static int open_parts(struct store *s, const struct settings *settings, struct err *err)
{
    const struct redis_options options = {
        .url = settings->blob_redis_url ? settings->blob_redis_url : settings->redis_url,
        .ca_file = settings->redis_ca_file,
        .name = "sheaf-blobs",
    };

    s->cache = blob_cache_open(settings, err);
    if (!s->cache) return -1;
    s->pool = redis_pool_new(&options, POOL_SIZE, err);
    return s->pool ? 0 : -1;
}

int blob_redis_open(const struct settings *settings, struct blob_backend *out, struct err *err)
{
    static const struct blob_ops ops = {
        store_close, store_create, store_write,    store_commit, store_abort, store_fd,
        store_keep,  store_drop,   store_drop_job, store_sweep,  NULL,        NULL,
    };
    struct store *s = calloc(1, sizeof *s);

    if (!s) return err_set(err, ERR_NOMEM, "blob store");
    s->commit = script("blob_commit", commit_lua);
    s->keep = script("blob_keep", keep_lua);
    s->drop = script("blob_drop", drop_lua);
    s->drop_job = script("blob_drop_job", drop_job_lua);
    if (open_parts(s, settings, err) == -1) {
        store_close(s);
        return -1;
    }
    *out = (struct blob_backend){&ops, s};
    return 0;
}
