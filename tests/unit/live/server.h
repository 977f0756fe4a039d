/* server: a redis-server of the test's own in a temporary folder, reached by a Unix socket.
 * Functions are here and not in a .c file because each test is linked from one source. */
#ifndef SHEAF_TESTS_UNIT_LIVE_SERVER_H
#define SHEAF_TESTS_UNIT_LIVE_SERVER_H

#include <ftw.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include "lib/clock.h"
#include "lib/redis.h"

struct server {
    pid_t pid;
    char folder[64];
    char url[128]; /* unix:// */
};

static inline void server_init(struct server *s)
{
    strcpy(s->folder, "/tmp/sheaf-live-XXXXXX");
    assert_non_null(mkdtemp(s->folder));
    snprintf(s->url, sizeof s->url, "unix://%s/redis", s->folder);
}

/* `extra`: further options, ended by NULL.  The data of an earlier run is gone. */
static inline void server_start(struct server *s, const char *const *extra)
{
    const char *argv[32] = {"redis-server", "--save", "", "--appendonly", "no", "--port", "0"};
    char path[128];
    int n = 7;

    snprintf(path, sizeof path, "%s/redis", s->folder);
    argv[n++] = "--unixsocket";
    argv[n++] = path;
    argv[n++] = "--dir";
    argv[n++] = s->folder;
    while (extra && *extra && n < 31) argv[n++] = *extra++;
    argv[n] = NULL;
    s->pid = fork();
    assert_true(s->pid >= 0);
    if (s->pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (!freopen("/dev/null", "w", stdout)) _exit(1);
        execvp(argv[0], (char *const *)argv);
        _exit(127);
    }
}

static inline void server_stop(struct server *s)
{
    kill(s->pid, SIGKILL);
    waitpid(s->pid, NULL, 0);
}

static inline int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st, (void)type, (void)ftw;
    return remove(path);
}

static inline void server_done(struct server *s)
{
    server_stop(s);
    nftw(s->folder, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

/* One turn of a loop that waits for one connection. */
static inline void turn(redis_t *r)
{
    struct pollfd p = {.fd = redis_fd(r), .events = redis_events(r)};
    int64_t wait_ms = redis_next_ms(r) - clock_ms();

    if (wait_ms < 0) wait_ms = 0;
    poll(&p, 1, wait_ms > 100 ? 100 : (int)wait_ms);
    redis_process(r, p.revents);
}

#define TURN_UNTIL(r, condition)                                                                             \
    for (int64_t turn_end_ = clock_ms() + 5000; !(condition); turn(r)) assert_true(clock_ms() < turn_end_)

#endif
