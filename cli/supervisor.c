#include "cli/supervisor.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/child.h"
#include "cli/unit.h"
#include "lib/clock.h"
#include "lib/svc.h"

struct supervisor {
    struct supervisor_options options; /* its texts are the caller's */
    struct unit **units;
    int n;
    struct pollfd *fds; /* the signals, then two a unit: output and probe */
    int signal_fd;
    int signals;   /* how often we were told to stop */
    bool stopping; /* told to, or a unit cannot run */
    bool redis_answered, all_ready;
    struct relay relay;
    struct err cannot_run;
};

supervisor_t *supervisor_new(const struct supervisor_options *options, struct err *err)
{
    char log_path[4096];
    sigset_t set;
    struct supervisor *s = calloc(1, sizeof *s);
    if (!s) {
        (void)err_set(err, ERR_NOMEM, "no memory");
        return NULL;
    }
    s->options = *options;
    (void)snprintf(log_path, sizeof log_path, "%s/log/up.log", options->var);
    relay_init(&s->relay, "up", log_path, options->colour ? 1 : 0, options->quiet);
    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGCHLD);
    (void)sigaddset(&set, SIGTERM);
    (void)sigaddset(&set, SIGINT);
    (void)sigaddset(&set, SIGHUP);
    (void)sigprocmask(SIG_BLOCK, &set, NULL);
    s->signal_fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    if (s->signal_fd >= 0) return s;
    (void)err_sys(err, ERR_UNAVAILABLE, errno, "signalfd");
    supervisor_destroy(&s);
    return NULL;
}

void supervisor_destroy(supervisor_t **s)
{
    if (!*s) return;
    for (int i = 0; i < (*s)->n; i++) {
        unit_done((*s)->units[i]);
        free((*s)->units[i]);
    }
    if ((*s)->signal_fd >= 0) close((*s)->signal_fd);
    relay_done(&(*s)->relay);
    free((*s)->units);
    free((*s)->fds);
    free(*s);
    *s = NULL;
}

int supervisor_add(supervisor_t *s, const struct unit_spec *spec, struct err *err)
{
    static const int colours[] = {36, 33, 32, 35, 34, 96, 93, 92, 95, 94};
    int colour = s->options.colour ? colours[s->n % (int)(sizeof colours / sizeof colours[0])] : 0;
    struct unit **units = realloc(s->units, sizeof *units * (size_t)(s->n + 1));
    if (units) s->units = units;
    struct pollfd *fds = realloc(s->fds, sizeof *fds * (size_t)(2 * s->n + 3));
    if (fds) s->fds = fds;
    struct unit *u = malloc(sizeof *u);
    if (!units || !fds || !u) {
        free(u);
        return err_set(err, ERR_NOMEM, "no memory");
    }
    if (unit_init(u, spec, &s->options, colour, err) == -1) {
        free(u);
        return -1;
    }
    s->units[s->n++] = u;
    if (spec->rank == RANK_REDIS) s->redis_answered = false;
    return 0;
}

static void take_signals(struct supervisor *s)
{
    struct signalfd_siginfo info;
    while (read(s->signal_fd, &info, sizeof info) == (ssize_t)sizeof info) {
        if (info.ssi_signo == SIGCHLD) continue;
        s->signals++;
        s->stopping = true;
        relay_say(&s->relay, s->signals == 1 ? "draining; once more to end at once" : "ending at once");
    }
}

static struct unit *unit_of(struct supervisor *s, pid_t pid)
{
    for (int i = 0; i < s->n; i++) {
        if (s->units[i]->pid == pid) return s->units[i];
    }
    return NULL;
}

/* What a person must mend first: a refused setting, a program that is not there. */
static bool cannot_run(int status)
{
    return WIFEXITED(status) &&
           (WEXITSTATUS(status) == SVC_EXIT_MISTAKE || WEXITSTATUS(status) == CHILD_NOT_STARTED);
}

static void reap(struct supervisor *s)
{
    int status;
    for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG)) > 0;) {
        struct unit *u = unit_of(s, pid);
        if (!u) continue;
        unit_ended(u, status, s->stopping || cannot_run(status));
        if (s->stopping || !cannot_run(status)) continue;
        s->stopping = true;
        (void)err_set(&s->cannot_run, ERR_CONFIG, "%s cannot run: see its last lines, in %.100s/log", u->name,
                      s->options.var);
    }
}

static bool may_start(const struct supervisor *s, const struct unit *u)
{
    return !s->stopping && (u->rank == RANK_REDIS || s->redis_answered);
}

static void start_due(struct supervisor *s, int64_t now)
{
    struct err err;
    for (int i = 0; i < s->n; i++) {
        struct unit *u = s->units[i];
        if (u->pid || now < u->start_at_ms || !may_start(s, u)) continue;
        if (unit_start(u, &err) == -1) relay_say(&s->relay, "%s: %s", u->name, err.text);
    }
}

/* The highest rank that still runs is told first; the next only when it is gone. */
static void stop_due(struct supervisor *s, int64_t now)
{
    int rank = -1;
    for (int i = 0; i < s->n; i++) {
        if (s->units[i]->pid && (int)s->units[i]->rank > rank) rank = (int)s->units[i]->rank;
    }
    for (int i = 0; i < s->n; i++) {
        struct unit *u = s->units[i];
        if (!u->pid || (int)u->rank != rank) continue;
        if (!u->told) unit_stop(u, s->options.drain_ms);
        /* Redis is spared the second signal: it writes its file, which takes no time to speak of. */
        if (now >= u->kill_at_ms || (s->signals > 1 && rank != RANK_REDIS && u->kill_at_ms != INT64_MAX))
            unit_kill(u);
    }
}

static void announce_ready(struct supervisor *s)
{
    s->all_ready = true;
    relay_say(&s->relay, "%s", s->options.notice);
    relay_say(&s->relay, "%s", s->options.ready_line);
    if (!s->options.ready_file) return;
    FILE *f = fopen(s->options.ready_file, "we");
    if (!f) {
        relay_say(&s->relay, "%s: %s", s->options.ready_file, strerror(errno));
        return;
    }
    (void)fprintf(f, "%s\n", s->options.ready_line);
    (void)fclose(f);
}

static void look_for_ready(struct supervisor *s)
{
    bool redis = true, all = true;
    for (int i = 0; i < s->n; i++) {
        const struct unit *u = s->units[i];
        all = all && u->ready;
        if (u->rank == RANK_REDIS) redis = redis && u->ready;
    }
    if (redis) s->redis_answered = true; /* once: later breaks are for the services' own reconnecting */
    if (all && !s->all_ready && !s->stopping) announce_ready(s);
}

static bool anything_runs(const struct supervisor *s)
{
    for (int i = 0; i < s->n; i++) {
        if (s->units[i]->pid) return true;
    }
    return false;
}

static int wait_ms(const struct supervisor *s)
{
    int64_t next = INT64_MAX, now = clock_ms();
    for (int i = 0; i < s->n; i++) {
        int64_t due = unit_next_ms(s->units[i], may_start(s, s->units[i]));
        if (due < next) next = due;
    }
    if (next == INT64_MAX) return -1;
    return next <= now ? 0 : next - now > INT_MAX ? INT_MAX : (int)(next - now);
}

static void wait_for_something(struct supervisor *s)
{
    s->fds[0] = (struct pollfd){.fd = s->signal_fd, .events = POLLIN};
    for (int i = 0; i < s->n; i++) {
        const struct unit *u = s->units[i];
        s->fds[1 + 2 * i] = (struct pollfd){.fd = u->output, .events = POLLIN};
        s->fds[2 + 2 * i] = (struct pollfd){.fd = u->probe.fd, .events = probe_events(&u->probe)};
    }
    if (poll(s->fds, (nfds_t)(1 + 2 * s->n), wait_ms(s)) == -1) {
        for (int i = 0; i < 1 + 2 * s->n; i++) s->fds[i].revents = 0;
    }
}

int supervisor_run(supervisor_t *s, struct err *err)
{
    while (!s->stopping || anything_runs(s)) {
        int64_t now = clock_ms();
        if (s->stopping)
            stop_due(s, now);
        else
            start_due(s, now);
        wait_for_something(s);
        for (int i = 0; i < s->n; i++) {
            if (s->fds[1 + 2 * i].revents) unit_relay(s->units[i]);
            unit_probe(s->units[i], s->fds[2 + 2 * i].revents);
        }
        take_signals(s);
        reap(s);
        look_for_ready(s);
    }
    if (s->cannot_run.kind == ERR_NONE) return 0;
    if (err) *err = s->cannot_run;
    return -1;
}
