#include "cli/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/child.h"
#include "lib/clock.h"
#include "lib/svc.h"

#define BACKOFF_FIRST_MS 200
#define BACKOFF_LAST_MS  5000
#define LIVED_MS         10000 /* who lived this long starts afresh without a wait */
#define PROBE_EVERY_MS   30 /* a service is ready in 20 to 70 ms */

static int copy_texts(char **to, size_t room, const char *const *from)
{
    for (size_t i = 0; from && from[i]; i++) {
        if (i + 1 >= room || !(to[i] = strdup(from[i]))) return -1;
    }
    return 0;
}

int unit_init(struct unit *u, const struct unit_spec *spec, const struct supervisor_options *options,
              int colour, struct err *err)
{
    char log_path[4096];
    *u = (struct unit){.rank = spec->rank,
                       .fixed_port = spec->probe_port,
                       .address = spec->address,
                       .question = spec->question,
                       .wanted = spec->wanted,
                       .output = -1,
                       .backoff_ms = BACKOFF_FIRST_MS,
                       .probe = PROBE_NONE};
    (void)snprintf(u->name, sizeof u->name, "%s.%d", spec->service, spec->number);
    (void)snprintf(u->pid_path, sizeof u->pid_path, "%s/run/%s.pid", options->var, u->name);
    (void)snprintf(u->port_path, sizeof u->port_path, "%s/run/%s.port", options->var, u->name);
    (void)snprintf(log_path, sizeof log_path, "%s/log/%s.log", options->var, spec->service);
    relay_init(&u->relay, u->name, log_path, colour, options->quiet);
    if (copy_texts(u->argv, UNIT_ARGS_MAX, spec->argv) == 0 &&
        copy_texts(u->environment, UNIT_ENV_MAX, spec->environment) == 0)
        return 0;
    unit_done(u);
    return err_set(err, ERR_NOMEM, "%s: no memory", u->name);
}

void unit_done(struct unit *u)
{
    for (size_t i = 0; i < UNIT_ARGS_MAX; i++) free(u->argv[i]);
    for (size_t i = 0; i < UNIT_ENV_MAX; i++) free(u->environment[i]);
    if (u->output >= 0) close(u->output);
    probe_cancel(&u->probe);
    relay_done(&u->relay);
}

static void write_number(const char *path, int number)
{
    FILE *f = fopen(path, "we");
    if (!f) return; /* the file is for people and tests; the process runs without it */
    (void)fprintf(f, "%d\n", number);
    (void)fclose(f);
}

/* A port nobody listens on just now.  Another process may be faster; then the service says so, ends, and
 * is started again with another one. */
static int free_port(void)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof a;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), port = 0;
    if (fd >= 0 && bind(fd, (struct sockaddr *)&a, sizeof a) == 0 &&
        getsockname(fd, (struct sockaddr *)&a, &len) == 0)
        port = ntohs(a.sin_port);
    if (fd >= 0) close(fd);
    return port;
}

static void wait_for_next_start(struct unit *u, int64_t now)
{
    u->start_at_ms = now + u->backoff_ms;
    u->backoff_ms = u->backoff_ms * 2 > BACKOFF_LAST_MS ? BACKOFF_LAST_MS : u->backoff_ms * 2;
}

int unit_start(struct unit *u, struct err *err)
{
    const char *environment[UNIT_ENV_MAX + 1] = {0};
    char admin[40];
    int n = 0;
    for (; u->environment[n]; n++) environment[n] = u->environment[n];
    u->port = u->fixed_port ? u->fixed_port : free_port();
    (void)snprintf(admin, sizeof admin, "SHEAF_ADMIN_PORT=%d", u->port);
    if (u->rank != RANK_REDIS) environment[n] = admin;

    int output;
    pid_t pid = child_start((const char *const *)u->argv, environment, &output, err);
    int64_t now = clock_ms();
    if (pid == -1) {
        wait_for_next_start(u, now);
        return -1;
    }
    if (u->output >= 0) close(u->output); /* a grandchild may still hold the old one */
    u->pid = pid;
    u->output = output;
    u->ready = u->told = false;
    u->started_ms = u->probe_at_ms = now;
    write_number(u->pid_path, (int)pid);
    write_number(u->port_path, u->port);
    relay_say(&u->relay, "started, process %d, port %d", (int)pid, u->port);
    return 0;
}

void unit_ended(struct unit *u, int status, bool stopping)
{
    int64_t now = clock_ms();
    unit_relay(u); /* its last words come before ours */
    u->pid = 0;
    u->ready = false;
    probe_cancel(&u->probe);
    (void)unlink(u->pid_path);
    (void)unlink(u->port_path);
    if (now - u->started_ms >= LIVED_MS) u->backoff_ms = BACKOFF_FIRST_MS;
    int64_t wait_ms = u->backoff_ms;
    wait_for_next_start(u, now);

    char how[80];
    if (WIFSIGNALED(status))
        (void)snprintf(how, sizeof how, "was ended by signal %d (%s)", WTERMSIG(status),
                       strsignal(WTERMSIG(status)));
    else
        (void)snprintf(how, sizeof how, "ended with exit code %d", WEXITSTATUS(status));
    if (stopping)
        relay_say(&u->relay, "%s", how);
    else
        relay_say(&u->relay, "%s; starts again in %lld ms", how, (long long)wait_ms);
}

void unit_stop(struct unit *u, int64_t drain_ms)
{
    u->told = true;
    u->kill_at_ms = clock_ms() + drain_ms;
    (void)kill(u->pid, SIGTERM);
    (void)kill(u->pid, SIGCONT); /* a stopped process would never see the signal */
}

void unit_kill(struct unit *u)
{
    relay_say(&u->relay, "did not end in time and is killed");
    u->kill_at_ms = INT64_MAX;
    /* Its whole group, so that a decoder which it started does not stay. */
    if (kill(-u->pid, SIGKILL) == -1) (void)kill(u->pid, SIGKILL);
}

void unit_relay(struct unit *u)
{
    if (u->output < 0 || relay_read(&u->relay, u->output)) return;
    close(u->output);
    u->output = -1;
}

void unit_probe(struct unit *u, short revents)
{
    if (!u->pid || u->ready) return;
    if (u->probe.fd == -1) {
        if (clock_ms() < u->probe_at_ms) return;
        u->probe_at_ms = clock_ms() + PROBE_EVERY_MS;
        probe_begin(&u->probe, u->address, u->port, u->question, u->wanted);
    } else if (probe_turn(&u->probe, revents) == PROBE_YES) {
        u->ready = true;
        relay_say(&u->relay, "ready after %lld ms", (long long)(clock_ms() - u->started_ms));
    }
}

int64_t unit_next_ms(const struct unit *u, bool may_start)
{
    if (!u->pid) return may_start ? u->start_at_ms : INT64_MAX;
    if (u->told) return u->kill_at_ms;
    if (u->ready) return INT64_MAX;
    return u->probe.fd >= 0 ? u->probe.deadline_ms : u->probe_at_ms;
}
