#include "cli/multipart.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/buf.h"
#include "lib/digest.h"

/* A run of text, or of a file's bytes. */
struct piece {
    struct buf text;
    int fd; /* -1: text */
    uint64_t size;
};

struct multipart {
    struct piece *pieces;
    size_t n, at;
    uint64_t offset; /* in pieces[at] */
    uint64_t length, sent;
    char boundary[48], header[112];
};

/* The closing line stands behind whatever was added, so it is no piece of its own. */
#define CLOSING_LEN(m) (strlen((m)->boundary) + 8) /* "\r\n--" boundary "--\r\n" */

multipart_t *multipart_new(struct err *err)
{
    unsigned char random[12];
    struct multipart *m = calloc(1, sizeof *m);
    if (!m) {
        (void)err_set(err, ERR_NOMEM, "no memory");
        return NULL;
    }
    random_bytes(random, sizeof random);
    size_t n = (size_t)snprintf(m->boundary, sizeof m->boundary, "sheaf");
    for (size_t i = 0; i < sizeof random; i++)
        n += (size_t)snprintf(m->boundary + n, sizeof m->boundary - n, "%02x", random[i]);
    (void)snprintf(m->header, sizeof m->header, "Content-Type: multipart/form-data; boundary=%s",
                   m->boundary);
    return m;
}

void multipart_destroy(multipart_t **m)
{
    if (!*m) return;
    for (size_t i = 0; i < (*m)->n; i++) {
        buf_done(&(*m)->pieces[i].text);
        if ((*m)->pieces[i].fd >= 0) close((*m)->pieces[i].fd);
    }
    free((*m)->pieces);
    free(*m);
    *m = NULL;
}

/* Takes text and descriptor on success. */
static int add_piece(struct multipart *m, struct buf *text, int fd, uint64_t size, struct err *err)
{
    struct piece *pieces = realloc(m->pieces, sizeof *pieces * (m->n + 1));
    if (pieces) m->pieces = pieces;
    if (!pieces || (text && text->bad)) return err_set(err, ERR_NOMEM, "no memory");
    pieces[m->n++] =
        (struct piece){.text = text ? *text : BUF_INIT, .fd = fd, .size = text ? text->len : size};
    m->length += text ? text->len : size;
    return 0;
}

/* Quotes and line ends in names are written as browsers do (WHATWG form-data encoding). */
static void add_quoted(struct buf *b, const char *text)
{
    for (; *text; text++) {
        if (*text == '"')
            buf_puts(b, "%22");
        else if (*text == '\r')
            buf_puts(b, "%0D");
        else if (*text == '\n')
            buf_puts(b, "%0A");
        else
            buf_putc(b, *text);
    }
}

static void add_part_head(const struct multipart *m, struct buf *b, const char *name)
{
    buf_printf(b, "%s--%s\r\nContent-Disposition: form-data; name=\"%s\"", m->n ? "\r\n" : "", m->boundary,
               name);
}

int multipart_add_text(multipart_t *m, const char *name, const char *value, struct err *err)
{
    struct buf b = BUF_INIT;
    add_part_head(m, &b, name);
    buf_printf(&b, "\r\n\r\n%s", value);
    if (add_piece(m, &b, -1, 0, err) == 0) return 0;
    buf_done(&b);
    return -1;
}

static int open_file(const char *path, uint64_t *size, struct err *err)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK); /* a pipe that nobody writes to would be waited for */
    if (fd == -1) return err_sys(err, ERR_INPUT, errno, "%.120s", path);
    if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode)) {
        *size = (uint64_t)st.st_size;
        return fd;
    }
    close(fd);
    return err_set(err, ERR_INPUT, "%.120s is not a file", path);
}

int multipart_add_file(multipart_t *m, const char *name, const char *path, struct err *err)
{
    const char *slash = strrchr(path, '/');
    struct buf b = BUF_INIT;
    uint64_t size = 0;
    int fd = open_file(path, &size, err);
    if (fd == -1) return -1;
    add_part_head(m, &b, name);
    buf_puts(&b, "; filename=\"");
    add_quoted(&b, slash ? slash + 1 : path);
    /* The gateway judges by content, never by name, so nothing better is claimed here. */
    buf_puts(&b, "\"\r\nContent-Type: application/octet-stream\r\n\r\n");
    if (add_piece(m, &b, -1, 0, err) == -1) {
        buf_done(&b);
        close(fd);
        return -1;
    }
    if (add_piece(m, NULL, fd, size, err) == 0) return 0;
    close(fd);
    return -1;
}

const char *multipart_header(const multipart_t *m)
{
    return m->header;
}

uint64_t multipart_length(const multipart_t *m)
{
    return m->length + CLOSING_LEN(m);
}

uint64_t multipart_sent(const multipart_t *m)
{
    return m->sent;
}

void multipart_rewind(multipart_t *m)
{
    m->at = 0;
    m->offset = m->sent = 0;
}

static int64_t read_closing(struct multipart *m, void *out, size_t room)
{
    char closing[64];
    size_t len = (size_t)snprintf(closing, sizeof closing, "\r\n--%s--\r\n", m->boundary);
    size_t left = len - (size_t)m->offset, n = left < room ? left : room;
    memcpy(out, closing + m->offset, n);
    return (int64_t)n;
}

static int64_t read_piece(const struct piece *p, uint64_t offset, void *out, size_t room)
{
    uint64_t left = p->size - offset;
    size_t want = left < room ? (size_t)left : room;
    if (p->fd == -1) {
        memcpy(out, p->text.data + offset, want);
        return (int64_t)want;
    }
    ssize_t n;
    while ((n = pread(p->fd, out, want, (off_t)offset)) == -1 && errno == EINTR) {
    }
    return n > 0 ? n : -1; /* 0: the file was cut since it was measured */
}

int64_t multipart_read(void *user, void *out, size_t room)
{
    struct multipart *m = user;
    while (m->at < m->n && m->offset == m->pieces[m->at].size) {
        m->at++;
        m->offset = 0;
    }
    int64_t n =
        m->at < m->n ? read_piece(&m->pieces[m->at], m->offset, out, room) : read_closing(m, out, room);
    if (n <= 0) return n;
    m->offset += (uint64_t)n;
    m->sent += (uint64_t)n;
    return n;
}
