#define _GNU_SOURCE /* memfd_create, pidfd_open */
#include "ocr-svc/office.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "lib/auto.h"
#include "lib/clock.h"
#include "lib/metrics.h"
#include "ocr-svc/child.h"
#include "ocr-svc/limits.h"

/* A letter takes LibreOffice a second and a half of processor time, most of it its own start; the wall limit is wider, so
 * that a busy machine is not taken for a hostile document. */
#define CPU_SECONDS 12
#define WALL_MS     20000
#define LOOK_MS     100  /* between two looks whether the document is still wanted */
#define GRACE_MS    5000 /* for the keeper to clean up; after that it is ended itself */

#define NONE "none" /* SHEAF_OFFICE: do not look for it */

static struct metric conversions =
    METRIC_COUNTER1("sheaf_ocr_office_total", "Word documents given to LibreOffice, by what came of it", "outcome");

/* ---- finding it ---------------------------------------------------------------------------------- */

static bool runs(const char *program)
{
    struct stat st;
    return stat(program, &st) == 0 && S_ISREG(st.st_mode) && access(program, X_OK) == 0;
}

/* In PATH, else where Debian's package has it. */
static void find_program(char out[PATH_MAX])
{
    const char *path = getenv("PATH");
    for (const char *at = path ? path : ""; *at;) {
        size_t len = strcspn(at, ":");
        snprintf(out, PATH_MAX, "%.*s/soffice", (int)len, at);
        if (*at == '/' && runs(out)) return;
        at += len + (at[len] == ':');
    }
    snprintf(out, PATH_MAX, "/usr/lib/libreoffice/program/soffice");
    if (!runs(out)) *out = '\0';
}

int office_start(struct office *office, const struct settings *settings, struct err *err)
{
    const char *named = settings->office;
    *office = (struct office){
        .data_bytes = settings->ocr_child_bytes, .cpu_seconds = CPU_SECONDS, .wall_ms = WALL_MS};
    if (named && strcmp(named, NONE) == 0) return 0;
    if (named && !runs(named))
        return err_set(err, ERR_CONFIG, "SHEAF_OFFICE: %s is not a program that can be started", named);
    if (named)
        snprintf(office->program, sizeof office->program, "%s", named);
    else
        find_program(office->program);
    if ((size_t)snprintf(office->folder, sizeof office->folder, "%s/office", settings->var) >= sizeof office->folder)
        return err_set(err, ERR_CONFIG, "SHEAF_VAR is too long");
    office_sweep(office->folder);
    return 0;
}

/* ---- one document -------------------------------------------------------------------------------- */

static enum office_kind judge(int fd)
{
    struct stat st;
    if (fstat(fd, &st) != 0 || st.st_size <= 0) return OFFICE_NONE;
    void *data = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (data == MAP_FAILED) return OFFICE_NONE;
    enum office_kind kind = office_judge(data, (size_t)st.st_size);
    munmap(data, (size_t)st.st_size);
    return kind;
}

static bool cancelled(const struct ocr_wait *wait)
{
    return wait->cancelled && wait->cancelled(wait->of);
}

/* Waits for the keeper, whose life hangs on *life; its status as waitpid() says it. */
static int await(pid_t pid, int *life, int64_t deadline_ms, const struct ocr_wait *wait)
{
    int status = -1;
    AUTO_CLOSE int handle = pidfd_open(pid, 0);
    struct pollfd p = {.fd = handle, .events = POLLIN};
    while (handle >= 0 && poll(&p, 1, LOOK_MS) <= 0) {
        if (*life >= 0 && (cancelled(wait) || clock_ms() >= deadline_ms)) {
            close(*life);
            *life = -1;
        }
        if (clock_ms() >= deadline_ms + GRACE_MS) break;
    }
    if (*life >= 0) close(*life);
    *life = -1;
    if (!(p.revents & POLLIN)) kill(pid, SIGKILL);
    while (waitpid(pid, &status, 0) == -1 && errno == EINTR) {
    }
    return status;
}

/* The folder of all conversions, made when the first one needs it; LibreOffice wants its absolute name. */
static int make_folder(const struct office *office, char out[PATH_MAX], struct err *err)
{
    char *slash = strrchr(strcpy(out, office->folder), '/');
    if (slash) *slash = '\0';
    if (slash && slash > out && mkdir(out, 0700) == -1 && errno != EEXIST)
        return err_sys(err, ERR_UNAVAILABLE, errno, "SHEAF_VAR");
    if ((mkdir(office->folder, 0700) == -1 && errno != EEXIST) || !realpath(office->folder, out))
        return err_sys(err, ERR_UNAVAILABLE, errno, "a folder in SHEAF_VAR");
    return 0;
}

static int convert(const struct office *office, int fd, const char *suffix, const struct ocr_wait *wait, int pdf,
                   enum office_end *end, struct err *err)
{
    int life[2];
    pid_t pid;
    int64_t now = clock_ms(), left = wait->deadline_ms - now;
    int64_t wall = left < office->wall_ms ? left : office->wall_ms;
    char self[] = "ocr-svc", arg[] = OFFICE_CHILD, program[PATH_MAX], folder[PATH_MAX], kind[8], bytes[24], seconds[24],
         ms[24];
    snprintf(program, sizeof program, "%s", office->program);
    snprintf(kind, sizeof kind, "%s", suffix);
    snprintf(bytes, sizeof bytes, "%lld", (long long)office->data_bytes);
    snprintf(seconds, sizeof seconds, "%d", office->cpu_seconds);
    snprintf(ms, sizeof ms, "%lld", (long long)wall);
    if (make_folder(office, folder, err) != 0) return -1;
    if (pipe2(life, O_CLOEXEC) != 0) return err_sys(err, ERR_UNAVAILABLE, errno, "no pipe for LibreOffice's keeper");
    int bad = child_spawn(&pid, (char *[]){self, arg, program, folder, kind, bytes, seconds, ms, NULL},
                          (int[]){fd, pdf, life[0]}, 3);
    close(life[0]);
    if (bad) {
        close(life[1]);
        return err_sys(err, ERR_UNAVAILABLE, bad, "LibreOffice's keeper cannot be started");
    }
    int status = await(pid, &life[1], now + wall + GRACE_MS, wait);
    if (cancelled(wait)) return err_set(err, ERR_CANCELLED, "not wanted any more");
    *end = WIFEXITED(status) && WEXITSTATUS(status) < OFFICE_ENDS ? (enum office_end)WEXITSTATUS(status)
                                                                  : OFFICE_NO_ROOM;
    return 0;
}

static int refuse(enum office_kind kind, const struct office *office, struct err *err)
{
    if (kind == OFFICE_OTHER)
        return err_code(err, ERR_INPUT, "unsupported_type",
                        "This file is neither a Word document nor of another type that can be read.");
    if (kind == OFFICE_LOCKED) return limits_refuse(NULL, DECODE_ENCRYPTED, err);
    if (!office->program[0])
        return err_code(err, ERR_INPUT, "unsupported_type",
                        "Word documents need LibreOffice, which this server does not have; please save it as PDF.");
    return 0;
}

static int settle(enum office_end end, struct err *err)
{
    static const char *const names[OFFICE_ENDS] = {
        [OFFICE_MADE] = "made", [OFFICE_UNREADABLE] = "unreadable", [OFFICE_TOO_SLOW] = "too_slow",
        [OFFICE_TIMED_OUT] = "timeout", [OFFICE_NO_ROOM] = "no_room"};
    metric_add(&conversions, names[end], 1);
    switch (end) {
    case OFFICE_MADE:
        return 0;
    case OFFICE_UNREADABLE:
        return err_code(err, ERR_INPUT, "damaged",
                        "LibreOffice could not open this Word document. Save it as PDF and upload that.");
    case OFFICE_TOO_SLOW:
        return err_code(err, ERR_LIMIT, "timeout",
                        "This Word document took LibreOffice too long. Save it as PDF and upload that.");
    case OFFICE_TIMED_OUT:
        return err_code(err, ERR_TIMEOUT, "timeout", "LibreOffice did not finish this Word document in time.");
    case OFFICE_NO_ROOM:
    case OFFICE_ENDS:
        break;
    }
    return err_set(err, ERR_UNAVAILABLE, "LibreOffice could not be started, or the disk is full");
}

int office_to_pdf(const struct office *office, int fd, const struct ocr_wait *wait, int *pdf, struct err *err)
{
    enum office_kind kind = judge(fd);
    enum office_end end;
    if (kind == OFFICE_NONE) {
        *pdf = -1;
        return 0;
    }
    if (refuse(kind, office, err) != 0) return -1;
    AUTO_CLOSE int made = memfd_create("pdf", MFD_CLOEXEC);
    if (made < 0) return err_sys(err, ERR_UNAVAILABLE, errno, "no memory for a document");
    if (convert(office, fd, kind == OFFICE_DOC ? "doc" : "docx", wait, made, &end, err) != 0) return -1;
    if (settle(end, err) != 0) return -1;
    (void)lseek(made, 0, SEEK_SET);
    *pdf = made;
    made = -1;
    return 0;
}
