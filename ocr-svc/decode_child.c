/* The decoding child: one thread, one document at a time, one answer per request.
 *
 * It is started with its socket as descriptor 3 and nothing else, confines itself, and ends when its parent
 * does.  Everything that a document can break ends here: a crash, an abort at the memory limit or
 * the processor limit is seen by the parent as the page's failure. */
#define _GNU_SOURCE /* memfd_create, F_ADD_SEALS */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>
#include "lib/auto.h"
#include "ocr-svc/child.h"
#include "ocr-svc/decode_format.h"

struct child {
    const struct decode_format *const *formats; /* ends with NULL */
    const struct decode_format *format; /* NULL: no document */
    void *doc;
    int pages;
};

/* ---- confinement --------------------------------------------------------------------------------- */

/* All that this process gives up, in one place. */
static void decode_child_confine(const struct limits *limits)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    child_confine();
    (void)child_deny_network();
    /* What it may allocate, not the space of addresses: that is half taken by libraries that nobody calls. */
#if !defined __SANITIZE_ADDRESS__ && !defined __SANITIZE_THREAD__ /* their shadows take terabytes */
    child_cap(RLIMIT_DATA, limits_data_bytes(limits));
#endif
    child_cap(RLIMIT_FSIZE, limits_file_bytes(limits)); /* a memfd is a file too */
    child_cap(RLIMIT_NOFILE, 64);
}

/* Processor time for one more request: counted from what is used up already. */
static void allow_cpu(int seconds)
{
    struct rusage used;
    struct rlimit r;
    if (getrusage(RUSAGE_SELF, &used) != 0 || getrlimit(RLIMIT_CPU, &r) != 0) return;
    r.rlim_cur = (rlim_t)(used.ru_utime.tv_sec + used.ru_stime.tv_sec + 1 + seconds);
    if (r.rlim_max != RLIM_INFINITY && r.rlim_cur > r.rlim_max) r.rlim_cur = r.rlim_max;
    (void)setrlimit(RLIMIT_CPU, &r);
}

/* ---- memfds -------------------------------------------------------------------------------------- */

/* A shared memory file of exactly `size` bytes, mapped for writing. -1: the limits do not allow it. */
static int memfd_map(const char *name, size_t size, void **map)
{
    int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd < 0) return -1;
    void *p = MAP_FAILED;
    if (ftruncate(fd, (off_t)size) == 0) p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (p == MAP_FAILED) {
        close(fd);
        return -1;
    }
    *map = p;
    return fd;
}

/* After this nobody changes it, we neither. */
static int memfd_seal(int fd, void *map, size_t size)
{
    munmap(map, size);
    return fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL);
}

enum decode_status pixel_sink_begin(struct pixel_sink *s, uint32_t width, uint32_t height, double width_pt,
                                    double height_pt)
{
    uint32_t stride = (width + 3) & ~3u;
    uint64_t total = sizeof(struct pixels_header) + (uint64_t)stride * height;
    void *map;
    int fd = memfd_map("page", total, &map);
    if (fd < 0) return DECODE_PAGE_TOO_LARGE;
    s->fd = fd;
    s->header = map;
    s->grey = (uint8_t *)(s->header + 1);
    *s->header = (struct pixels_header){.magic = DECODE_MAGIC,
                                        .width = width,
                                        .height = height,
                                        .stride = stride,
                                        .depth = 8,
                                        .width_pt = width_pt,
                                        .height_pt = height_pt,
                                        .total = total};
    s->header->dpi = (uint32_t)(width * 72.0 / width_pt + 0.5);
    return DECODE_OK;
}

void word_sink_init(struct word_sink *s)
{
    *s = (struct word_sink){.header.magic = DECODE_MAGIC};
    buf_putc(&s->texts, '\0'); /* offset 0 is "" */
}

void word_sink_done(struct word_sink *s)
{
    buf_done(&s->records);
    buf_done(&s->texts);
}

void word_sink_add(struct word_sink *s, struct word_record record, const char *text, const char *field)
{
    record.text = (uint32_t)s->texts.len;
    buf_add(&s->texts, text, strlen(text) + 1);
    record.field = 0;
    if (field) {
        record.field = (uint32_t)s->texts.len;
        buf_add(&s->texts, field, strlen(field) + 1);
    }
    buf_add(&s->records, &record, sizeof record);
    s->header.n++;
}

/* ---- requests ------------------------------------------------------------------------------------ */

static void close_document(struct child *c)
{
    if (c->format) c->format->close(c->doc);
    *c = (struct child){.formats = c->formats};
}

/* Judged by its first bytes; the mime type that a client states is only a hint, and nobody needs it. */
static const struct decode_format *format_of(const struct child *c, int fd)
{
    uint8_t head[DECODE_HEAD] = {0};
    size_t len = 0;
    while (len < sizeof head) {
        ssize_t n = pread(fd, head + len, sizeof head - len, (off_t)len);
        if (n <= 0) break;
        len += (size_t)n;
    }
    for (const struct decode_format *const *f = c->formats; *f; f++)
        if ((*f)->is(head, len)) return *f;
    return NULL;
}

static enum decode_status do_open(struct child *c, const struct decode_request *r, int fd,
                                  struct decode_reply *reply)
{
    if (fd < 0) return DECODE_DAMAGED;
    const struct decode_format *format = format_of(c, fd);
    enum decode_kind kind = 0;
    int pages = 0;
    void *doc;
    if (!format) {
        close(fd);
        return DECODE_UNSUPPORTED;
    }
    enum decode_status status = format->open(fd, &r->limits, &doc, &kind, &pages);
    if (status != DECODE_OK) return status;
    c->format = format;
    c->doc = doc;
    c->pages = pages;
    if (pages <= 0) return DECODE_NO_PAGES;
    if (pages > r->limits.max_pages) return DECODE_TOO_MANY_PAGES;
    reply->kind = kind;
    reply->pages = (uint32_t)pages;
    return DECODE_OK;
}

static enum decode_status do_words(struct child *c, const struct decode_request *r, int *out)
{
    struct word_sink sink;
    word_sink_init(&sink);
    enum decode_status status = c->format->words ? c->format->words(c->doc, (int)r->page, &sink) : DECODE_OK;
    if (status == DECODE_OK && (sink.records.bad || sink.texts.bad)) status = DECODE_PAGE_TOO_LARGE;
    if (status == DECODE_OK) {
        size_t total = sizeof sink.header + sink.records.len + sink.texts.len;
        void *map;
        *out = memfd_map("words", total, &map);
        if (*out < 0) {
            status = DECODE_PAGE_TOO_LARGE;
        } else {
            char *at = map;
            sink.header.texts = (uint32_t)sink.texts.len;
            sink.header.total = total;
            memcpy(at, &sink.header, sizeof sink.header);
            if (sink.records.len) memcpy(at + sizeof sink.header, sink.records.data, sink.records.len);
            memcpy(at + sizeof sink.header + sink.records.len, sink.texts.data, sink.texts.len);
            if (memfd_seal(*out, map, total) != 0) status = DECODE_NO_MEMORY;
        }
    }
    word_sink_done(&sink);
    return status;
}

static enum decode_status do_pixels(struct child *c, const struct decode_request *r, int *out)
{
    struct pixel_sink sink = {.fd = -1};
    enum decode_status status = c->format->pixels(c->doc, (int)r->page, (int)r->dpi, &sink);
    *out = sink.fd;
    if (sink.fd >= 0 && memfd_seal(sink.fd, sink.header, sink.header->total) != 0 && status == DECODE_OK)
        status = DECODE_NO_MEMORY;
    return status;
}

/* `fd` (-1: none) is the document's; *out is set to a memfd for the answer, or stays -1. */
static enum decode_status answer(struct child *c, const struct decode_request *r, int fd,
                                 struct decode_reply *reply, int *out)
{
    if (r->op == DECODE_OPEN) {
        close_document(c);
        return do_open(c, r, fd, reply);
    }
    if (fd >= 0) close(fd);
    if (r->op == DECODE_HELLO) return DECODE_OK;
    if (!c->format) return DECODE_DAMAGED;
    if (r->page >= (uint32_t)c->pages) return DECODE_NO_SUCH_PAGE;
    return r->op == DECODE_WORDS ? do_words(c, r, out) : do_pixels(c, r, out);
}

/* ---- the socket ---------------------------------------------------------------------------------- */

/* 1: a request, 0: the parent is gone. */
static int take(struct decode_request *request, int *fd)
{
    struct iovec iov = {.iov_base = request, .iov_len = sizeof *request};
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control = {0};
    struct msghdr m = {.msg_iov = &iov,
                       .msg_iovlen = 1,
                       .msg_control = control.bytes,
                       .msg_controllen = sizeof control.bytes};
    *fd = -1;
    ssize_t n;
    do n = recvmsg(CHILD_FD, &m, MSG_CMSG_CLOEXEC);
    while (n == -1 && errno == EINTR);
    if (n != (ssize_t)sizeof *request || request->magic != DECODE_MAGIC) return 0;
    struct cmsghdr *c = CMSG_FIRSTHDR(&m);
    if (c && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS) memcpy(fd, CMSG_DATA(c), sizeof *fd);
    return 1;
}

static int give(const struct decode_reply *reply, int fd)
{
    struct iovec iov = {.iov_base = (void *)(uintptr_t)reply, .iov_len = sizeof *reply};
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control = {0};
    struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1};
    if (fd >= 0) {
        m.msg_control = control.bytes;
        m.msg_controllen = sizeof control.bytes;
        struct cmsghdr *c = CMSG_FIRSTHDR(&m);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(sizeof(int));
        memcpy(CMSG_DATA(c), &fd, sizeof fd);
    }
    ssize_t n;
    do n = sendmsg(CHILD_FD, &m, MSG_NOSIGNAL);
    while (n == -1 && errno == EINTR);
    return n == (ssize_t)sizeof *reply;
}

int decode_child_serve(const struct decode_format *const formats[])
{
    struct child child = {.formats = formats};
    struct decode_request request;
    int fd;
    bool confined = false;
    while (take(&request, &fd)) {
        struct decode_reply reply = {.magic = DECODE_MAGIC, .op = request.op};
        int out = -1;
        if (!confined) decode_child_confine(&request.limits); /* by the first request, before any document */
        confined = true;
        allow_cpu(request.limits.cpu_seconds);
        reply.status = answer(&child, &request, fd, &reply, &out);
        int sent = give(&reply, reply.status == DECODE_OK ? out : -1);
        if (out >= 0) close(out);
        if (!sent) break;
    }
    return 0;
}

int decode_child_main(void)
{
    static const struct decode_format *const formats[] = {&decode_format_pdf, &decode_format_heif,
                                                          &decode_format_image, NULL};
    return decode_child_serve(formats);
}
