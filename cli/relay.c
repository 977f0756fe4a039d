#include "cli/relay.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAX_LINE       (16 * 1024) /* a longer line goes out in pieces */
#define MAX_FILE_BYTES (16L << 20)
#define SHOWN_MOST     4000 /* what a pipe that takes anything takes at once (PIPE_BUF), with the name before it */
#define PATIENCE_MS    500

static void file_open(struct relay *r)
{
    struct stat st;
    r->file = open(r->path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    r->file_bytes = r->file >= 0 && fstat(r->file, &st) == 0 ? (long)st.st_size : 0;
}

static void file_rotate(struct relay *r)
{
    char old[sizeof r->path + 2];
    (void)snprintf(old, sizeof old, "%s.1", r->path);
    (void)rename(r->path, old);
    close(r->file);
    file_open(r);
}

void relay_init(struct relay *r, const char *name, const char *path, int colour, bool quiet)
{
    *r = (struct relay){.colour = colour, .quiet = quiet, .file = -1};
    (void)snprintf(r->name, sizeof r->name, "%s", name);
    (void)snprintf(r->path, sizeof r->path, "%s", path);
    file_open(r);
}

void relay_done(struct relay *r)
{
    if (r->file >= 0) close(r->file);
    r->file = -1;
    buf_done(&r->line);
}

static bool is_taking(struct relay *r)
{
    struct pollfd p = {.fd = STDERR_FILENO, .events = POLLOUT};
    r->stuck = poll(&p, 1, r->stuck ? 0 : PATIENCE_MS) == 0;
    return !r->stuck;
}

/* A full disk or a closed terminal must not stop the services, so a failed write is passed over. */
static void emit(struct relay *r, const char *text, size_t len)
{
    if (r->file >= 0 && r->file_bytes > MAX_FILE_BYTES) file_rotate(r);
    if (r->file >= 0) {
        r->file_bytes += (long)len + 1;
        if (dprintf(r->file, "%.*s\n", (int)len, text) < 0) r->file_bytes = 0;
    }
    if (r->quiet || !is_taking(r)) return;
    if (len > SHOWN_MOST) len = SHOWN_MOST;
    if (r->colour)
        (void)dprintf(STDERR_FILENO, "\033[%dm%-14s\033[0m│ %.*s\n", r->colour, r->name, (int)len, text);
    else
        (void)dprintf(STDERR_FILENO, "%-14s| %.*s\n", r->name, (int)len, text);
}

static void take(struct relay *r, const char *data, size_t len)
{
    while (len > 0) {
        const char *end = memchr(data, '\n', len);
        size_t n = end ? (size_t)(end - data) : len;
        buf_add(&r->line, data, n);
        if (r->line.bad) buf_clear(&r->line);
        if (end || r->line.len > MAX_LINE) {
            if (r->line.data) emit(r, r->line.data, r->line.len);
            buf_clear(&r->line);
        }
        n += end != NULL;
        data += n;
        len -= n;
    }
}

bool relay_read(struct relay *r, int fd)
{
    char data[8192];
    /* A few rounds at most: a child that writes without end must not keep the others waiting. */
    for (int round = 0; round < 8; round++) {
        ssize_t n = read(fd, data, sizeof data);
        if (n > 0) {
            take(r, data, (size_t)n);
            continue;
        }
        if (n == -1 && (errno == EAGAIN || errno == EINTR)) return true;
        if (r->line.len > 0) take(r, "\n", 1);
        return false;
    }
    return true;
}

void relay_say(struct relay *r, const char *fmt, ...)
{
    char text[1024];
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    emit(r, text, strlen(text));
}
