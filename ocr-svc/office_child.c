/* LibreOffice's keeper: one document, one folder, one process that must not outlive its time.
 *
 * Started with the document, a memfd for the PDF and a pipe that ends when nobody waits any more.  Whatever happens
 * between, it ends all that it started and removes its folder before it goes. */
#define _GNU_SOURCE /* pidfd_open, mkdtemp */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "lib/auto.h"
#include "lib/clock.h"
#include "ocr-svc/child.h"
#include "ocr-svc/office.h"

/* What a user may have set for himself has no say here: no macro runs, and nothing that a document links to, on the
 * network or on this disk, is fetched. */
static const char profile[] =
    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
    "<oor:items xmlns:oor=\"http://openoffice.org/2001/registry\">\n"
    "<item oor:path=\"/org.openoffice.Office.Common/Security/Scripting\">"
    "<prop oor:name=\"MacroSecurityLevel\" oor:op=\"fuse\"><value>3</value></prop>"
    "<prop oor:name=\"DisableMacrosExecution\" oor:op=\"fuse\"><value>true</value></prop>"
    "<prop oor:name=\"BlockUntrustedRefererLinks\" oor:op=\"fuse\"><value>true</value></prop></item>\n"
    "<item oor:path=\"/org.openoffice.Office.Writer/Content/Update\">"
    "<prop oor:name=\"Link\" oor:op=\"fuse\"><value>0</value></prop></item>\n"
    "</oor:items>\n";

#define TICKS_US 100000 /* the limit on processor time is kept by another clock than the one that we read */

struct keeper {
    const char *program;
    bool docx;
    int64_t data_bytes, deadline_ms;
    int cpu_seconds;
    char folder[PATH_MAX];
    int dir; /* the folder, locked: who finds it unlocked may remove it */
};

/* ---- the folder ---------------------------------------------------------------------------------- */

static void empty(int dir)
{
    int copy = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *d = copy < 0 ? NULL : fdopendir(copy);
    if (!d && copy >= 0) close(copy);
    for (struct dirent *e; d && (e = readdir(d));) {
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0) continue;
        if (unlinkat(dir, e->d_name, 0) == 0) continue;
        AUTO_CLOSE int inner = openat(dir, e->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (inner >= 0) empty(inner);
        (void)unlinkat(dir, e->d_name, AT_REMOVEDIR);
    }
    if (d) closedir(d);
}

static int folder_make(struct keeper *k, const char *root)
{
    if ((size_t)snprintf(k->folder, sizeof k->folder, "%s/XXXXXX", root) >= sizeof k->folder) return -1;
    if (!mkdtemp(k->folder)) return -1;
    k->dir = open(k->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return k->dir >= 0 ? flock(k->dir, LOCK_EX | LOCK_NB) : -1;
}

static void folder_remove(struct keeper *k)
{
    if (k->dir >= 0) empty(k->dir);
    if (k->folder[0]) (void)rmdir(k->folder);
}

void office_sweep(const char *root)
{
    DIR *d = opendir(root);
    for (struct dirent *e; d && (e = readdir(d));) {
        if (e->d_name[0] == '.') continue;
        AUTO_CLOSE int dir = openat(dirfd(d), e->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (dir < 0 || flock(dir, LOCK_EX | LOCK_NB) != 0) continue;
        empty(dir);
        (void)unlinkat(dirfd(d), e->d_name, AT_REMOVEDIR);
    }
    if (d) closedir(d);
}

static int write_file(int dir, const char *name, const void *data, size_t len)
{
    AUTO_CLOSE int fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    return fd >= 0 && write(fd, data, len) == (ssize_t)len ? 0 : -1;
}

static int copy(int from, int to, int64_t size)
{
    off_t at = 0;
    while (at < size) {
        ssize_t n = sendfile(to, from, &at, (size_t)(size - at));
        if (n <= 0 && !(n == -1 && errno == EINTR)) return -1;
    }
    return 0;
}

static const char *document_name(const struct keeper *k)
{
    return k->docx ? "document.docx" : "document.doc";
}

static int folder_fill(const struct keeper *k)
{
    struct stat st;
    AUTO_CLOSE int document = openat(k->dir, document_name(k), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (document < 0 || fstat(OFFICE_FD_DOCUMENT, &st) != 0) return -1;
    if (copy(OFFICE_FD_DOCUMENT, document, st.st_size) != 0) return -1;
    if (mkdirat(k->dir, "profile", 0700) != 0 || mkdirat(k->dir, "profile/user", 0700) != 0) return -1;
    return write_file(k->dir, "profile/user/registrymodifications.xcu", profile, sizeof profile - 1);
}

/* ---- LibreOffice --------------------------------------------------------------------------------- */

static void profile_url(const struct keeper *k, char *out, size_t room)
{
    size_t n = (size_t)snprintf(out, room, "file://");
    for (const char *c = k->folder; *c && n + 4 < room; c++)
        n += (size_t)snprintf(out + n, room - n,
                              strchr("/._-~", *c) || (*c >= '0' && *c <= '9') || (*c >= 'A' && *c <= 'Z') ||
                                      (*c >= 'a' && *c <= 'z')
                                  ? "%c"
                                  : "%%%02X",
                              (unsigned char)*c);
    snprintf(out + n, room - n, "/profile");
}

/* The process that becomes LibreOffice. The filter is named, so that no other of its hundred readers is tried on
 * something that only calls itself a Word document. */
_Noreturn static void become(const struct keeper *k)
{
    char url[PATH_MAX * 3 + 32], installation[sizeof url + 32], home[PATH_MAX + 8], temporary[PATH_MAX + 8];
    char *const env[] = {home, temporary, (char[]){"PATH=/usr/bin:/bin"}, (char[]){"LC_ALL=C.UTF-8"}, NULL};
    profile_url(k, url, sizeof url);
    snprintf(installation, sizeof installation, "-env:UserInstallation=%s", url);
    snprintf(home, sizeof home, "HOME=%s", k->folder);
    snprintf(temporary, sizeof temporary, "TMPDIR=%s", k->folder);
    const char *const argv[] = {k->program, installation, "--headless", "--norestore", "--nolockcheck",
                                k->docx ? "--infilter=MS Word 2007 XML" : "--infilter=MS Word 97", "--convert-to",
                                "pdf:writer_pdf_Export", "--outdir", "out", document_name(k), NULL};
    setsid();
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    child_confine();
    child_cap(RLIMIT_DATA, k->data_bytes);
    child_cap(RLIMIT_FSIZE, OFFICE_PDF_MAX);
    child_cap(RLIMIT_CPU, k->cpu_seconds);
    child_cap(RLIMIT_NOFILE, 256);
    if (child_deny_network() != 0 || fchdir(k->dir) != 0) _exit(127);
    execve(k->program, (char **)(uintptr_t)argv, env);
    _exit(127);
}

/* Children of ours, its children left to us included (we are their subreaper). */
static void end_all(pid_t group)
{
    kill(-group, SIGKILL);
    for (;;) {
        FILE *f = fopen("/proc/thread-self/children", "re");
        for (int pid; f && fscanf(f, "%d", &pid) == 1;) kill(pid, SIGKILL);
        if (f) fclose(f);
        if (waitpid(-1, NULL, 0) == -1 && errno == ECHILD) return;
    }
}

/* LibreOffice meets itself at a socket outside of our folder, named after its profile, and leaves it there when it is
 * killed. */
static void remove_meeting_place(const struct keeper *k)
{
    char url[PATH_MAX * 3 + 32], hex[2 * EVP_MAX_MD_SIZE + 1] = "", path[64 + sizeof hex];
    static const char *const where[] = {"/tmp", "/var/tmp"};
    unsigned char wide[2 * sizeof url], digest[EVP_MAX_MD_SIZE];
    unsigned n = 0;
    size_t len = 0;
    profile_url(k, url, sizeof url);
    for (const char *c = url; *c; c++) {
        wide[len++] = (unsigned char)*c;
        wide[len++] = 0;
    }
    if (EVP_Digest(wide, len, digest, &n, EVP_md5(), NULL) != 1) return;
    for (unsigned i = 0; i < n; i++) snprintf(hex + 2 * (size_t)i, 3, "%02x", digest[i]);
    for (size_t i = 0; i < COUNT_OF(where); i++) {
        snprintf(path, sizeof path, "%s/OSL_PIPE_%u_SingleOfficeIPC_%s", where[i], (unsigned)getuid(), hex);
        (void)unlink(path);
    }
}

/* True: it ended by itself. */
static bool await(pid_t pid, int64_t deadline_ms)
{
    AUTO_CLOSE int handle = pidfd_open(pid, 0);
    struct pollfd p[2] = {{.fd = handle, .events = POLLIN}, {.fd = OFFICE_FD_LIFE, .events = POLLIN}};
    while (handle >= 0) {
        int64_t left = deadline_ms - clock_ms();
        if (left <= 0) return false;
        int n = poll(p, 2, (int)left);
        if (n < 0 && errno != EINTR) return false;
        if (n > 0 && p[0].revents) return true;
        if (n > 0) return false; /* nobody waits any more */
    }
    return false;
}

/* It ended by a signal that was not ours: of what we cap, only processor time ends like that. */
static bool was_killed(pid_t pid)
{
    siginfo_t info = {0};
    return waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT | WNOHANG) == 0 && info.si_pid == pid && info.si_code == CLD_KILLED &&
           (info.si_status == SIGKILL || info.si_status == SIGXCPU);
}

static enum office_end run(const struct keeper *k)
{
    struct rusage used;
    pid_t pid = fork();
    if (pid < 0) return OFFICE_NO_ROOM;
    if (pid == 0) become(k);
    bool ended = await(pid, k->deadline_ms);
    bool killed = ended && was_killed(pid);
    end_all(pid);
    remove_meeting_place(k);
    (void)getrusage(RUSAGE_CHILDREN, &used);
    int64_t spent_us = (used.ru_utime.tv_sec + used.ru_stime.tv_sec) * INT64_C(1000000) + used.ru_utime.tv_usec +
                       used.ru_stime.tv_usec;
    const int64_t limit_us = k->cpu_seconds * INT64_C(1000000);
    /* On a busy machine the two clocks may differ by a lot. */
    if (spent_us >= limit_us - TICKS_US || (killed && spent_us >= limit_us / 2)) return OFFICE_TOO_SLOW;
    return ended ? OFFICE_MADE : OFFICE_TIMED_OUT;
}

/* Whatever its exit code says: there is a PDF, or there is none. */
static enum office_end take_pdf(const struct keeper *k)
{
    char mark[5] = "";
    struct stat st;
    AUTO_CLOSE int fd = openat(k->dir, "out/document.pdf", O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || st.st_size > OFFICE_PDF_MAX) return OFFICE_UNREADABLE;
    if (pread(fd, mark, sizeof mark, 0) != (ssize_t)sizeof mark || memcmp(mark, "%PDF-", sizeof mark) != 0)
        return OFFICE_UNREADABLE;
    return copy(fd, OFFICE_FD_PDF, st.st_size) == 0 ? OFFICE_MADE : OFFICE_NO_ROOM;
}

int office_child_main(int argc, char **argv)
{
    if (argc != 8) return OFFICE_NO_ROOM;
    struct keeper k = {.program = argv[2],
                       .docx = strcmp(argv[4], "docx") == 0,
                       .data_bytes = atoll(argv[5]),
                       .cpu_seconds = atoi(argv[6]),
                       .deadline_ms = clock_ms() + atoll(argv[7]),
                       .dir = -1};
    child_confine();
    prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
    for (int fd = OFFICE_FD_DOCUMENT; fd <= OFFICE_FD_LIFE; fd++) (void)fcntl(fd, F_SETFD, FD_CLOEXEC);
    enum office_end end = OFFICE_NO_ROOM;
    if (folder_make(&k, argv[3]) == 0 && folder_fill(&k) == 0) end = run(&k);
    if (end == OFFICE_MADE) end = take_pdf(&k);
    folder_remove(&k);
    return (int)end;
}
