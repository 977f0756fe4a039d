#define _GNU_SOURCE /* pipe2 */
#include "cli/child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

/* Runs in the child: undoes what we changed for ourselves, then becomes the program. */
static _Noreturn void become(const char *const *argv, const char *const *environment, int out, pid_t parent)
{
    sigset_t none;
    (void)sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
    (void)signal(SIGPIPE, SIG_DFL);
    (void)setpgid(0, 0);
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(CHILD_NOT_STARTED); /* we died before the line above took effect */

    int null = open("/dev/null", O_RDONLY);
    (void)dup2(null, STDIN_FILENO);
    (void)dup2(out, STDOUT_FILENO);
    (void)dup2(out, STDERR_FILENO);
    /* putenv and execvp take char * for history's sake and change nothing. */
    for (; environment && *environment; environment++) (void)putenv((char *)(uintptr_t)*environment);
    (void)execvp(argv[0], (char *const *)(uintptr_t)argv);
    (void)dprintf(STDERR_FILENO, "%s: %s\n", argv[0], strerror(errno));
    _exit(CHILD_NOT_STARTED);
}

pid_t child_start(const char *const *argv, const char *const *environment, int *output, struct err *err)
{
    int ends[2];
    pid_t parent = getpid();
    if (pipe2(ends, O_CLOEXEC) == -1) return err_sys(err, ERR_UNAVAILABLE, errno, "pipe");
    pid_t pid = fork();
    if (pid == 0) become(argv, environment, ends[1], parent);
    int failed = errno;
    close(ends[1]);
    if (pid == -1) {
        close(ends[0]);
        return err_sys(err, ERR_UNAVAILABLE, failed, "fork");
    }
    (void)fcntl(ends[0], F_SETFL, O_NONBLOCK);
    *output = ends[0];
    return pid;
}
