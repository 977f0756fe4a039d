#define _GNU_SOURCE /* F_GET_SEALS */
#include "ocr-svc/decode.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "lib/auto.h"
#include "lib/clock.h"
#include "lib/metrics.h"
#include "ocr-svc/child.h"
#include "ocr-svc/page.h"

#define START_MS 20000 /* until a new child answers; only a machine on its knees needs seconds */

static struct metric child_starts =
    METRIC_COUNTER("sheaf_ocr_child_starts_total", "decoding children started");
static struct metric child_deaths =
    METRIC_COUNTER1("sheaf_ocr_child_deaths_total",
                    "decoding children that a document ended, by what was said of it", "cause");

struct decoder {
    struct limits limits;
    pid_t pid; /* 0: no child */
    int sock;  /* -1: no child */
    int openings; /* asked of this child */
    bool open;    /* a document is open in the child */
    bool kept;   /* … from the page before */
    bool failed; /* … and something was asked of it in vain */
    int file;    /* our own hold of it, so that no other file can pass for it; -1: none, or it is not to be kept */
    struct decode_document document;
};

const char *decode_kind_name(enum decode_kind kind)
{
    switch (kind) {
    case DECODE_PDF:
        return "pdf";
    case DECODE_IMAGE:
        return "image";
    case DECODE_TIFF:
        return "tiff";
    case DECODE_KINDS:
        break;
    }
    return "?";
}

/* ---- the child's life ---------------------------------------------------------------------------- */

/* The next page opens the document again, whichever it is of. */
static void let_go(struct decoder *d)
{
    if (d->file >= 0) close(d->file);
    d->file = -1;
}

/* Ends the child, if there is one, and says how it ended (0: nothing is known). */
static int child_end(struct decoder *d, bool by_force)
{
    int status = 0;
    if (d->sock >= 0) close(d->sock);
    d->sock = -1;
    d->open = false;
    let_go(d);
    if (d->pid <= 0) return 0;
    if (by_force) kill(d->pid, SIGKILL);
    while (waitpid(d->pid, &status, 0) == -1 && errno == EINTR) {
    }
    d->pid = 0;
    return status;
}

/* What a death that we did not cause says about the document. */
static enum decode_status cause_of_death(int status)
{
    if (WIFSIGNALED(status)) {
        switch (WTERMSIG(status)) {
        case SIGXCPU:
            return DECODE_TIMEOUT;
        /* glib, poppler and the C++ runtime abort when an allocation fails, and the limit on memory is what
         * makes it fail; so do the limits on a picture's size. */
        case SIGABRT:
        case SIGTRAP:
        case SIGXFSZ:
            return DECODE_PAGE_TOO_LARGE;
        /* Not by us: the kernel, out of memory. The machine's trouble as much as the document's. */
        case SIGKILL:
            return DECODE_NO_MEMORY;
        default:
            return DECODE_DAMAGED;
        }
    }
    return DECODE_DAMAGED;
}

static const char *cause_name(enum decode_status cause)
{
    switch (cause) {
    case DECODE_TIMEOUT:
        return "timeout";
    case DECODE_PAGE_TOO_LARGE:
        return "page_too_large";
    case DECODE_NO_MEMORY:
        return "killed";
    default:
        return "damaged";
    }
}

static int child_died(struct decoder *d, bool by_us, struct err *err)
{
    int status = child_end(d, by_us);
    enum decode_status cause = by_us ? DECODE_TIMEOUT : cause_of_death(status);
    metric_add(&child_deaths, cause_name(cause), 1);
    (void)limits_refuse(&d->limits, cause, err);
    /* Out of processor time, not of time: no busy machine did that, and a second attempt would end the same way. */
    if (cause == DECODE_TIMEOUT && !by_us && err) err->kind = ERR_LIMIT;
    return -1;
}

/* ---- messages ------------------------------------------------------------------------------------ */

static int send_request(struct decoder *d, const struct decode_request *request, int fd)
{
    struct iovec iov = {.iov_base = (void *)(uintptr_t)request, .iov_len = sizeof *request};
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
    do n = sendmsg(d->sock, &m, MSG_NOSIGNAL);
    while (n == -1 && errno == EINTR);
    return n == (ssize_t)sizeof *request ? 0 : -1;
}

/* At most one descriptor is taken from a message; what a child sends beyond it is closed by the kernel (the
 * control buffer has no place for more). */
static ssize_t receive_reply(int sock, struct decode_reply *reply, int *fd)
{
    struct iovec iov = {.iov_base = reply, .iov_len = sizeof *reply};
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
    do n = recvmsg(sock, &m, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
    while (n == -1 && errno == EINTR);
    if (n < 0) return n;
    for (struct cmsghdr *c = CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c))
        if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS && c->cmsg_len == CMSG_LEN(sizeof(int)))
            memcpy(fd, CMSG_DATA(c), sizeof *fd);
    return n;
}

/* 1: readable or hung up, 0: the deadline passed. */
static int wait_readable(int sock, int64_t deadline_ms)
{
    for (;;) {
        int64_t left = deadline_ms - clock_ms();
        if (left <= 0) return 0;
        struct pollfd p = {.fd = sock, .events = POLLIN};
        int n = poll(&p, 1, left > 60000 ? 60000 : (int)left);
        if (n > 0) return 1;
        if (n == -1 && errno != EINTR) return 1; /* recvmsg will say what is wrong */
    }
}

/* One request and its answer. On 0 *reply has been checked and *fd is the caller's (-1: none came). */
static int exchange(struct decoder *d, const struct decode_request *request, int give_fd, int64_t deadline_ms,
                    struct decode_reply *reply, int *fd, struct err *err)
{
    if (send_request(d, request, give_fd) != 0) return child_died(d, false, err);
    if (!wait_readable(d->sock, deadline_ms)) return child_died(d, true, err);
    ssize_t n = receive_reply(d->sock, reply, fd);
    if (n <= 0) return child_died(d, false, err);
    bool sound = n == (ssize_t)sizeof *reply && reply->magic == DECODE_MAGIC && reply->op == request->op &&
                 reply->status < DECODE_STATUSES;
    if (sound && reply->status == DECODE_OK) return 0;
    if (*fd >= 0) close(*fd);
    *fd = -1;
    if (sound) return limits_refuse(&d->limits, (enum decode_status)reply->status, err);
    (void)child_end(d, true); /* it talks nonsense: taken over, or broken beyond knowing */
    metric_add(&child_deaths, "damaged", 1);
    return limits_refuse(&d->limits, DECODE_DAMAGED, err);
}

static int child_start(struct decoder *d, struct err *err)
{
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
        return err_sys(err, ERR_UNAVAILABLE, errno, "no socket pair for the decoding child");
    char self[] = "ocr-svc", arg[] = DECODE_CHILD;
    int bad = child_spawn(&d->pid, (char *[]){self, arg, NULL}, &pair[1], 1);
    close(pair[1]);
    if (bad) {
        close(pair[0]);
        d->pid = 0;
        return err_sys(err, ERR_UNAVAILABLE, bad, "the decoding child cannot be started");
    }
    d->sock = pair[0];
    d->openings = 0;
    d->open = false;
    metric_add(&child_starts, NULL, 1);

    struct decode_request hello = {.magic = DECODE_MAGIC, .op = DECODE_HELLO, .limits = d->limits};
    struct decode_reply reply;
    int fd;
    if (exchange(d, &hello, -1, clock_ms() + START_MS, &reply, &fd, NULL) != 0) {
        (void)child_end(d, true);
        return err_set(err, ERR_UNAVAILABLE,
                       "the decoding child does not start: it ended before it answered");
    }
    if (fd >= 0) close(fd);
    return 0;
}

decoder_t *decoder_new(const struct limits *limits, struct err *err)
{
    struct decoder *d = calloc(1, sizeof *d);
    if (!d) {
        err_set(err, ERR_NOMEM, "out of memory");
        return NULL;
    }
    d->limits = *limits;
    d->sock = d->file = -1;
    if (child_start(d, err) != 0) {
        free(d);
        return NULL;
    }
    return d;
}

void decoder_destroy(decoder_t **d)
{
    if (!*d) return;
    (void)child_end(*d, true); /* whatever it is doing, nobody waits for it */
    free(*d);
    *d = NULL;
}

/* ---- operations ---------------------------------------------------------------------------------- */

static int64_t sooner(const struct decoder *d, int64_t deadline_ms)
{
    int64_t limit = clock_ms() + d->limits.wall_ms;
    return limit < deadline_ms ? limit : deadline_ms;
}

/* A child that died while it had nothing to do died of no document, and none is blamed for it. */
static void bury_idle_child(struct decoder *d)
{
    siginfo_t ended = {0};
    if (d->pid <= 0 || waitid(P_PID, (id_t)d->pid, &ended, WEXITED | WNOHANG | WNOWAIT) != 0) return;
    if (ended.si_pid != d->pid) return;
    (void)child_end(d, false);
    metric_add(&child_deaths, "idle", 1);
}

/* Pages of a document mostly follow each other, and to open it costs as much as to read a page of text, or far more where its
 * list of objects has to be made anew. */
static bool is_open(const struct decoder *d, int fd)
{
    struct stat have, wanted;
    return d->open && d->file >= 0 && fstat(d->file, &have) == 0 && fstat(fd, &wanted) == 0 && have.st_dev == wanted.st_dev &&
           have.st_ino == wanted.st_ino;
}

static int open_in_child(struct decoder *d, int fd, int64_t deadline_ms, struct err *err)
{
    struct decode_request request = {.magic = DECODE_MAGIC, .op = DECODE_OPEN, .limits = d->limits};
    struct decode_reply reply;
    int extra;
    if (exchange(d, &request, fd, sooner(d, deadline_ms), &reply, &extra, err) != 0) return -1;
    if (extra >= 0) close(extra);
    if (reply.kind == 0 || reply.kind >= DECODE_KINDS) return limits_refuse(&d->limits, DECODE_DAMAGED, err);
    if (reply.pages == 0) return limits_refuse(&d->limits, DECODE_NO_PAGES, err);
    if (reply.pages > (uint32_t)d->limits.max_pages)
        return limits_refuse(&d->limits, DECODE_TOO_MANY_PAGES, err);
    d->open = true;
    d->document = (struct decode_document){.kind = (enum decode_kind)reply.kind, .pages = (int)reply.pages};
    return 0;
}

int decoder_open(decoder_t *d, int fd, int64_t deadline_ms, struct decode_document *out, struct err *err)
{
    bury_idle_child(d);
    if (d->openings >= DECODE_OPENINGS_PER_CHILD) (void)child_end(d, true);
    if (d->pid == 0 && child_start(d, err) != 0) return -1;
    d->openings++;
    d->kept = is_open(d, fd);
    d->failed = false;
    if (!d->kept) {
        d->open = false;
        let_go(d);
        if (open_in_child(d, fd, deadline_ms, err) != 0) return -1;
        d->file = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    }
    *out = d->document;
    return 0;
}

bool decoder_failed_kept(const decoder_t *d)
{
    return d->kept && d->failed;
}

/* Maps the memfd of an answer; a child that has not sealed it, or lies about its size, is not listened to. */
static int map_sealed(int fd, size_t least, void **map, size_t *size)
{
    const int seals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;
    struct stat st;
    int have = fd < 0 ? -1 : fcntl(fd, F_GET_SEALS);
    if (have == -1 || (have & seals) != seals) return -1;
    if (fstat(fd, &st) != 0 || st.st_size < (off_t)least || st.st_size > INT32_MAX) return -1;
    void *p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_SHARED, fd, 0);
    if (p == MAP_FAILED) return -1;
    *map = p;
    *size = (size_t)st.st_size;
    return 0;
}

/* Asks for a memfd and maps it. The header is the caller's to check. */
static int fetch(struct decoder *d, const struct decode_request *request, int64_t deadline_ms, size_t least,
                 void **map, size_t *size, struct err *err)
{
    if (!d->open) return err_set(err, ERR_UNAVAILABLE, "the document is not open: its decoding child ended");
    struct decode_reply reply;
    int fd;
    struct err why = {0};
    if (exchange(d, request, -1, sooner(d, deadline_ms), &reply, &fd, &why) != 0) {
        d->failed = strcmp(why.code, "timeout") != 0;
        let_go(d); /* what went wrong on this page may have left the document in no state for the next */
        if (err) *err = why;
        return -1;
    }
    int mapped = map_sealed(fd, least, map, size);
    if (fd >= 0) close(fd);
    return mapped == 0 ? 0 : limits_refuse(&d->limits, DECODE_DAMAGED, err);
}

static bool words_sound(const struct decode_words *w)
{
    const struct words_header *h = w->head;
    if (h->magic != DECODE_MAGIC || h->total != w->size) return false;
    if (w->size != sizeof *h + (uint64_t)h->n * sizeof(struct word_record) + h->texts) return false;
    if (!isfinite(h->width_pt) || !isfinite(h->height_pt) || h->turn >= 360 || h->turn % 90 != 0) return false;
    if (h->texts == 0 || w->texts[h->texts - 1] != '\0') return false;
    for (uint32_t i = 0; i < h->n; i++)
        if (w->words[i].text >= h->texts || w->words[i].field >= h->texts) return false;
    return true;
}

int decoder_words(decoder_t *d, int page, int64_t deadline_ms, struct decode_words *out, struct err *err)
{
    struct decode_request request = {
        .magic = DECODE_MAGIC, .op = DECODE_WORDS, .page = (uint32_t)page, .limits = d->limits};
    struct decode_words w = {0};
    if (fetch(d, &request, deadline_ms, sizeof *w.head, &w.map, &w.size, err) != 0) return -1;
    w.head = w.map;
    w.words = (const struct word_record *)(w.head + 1);
    size_t records = w.head->n <= PAGE_MAX_WORDS ? w.head->n * sizeof(struct word_record) : SIZE_MAX;
    if (records < w.size - sizeof *w.head) {
        w.texts = (const char *)(w.head + 1) + records;
        if (words_sound(&w)) {
            *out = w;
            return 0;
        }
    }
    decode_words_done(&w);
    return limits_refuse(&d->limits, DECODE_DAMAGED, err);
}

static bool pixels_sound(const struct limits *limits, const struct decode_pixels *p)
{
    const struct pixels_header *h = p->head;
    return h->magic == DECODE_MAGIC && h->total == p->size && h->depth == 8 && h->width <= LIMITS_MAX_SIDE &&
           h->height <= LIMITS_MAX_SIDE && limits_pixels_ok(limits, h->width, h->height) &&
           h->stride >= h->width && h->stride <= h->width + 64 &&
           p->size == sizeof *h + (uint64_t)h->stride * h->height;
}

int decoder_pixels(decoder_t *d, int page, int dpi, int64_t deadline_ms, struct decode_pixels *out,
                   struct err *err)
{
    struct decode_request request = {.magic = DECODE_MAGIC,
                                     .op = DECODE_PIXELS,
                                     .page = (uint32_t)page,
                                     .dpi = (uint32_t)dpi,
                                     .limits = d->limits};
    struct decode_pixels p = {0};
    if (fetch(d, &request, deadline_ms, sizeof *p.head, &p.map, &p.size, err) != 0) return -1;
    p.head = p.map;
    p.grey = (const uint8_t *)(p.head + 1);
    if (pixels_sound(&d->limits, &p)) {
        *out = p;
        return 0;
    }
    decode_pixels_done(&p);
    return limits_refuse(&d->limits, DECODE_DAMAGED, err);
}

void decode_words_done(struct decode_words *w)
{
    if (w->map) munmap(w->map, w->size);
    *w = (struct decode_words){0};
}

void decode_pixels_done(struct decode_pixels *p)
{
    if (p->map) munmap(p->map, p->size);
    *p = (struct decode_pixels){0};
}
