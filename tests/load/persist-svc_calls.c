/* persist-svc_calls N [records]: so many calls to an object store over HTTP, or to a store of records, by its own code (SHEAF_OBJECTS or
 * SHEAF_RECORDS, its keys and REDIS_URL in the environment); see growth.h.  In turn: a small object written, a file sent, read back; or a
 * record probed, read, counted. */
#define _GNU_SOURCE /* memfd_create */
#include <string.h>
#include <sys/mman.h>
#include "lib/digest.h"
#include "persist-svc/store.h"
#include "tests/load/growth.h"

#define THREADS    8
#define FILE_BYTES (64 * 1024)
#define OWNER      "00000000-0000-4000-8000-000000000001"
#define FOLDER     "essay-submissions/" OWNER "/0123456789ab/"

struct load {
    const struct object_store *store;
    void *state;
    int fd;
    char digest[DIGEST_HEX];
    _Atomic unsigned turn;
};

static bool once(void *user)
{
    struct load *l = user;
    struct err err = {0};
    int64_t size = 0;
    int rc, got = -1;
    switch (atomic_fetch_add(&l->turn, 1) % 3) {
    case 0:
        rc = l->store->put_data(l->state, FOLDER "artifacts/1/entry-0.json", "{}", 2, &err);
        break;
    case 1:
        rc = l->store->put_file(l->state, FOLDER "original.pdf", l->fd, FILE_BYTES, l->digest, &err);
        break;
    default:
        rc = l->store->get(l->state, FOLDER "original.pdf", &got, &size, &err);
        if (rc == 0) close(got);
        /* The first thread may look before the first file is there. */
        if (rc == -1 && strcmp(err.code, "not_found") == 0) rc = 0;
    }
    if (rc == -1) fprintf(stderr, "%s\n", err.text);
    return rc == 0;
}

/* --- records --- */

struct rows {
    const struct record_store *store;
    void *state;
    _Atomic unsigned turn;
};

static bool once_records(void *user)
{
    struct rows *r = user;
    struct err err = {0};
    json_t *found = NULL;
    int rc;
    switch (atomic_fetch_add(&r->turn, 1) % 3) {
    case 0:
        rc = r->store->probe(r->state, &err);
        break;
    case 1:
        rc = r->store->get(r->state, OWNER, "0123456789ab", &found, &err);
        break;
    default:
        rc = r->store->stats(r->state, OWNER, &found, &err);
    }
    json_decref(found);
    if (rc == -1) fprintf(stderr, "%s\n", err.text);
    return rc == 0;
}

static int measure_records(const struct settings *settings, long calls, struct err *err)
{
    struct rows r = {.store = record_store_find(settings_records(settings), err)};
    form_t *form = form_load(NULL, err);
    int rc = r.store && form ? r.store->open(&r.state, &(struct store_options){settings, form}, err) : -1;
    if (rc == 0) {
        struct growth growth = {.once = once_records, .user = &r, .calls = calls};
        rc = growth_measure(&growth, THREADS);
        r.store->close(&r.state);
    }
    form_destroy(&form);
    return rc;
}

/* --- objects --- */

static int measure_objects(const struct settings *settings, long calls, struct err *err)
{
    static char bytes[FILE_BYTES];
    struct load l = {.store = object_store_find(settings_objects(settings), err), .fd = memfd_create("file", MFD_CLOEXEC)};
    int rc = l.store && write(l.fd, bytes, sizeof bytes) == FILE_BYTES ? l.store->open(&l.state, settings, err) : -1;
    digest_hex(bytes, sizeof bytes, l.digest);
    if (rc == 0) {
        struct growth growth = {.once = once, .user = &l, .calls = calls};
        rc = growth_measure(&growth, THREADS);
        l.store->close(&l.state);
    }
    close(l.fd);
    return rc;
}

int main(int argc, char **argv)
{
    struct settings settings;
    struct err err = {0};
    if (argc < 2 || settings_load(&settings, &err) == -1) {
        fprintf(stderr, "usage: persist-svc_calls N [records]  %s\n", err.text);
        return 2;
    }
    const long calls = strtol(argv[1], NULL, 10);
    int rc = argc > 2 ? measure_records(&settings, calls, &err) : measure_objects(&settings, calls, &err);
    if (rc == -1) fprintf(stderr, "%s\n", err.text);
    settings_done(&settings);
    return rc == -1 ? 2 : rc;
}
