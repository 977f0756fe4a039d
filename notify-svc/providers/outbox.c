/* outbox: each message is a file $SHEAF_VAR/outbox/<message id>.eml, which any mail program opens.
 *
 * The file's name is the message's id, so that sending it twice leaves one file.  It is written under a
 * temporary name, made durable, and renamed: a file that is there is whole. */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "lib/auto.h"
#include "lib/digest.h"
#include "notify-svc/providers/providers.h"

#define NAME_MAX_BYTES 200

static int io_error(struct err *err, const char *doing)
{
    return err_sys(err, ERR_UNAVAILABLE, errno, "outbox, %s", doing);
}

static int outbox_open(void **state, const struct settings *settings, struct err *err)
{
    int *folder = malloc(sizeof *folder);
    AUTO_CLOSE int var = -1;
    if (!folder) return err_set(err, ERR_NOMEM, "out of memory");
    *folder = -1;
    if ((mkdir(settings->var, 0700) == 0 || errno == EEXIST) &&
        (var = open(settings->var, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) != -1 &&
        (mkdirat(var, "outbox", 0700) == 0 || errno == EEXIST))
        *folder = openat(var, "outbox", O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (*folder == -1 || fsync(var) == -1) {
        err_sys(err, ERR_CONFIG, errno, "outbox in SHEAF_VAR");
        if (*folder != -1) close(*folder);
        free(folder);
        return -1;
    }
    *state = folder;
    return 0;
}

static void outbox_close(void **state)
{
    int *folder = *state;
    if (!folder) return;
    close(*folder);
    free(folder);
    *state = NULL;
}

/* The part of the id before its '@', with what is no plain character of a file name made one. */
static void file_name(const char *id, char out[NAME_MAX_BYTES])
{
    size_t len = strcspn(id, "@"), n = 0;
    for (; n < len && n < NAME_MAX_BYTES - 5; n++) {
        const char c = id[n];
        const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                           c == '-' || (c == '.' && n > 0);
        out[n] = plain ? c : '_';
    }
    snprintf(out + n, NAME_MAX_BYTES - n, ".eml");
}

static int write_file(int folder, const char *name, const char *data, size_t len, struct err *err)
{
    AUTO_CLOSE int fd = openat(folder, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd == -1) return io_error(err, "create");
    while (len) {
        ssize_t n = write(fd, data, len);
        if (n == -1 && errno == EINTR) continue;
        if (n == -1) return io_error(err, "write");
        data += n;
        len -= (size_t)n;
    }
    return fsync(fd) == -1 ? io_error(err, "fsync") : 0;
}

/* Claimed like everywhere, because another notify-svc may have another folder. */
static int outbox_send(void *state, const struct mail *mail, int64_t deadline_ms, struct err *err)
{
    const int folder = *(int *)state;
    char name[NAME_MAX_BYTES], temp[40];
    uint8_t random[8];
    (void)deadline_ms; /* a small file on a local disk */
    file_name(mail->id, name);
    if (faccessat(folder, name, F_OK, 0) == 0) /* sent before: it only remains to make sure of the name */
        return fsync(folder) == -1 ? io_error(err, "fsync of the folder") : 0;
    random_bytes(random, sizeof random);
    snprintf(temp, sizeof temp, ".%02x%02x%02x%02x%02x%02x%02x%02x.part", random[0], random[1], random[2],
             random[3], random[4], random[5], random[6], random[7]);
    int rc = write_file(folder, temp, mail->data, mail->len, err);
    if (rc == 0) rc = claim_take(mail->claim, err);
    if (rc == 0 && renameat(folder, temp, folder, name) == -1) {
        rc = io_error(err, "rename");
        claim_drop(mail->claim);
    }
    if (rc == 0 && fsync(folder) == -1) rc = io_error(err, "fsync of the folder");
    if (rc == -1) (void)unlinkat(folder, temp, 0);
    return rc;
}

const struct channel channel_outbox = {
    .name = "outbox", .open = outbox_open, .send = outbox_send, .close = outbox_close};
