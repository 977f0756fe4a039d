#define _GNU_SOURCE /* memfd_create, O_TMPFILE */
#include "lib/provider_body.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include "lib/auto.h"
#include "lib/clock.h"
#include "lib/digest.h"

/* ---- up ------------------------------------------------------------------------------------------------ */

struct sending {
    int fd;
    int64_t at;
    digest_t *digest;
};

static int64_t read_piece(void *user, void *out, size_t room)
{
    struct sending *s = user;
    ssize_t n;
    do n = pread(s->fd, out, room, s->at);
    while (n == -1 && errno == EINTR);
    if (n <= 0) return -1; /* the file ends before its size: the digest will not fit either */
    digest_add(s->digest, out, (size_t)n);
    s->at += n;
    return n;
}

static int read_again(void *user)
{
    struct sending *s = user;
    s->at = 0;
    digest_end(&s->digest, NULL);
    s->digest = digest_new();
    return s->digest ? 0 : -1;
}

int provider_ask(provider_t *p, struct provider_request *request, struct err *err)
{
    struct httpc_answer answer = {0};
    if (!request->http.deadline_ms) request->http.deadline_ms = clock_ms() + PROVIDER_BODY_MS;
    if (provider_call(p, request, &answer, err) == -1) return -1;
    httpc_answer_done(&answer);
    return 0;
}

int provider_send_file(provider_t *p, struct provider_request *request, int fd, int64_t size, const char *digest,
                       struct err *err)
{
    char hex[DIGEST_HEX] = "";
    struct sending sending = {.fd = fd, .digest = digest_new()};
    if (!sending.digest) return err_set(err, ERR_NOMEM, "out of memory");
    request->http.read_body = size > 0 ? read_piece : NULL;
    request->http.rewind_body = read_again;
    request->http.read_user = &sending;
    request->http.body_len = (size_t)size;
    int rc = provider_ask(p, request, err);
    digest_end(&sending.digest, hex);
    if (rc == -1 && err && err->kind == ERR_CANCELLED) /* read_piece broke it off */
        return err_set(err, ERR_UNAVAILABLE, "a file that is to be sent cannot be read");
    if (rc == 0 && strcmp(hex, digest) != 0)
        return err_set(err, ERR_UNAVAILABLE, "a file that was sent is not the one that was uploaded; it is sent again");
    return rc;
}

int provider_send(provider_t *p, struct provider_request *request, const void *data, size_t len, struct err *err)
{
    request->http.body = data;
    request->http.body_len = len;
    return provider_ask(p, request, err);
}

/* ---- down ---------------------------------------------------------------------------------------------- */

struct fetching {
    int fd;
    int64_t size;
};

static int write_piece(void *user, const void *data, size_t len)
{
    struct fetching *f = user;
    const char *at = data;
    while (len > 0) {
        ssize_t n = write(f->fd, at, len);
        if (n == -1 && errno == EINTR) continue;
        if (n == -1) return -1;
        at += n;
        len -= (size_t)n;
        f->size += n;
    }
    return 0;
}

int provider_fetch(provider_t *p, struct provider_request *request, int fd, int64_t *size, struct err *err)
{
    struct fetching fetching = {.fd = fd};
    struct err why = {0};
    request->keep = write_piece;
    request->keep_user = &fetching;
    if (provider_ask(p, request, &why) == -1) {
        if (why.kind == ERR_CANCELLED) err_set(&why, ERR_UNAVAILABLE, "there is no room on the disk for what was asked for");
        if (err) *err = why;
        return -1;
    }
    if (lseek(fd, 0, SEEK_SET) == -1) return err_sys(err, ERR_UNAVAILABLE, errno, "a file for an answer");
    *size = fetching.size;
    return 0;
}

/* On a disk where there is one: a memory file would count as ours. */
static int nameless_file(void)
{
    const char *folder = getenv("TMPDIR");
    int fd = open(folder && *folder ? folder : "/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    return fd != -1 ? fd : memfd_create("answer", MFD_CLOEXEC);
}

int provider_fetch_file(provider_t *p, struct provider_request *request, int *fd, int64_t *size, struct err *err)
{
    AUTO_CLOSE int file = nameless_file();
    if (file == -1) return err_sys(err, ERR_UNAVAILABLE, errno, "a file for an answer");
    if (provider_fetch(p, request, file, size, err) == -1) return -1;
    *fd = file;
    file = -1;
    return 0;
}
