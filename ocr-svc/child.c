#define _GNU_SOURCE /* posix_spawn_file_actions_addclosefrom_np */
#include "ocr-svc/child.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <spawn.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "lib/auto.h"

#define FDS_MAX 4
#define ABOVE   (CHILD_FD + FDS_MAX) /* where a descriptor is out of the way of all that are being placed */

/* ---- starting ------------------------------------------------------------------------------------ */

/* Copies that no dup2 of another one overwrites. Returns 0, or an errno; the copies are the caller's either way. */
static int moved_away(const int *fds, int n, int copies[FDS_MAX])
{
    for (int i = 0; i < n; i++)
        if ((copies[i] = fcntl(fds[i], F_DUPFD_CLOEXEC, ABOVE)) < 0) return errno;
    return 0;
}

static int spawn(pid_t *pid, char *const argv[], char *const env[], const int *fds, int n)
{
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attr;
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    if (posix_spawn_file_actions_init(&files) != 0) return ENOMEM;
    if (posix_spawnattr_init(&attr) != 0) {
        posix_spawn_file_actions_destroy(&files);
        return ENOMEM;
    }
    int bad = posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
    if (!bad) bad = posix_spawn_file_actions_addopen(&files, 1, "/dev/null", O_WRONLY, 0);
#ifndef __SANITIZE_ADDRESS__ /* its reports have to be seen; else nothing about a document goes to our log */
    if (!bad) bad = posix_spawn_file_actions_adddup2(&files, 1, 2);
#endif
    for (int i = 0; !bad && i < n; i++) bad = posix_spawn_file_actions_adddup2(&files, fds[i], CHILD_FD + i);
    if (!bad) bad = posix_spawn_file_actions_addclosefrom_np(&files, CHILD_FD + n);
    /* The service blocks signals in all its threads and takes them from a descriptor; the child starts afresh. */
    if (!bad) bad = posix_spawnattr_setsigmask(&attr, &none);
    if (!bad) bad = posix_spawnattr_setsigdefault(&attr, &all);
    if (!bad) bad = posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    if (!bad) bad = posix_spawn(pid, "/proc/self/exe", &files, &attr, argv, env);
    posix_spawnattr_destroy(&attr);
    posix_spawn_file_actions_destroy(&files);
    return bad;
}

int child_spawn(pid_t *pid, char *const argv[], const int *fds, int n)
{
    static const char *const kept[] = {"ASAN_OPTIONS", "UBSAN_OPTIONS", "LSAN_OPTIONS", "TSAN_OPTIONS"};
    char lines[COUNT_OF(kept)][256], lang[] = "LC_ALL=C.UTF-8";
    char *env[COUNT_OF(kept) + 2];
    int copies[FDS_MAX] = {-1, -1, -1, -1}, last = 0;
    env[last++] = lang;
    for (size_t i = 0; i < COUNT_OF(kept); i++) {
        const char *value = getenv(kept[i]);
        if (value && (size_t)snprintf(lines[i], sizeof lines[i], "%s=%s", kept[i], value) < sizeof lines[i])
            env[last++] = lines[i];
    }
    env[last] = NULL;
    int bad = moved_away(fds, n, copies);
    if (!bad) bad = spawn(pid, argv, env, copies, n);
    for (int i = 0; i < FDS_MAX; i++)
        if (copies[i] >= 0) close(copies[i]);
    return bad;
}

/* ---- giving up ----------------------------------------------------------------------------------- */

void child_confine(void)
{
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    /* Ctrl-C and a group's SIGTERM are for the service, which finishes what is in hand and then ends us. */
    signal(SIGINT, SIG_IGN);
    signal(SIGTERM, SIG_IGN);
    child_cap(RLIMIT_CORE, 0);
}

void child_cap(int resource, int64_t most)
{
    struct rlimit r = {.rlim_cur = (rlim_t)most, .rlim_max = (rlim_t)most};
    (void)setrlimit(resource, &r);
}

/* A filter on system calls: socket() of any family but AF_UNIX fails, and so does what could make one behind its back
 * (io_uring, another architecture's numbers).  socketpair() knows no network and stays. */
#if defined __x86_64__
#define OWN_ARCH AUDIT_ARCH_X86_64
#define FOREIGN  0x40000000u /* x32's numbers begin here */
#elif defined __aarch64__
#define OWN_ARCH AUDIT_ARCH_AARCH64
#define FOREIGN  0xFFFFFFFFu
#endif

int child_deny_network(void)
{
#ifdef OWN_ARCH
    enum { DATA = BPF_LD | BPF_W | BPF_ABS, EQUAL = BPF_JMP | BPF_JEQ | BPF_K, LEAST = BPF_JMP | BPF_JGE | BPF_K };
    /* The numbers behind a test: how many lines to skip when it holds, and when not. */
    struct sock_filter lines[] = {
        BPF_STMT(DATA, offsetof(struct seccomp_data, arch)),
        BPF_JUMP(EQUAL, OWN_ARCH, 0, 7),
        BPF_STMT(DATA, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(LEAST, FOREIGN, 5, 0),
        BPF_JUMP(EQUAL, SYS_io_uring_setup, 4, 0),
        BPF_JUMP(EQUAL, SYS_socket, 0, 2),
        BPF_STMT(DATA, offsetof(struct seccomp_data, args[0])), /* the lower half: both machines are little-endian */
        BPF_JUMP(EQUAL, AF_UNIX, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EACCES),
    };
    struct sock_fprog program = {.len = COUNT_OF(lines), .filter = lines};
    return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0);
#else
    return -1;
#endif
}
