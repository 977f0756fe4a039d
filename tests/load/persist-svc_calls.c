/* persist-svc_calls N: so many calls to an object store over HTTP by its own code (SHEAF_OBJECTS, its keys and REDIS_URL in the
 * environment); see growth.h.  In turn: a small object written, a file sent, read back. */
#define _GNU_SOURCE /* memfd_create */
#include <string.h>
#include <sys/mman.h>
#include "lib/digest.h"
#include "persist-svc/store.h"
#include "tests/load/growth.h"

#define THREADS    8
#define FILE_BYTES (64 * 1024)
#define FOLDER     "essay-submissions/00000000-0000-4000-8000-000000000001/0123456789ab/"

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

int main(int argc, char **argv)
{
    struct settings settings;
    struct err err = {0};
    struct load l = {.fd = memfd_create("file", MFD_CLOEXEC)};
    static char bytes[FILE_BYTES];
    if (argc != 2 || settings_load(&settings, &err) == -1 || write(l.fd, bytes, sizeof bytes) != FILE_BYTES) {
        fprintf(stderr, "usage: persist-svc_calls N  %s\n", err.text);
        return 2;
    }
    digest_hex(bytes, sizeof bytes, l.digest);
    l.store = object_store_find(settings_objects(&settings), &err);
    if (!l.store || l.store->open(&l.state, &settings, &err) == -1) {
        fprintf(stderr, "%s\n", err.text);
        return 2;
    }
    struct growth growth = {.once = once, .user = &l, .calls = strtol(argv[1], NULL, 10)};
    int rc = growth_measure(&growth, THREADS);
    l.store->close(&l.state);
    settings_done(&settings);
    return rc;
}
