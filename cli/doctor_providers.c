/* Each service knows its providers: it is run with --probe, calls them once, and says how that went. */
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/child.h"
#include "cli/doctor.h"
#include "cli/stack.h"
#include "cli/text.h"
#include "lib/auto.h"
#include "lib/buf.h"
#include "lib/clock.h"
#include "lib/svc.h"

#define WAIT_MS   45000
#define WORDS_MAX (1u << 20)

/* All that the child says until it ends; it is ended when the time is up. */
static void hear(pid_t pid, int fd, struct buf *said)
{
    char block[4096];
    int64_t until_ms = clock_ms() + WAIT_MS;
    for (;;) {
        int64_t left_ms = until_ms - clock_ms();
        struct pollfd p = {.fd = fd, .events = POLLIN};
        if (left_ms <= 0 || said->len > WORDS_MAX || poll(&p, 1, (int)left_ms) == 0) break;
        ssize_t n = read(fd, block, sizeof block);
        if (n == 0) return;
        if (n > 0) buf_add(said, block, (size_t)n);
        if (n == -1 && errno != EAGAIN && errno != EINTR) return;
    }
    (void)kill(pid, SIGKILL);
}

/* A finding has a subject; anything else is the log, of which an error's text may be the reason for an early end. */
static void take_line(const char *line, size_t len, struct report *report, char *last_error, size_t room, int *found)
{
    json_t *said = json_loadb(line, len, 0, NULL);
    const char *subject = text_of(said, "subject"), *mend = text_of(said, "mend");
    if (*subject) {
        bool wrong = strcmp(text_of(said, "verdict"), "ok") != 0;
        report_add(report, wrong ? VERDICT_WRONG : VERDICT_OK, subject, *mend ? mend : NULL, "%s", text_of(said, "text"));
        ++*found;
    } else if (strcmp(text_of(said, "level"), "error") == 0) {
        (void)snprintf(last_error, room, "%s", text_of(said, "err"));
    }
    json_decref(said);
}

static void probe_service(const char *name, const char *program, const char *const *environment, struct report *report)
{
    static const char together[] = "see whether all programs lie in one folder, and may be run";
    struct err err = {0};
    char last_error[200] = "";
    int fd = -1, status = 0, found = 0;
    AUTO(buf_done) struct buf said = BUF_INIT;
    pid_t pid = child_start((const char *const[]){program, SVC_PROBE_ARG, NULL}, environment, &fd, &err);
    if (pid == -1) {
        report_add(report, VERDICT_WRONG, name, together, "%s", err.text);
        return;
    }
    hear(pid, fd, &said);
    close(fd);
    (void)waitpid(pid, &status, 0);
    for (const char *line = said.data; line && *line;) {
        size_t len = strcspn(line, "\n");
        take_line(line, len, report, last_error, sizeof last_error, &found);
        line += len + (line[len] == '\n');
    }
    if (found || (WIFEXITED(status) && WEXITSTATUS(status) == 0)) return;
    if (WIFEXITED(status) && WEXITSTATUS(status) == CHILD_NOT_STARTED) {
        report_add(report, VERDICT_WRONG, name, together, "%.150s cannot be started", program);
        return;
    }
    report_add(report, VERDICT_WRONG, name, "mend its settings, then look again", "%s",
               *last_error ? last_error : "did not say in time how its providers are");
}

void doctor_providers(const struct cli *cli, struct report *report)
{
    struct stack stack;
    struct err err = {0};
    char var[PATH_MAX], redis[PATH_MAX + 96] = "REDIS_URL=", program[PATH_MAX + 64];
    if (stack_init(&stack, cli->settings, cli->settings->var, &err) == -1) {
        report_add(report, VERDICT_WRONG, "providers", "see whether /proc is there", "%s", err.text);
        return;
    }
    if (!stack_redis_is_given())
        stack_redis_url(cli->settings, realpath(cli->settings->var, var) ? var : cli->settings->var,
                        redis + strlen("REDIS_URL="), sizeof redis - strlen("REDIS_URL="));
    const char *const environment[] = {stack_redis_is_given() ? NULL : redis, NULL};
    for (int i = 0; stack_service_name(i); i++) {
        (void)snprintf(program, sizeof program, "%s/%s", stack.programs, stack_service_name(i));
        probe_service(stack_service_name(i), program, environment, report);
    }
}
