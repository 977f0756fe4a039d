/* sheaf up: the whole stack on one machine, in the foreground. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/args.h"
#include "cli/ports.h"
#include "cli/stack.h"
#include "cli/supervisor.h"
#include "lib/auto.h"

/* Past a service's own drain, so that SIGKILL only meets one that hangs. */
#define DRAIN_MARGIN_MS 5000

static int make_folder(const char *path, struct err *err)
{
    if (mkdir(path, 0700) == 0 || errno == EEXIST) return 0;
    return err_sys(err, ERR_CONFIG, errno, "folder %.150s", path);
}

/* SHEAF_VAR with the folders that we use, as an absolute path. */
static int open_var(const char *var, char absolute[PATH_MAX], struct err *err)
{
    static const char *const folders[] = {"log", "run", "redis"};
    char path[PATH_MAX + 16];
    for (const char *slash = var; (slash = strchr(slash + 1, '/'));) {
        (void)snprintf(path, sizeof path, "%.*s", (int)(slash - var), var);
        if (make_folder(path, err) == -1) return -1;
    }
    if (make_folder(var, err) == -1) return -1;
    if (!realpath(var, absolute)) return err_sys(err, ERR_CONFIG, errno, "folder %.150s", var);
    for (size_t i = 0; i < COUNT_OF(folders); i++) {
        (void)snprintf(path, sizeof path, "%s/%s", absolute, folders[i]);
        if (make_folder(path, err) == -1) return -1;
    }
    return 0;
}

/* Held until we end, however we end; the children do not inherit it. */
static int take_lock(const char *var, struct err *err)
{
    char path[PATH_MAX + 16];
    (void)snprintf(path, sizeof path, "%s/run/up.lock", var);
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd == -1) return err_sys(err, ERR_CONFIG, errno, "%.150s", path);
    if (flock(fd, LOCK_EX | LOCK_NB) == 0) return fd;
    close(fd);
    return err_set(err, ERR_INPUT,
                   "another `sheaf up` runs on %.120s; SHEAF_VAR and SHEAF_PORT move this one", var);
}

/* "ocr-svc=2" */
static int take_replicas(struct stack *stack, const char *text, struct err *err)
{
    char name[32];
    size_t n = strcspn(text, "=");
    (void)snprintf(name, sizeof name, "%.*s", (int)n, text);
    int position = stack_service(name);
    if (position == -1 || !text[n])
        return err_set(err, ERR_CONFIG, "--replicas takes SERVICE=N, not \"%.60s\"", text);
    return stack_set_replicas(stack, position, text + n + 1, err);
}

struct up_options {
    struct option_list replicas;
    const char *count[STACK_SERVICES]; /* --ocr N and so on, by position */
    const char *ready_file;
    bool quiet;
};

static int plan(struct stack *stack, const struct up_options *options, struct err *err)
{
    for (int i = 0; i < options->replicas.n; i++) {
        if (take_replicas(stack, options->replicas.items[i], err) == -1) return -1;
    }
    for (int i = 0; i < STACK_SERVICES; i++) {
        if (options->count[i] && stack_set_replicas(stack, i, options->count[i], err) == -1) return -1;
    }
    return 0;
}

/* Who may call, before somebody wonders about a page that stays closed. */
static const char *who_may_call(const struct settings *settings)
{
    if (settings_auth_is(settings, "supabase"))
        return "sign-in: callers bring a token of the Supabase project; SHEAF_AUTH=none lets in whoever is on this machine";
    if (settings_auth_is(settings, "token")) return "sign-in: callers bring SHEAF_SERVICE_TOKEN";
    return "sign-in: nobody signs in; whoever is on this machine may do all";
}

/* Who else listens there would answer in our services' place, and be told to be ready. */
static int await_ports(const struct stack *stack, struct err *err)
{
    int ports[STACK_PORTS_MAX];
    const int n = stack_ports(stack, ports);
    return ports_await_free(ports, n, stack->settings->bind, err);
}

static int run(const struct cli *cli, const struct stack *stack, const struct up_options *options,
               struct err *err)
{
    char ready_line[128];
    (void)snprintf(ready_line, sizeof ready_line, "ready: http://%.80s:%d", settings_gateway_host(cli->settings),
                   settings_gateway_port(cli->settings));
    if (options->ready_file) (void)unlink(options->ready_file);
    const struct supervisor_options how = {
        .var = stack->var,
        .ready_line = ready_line,
        .ready_file = options->ready_file,
        .notice = who_may_call(cli->settings),
        .drain_ms = cli->settings->drain_ms + DRAIN_MARGIN_MS,
        .quiet = options->quiet,
        .colour = isatty(STDERR_FILENO) == 1,
    };
    AUTO(supervisor_destroy) supervisor_t *supervisor = supervisor_new(&how, err);
    if (!supervisor || stack_add(stack, supervisor, err) == -1) return -1;
    return supervisor_run(supervisor, err);
}

enum cli_exit cmd_up(struct cli *cli, int argc, char **argv)
{
    struct up_options given = {0};
    enum cli_exit code;
    struct err err = {0};
    const struct option options[] = {
        {"--replicas", OPT_LIST, &given.replicas, "SERVICE=N",
         "how many processes of a service (0: none); may be repeated"},
        {"--dispatcher", OPT_TEXT, &given.count[stack_service("dispatcher")], "N",
         "the same for the dispatcher"},
        {"--ocr", OPT_TEXT, &given.count[stack_service("ocr")], "N", "the same for ocr-svc"},
        {"--llm", OPT_TEXT, &given.count[stack_service("llm")], "N", "the same for llm-svc"},
        {"--notify", OPT_TEXT, &given.count[stack_service("notify")], "N", "the same for notify-svc"},
        {"--ready-file", OPT_TEXT, &given.ready_file, "PATH", "written once every service is ready"},
        {"--quiet", OPT_FLAG, &given.quiet, NULL, "log lines only to SHEAF_VAR/log"},
    };
    if (args_parse(cli, argc, argv, options, COUNT_OF(options), 0, 0, &code) == -1) return code;

    char var[PATH_MAX];
    struct stack stack;
    AUTO_CLOSE int lock = -1;
    if (open_var(cli->settings->var, var, &err) == -1 || stack_init(&stack, cli->settings, var, &err) == -1 ||
        plan(&stack, &given, &err) == -1 || (lock = take_lock(var, &err)) == -1 ||
        await_ports(&stack, &err) == -1 || run(cli, &stack, &given, &err) == -1)
        return cli_fail(cli, &err);
    return CLI_OK;
}
