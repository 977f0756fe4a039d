/* sheaf logs: the last lines of the services' logs on this machine, and what comes. */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "cli/args.h"
#include "cli/text.h"
#include "lib/auto.h"
#include "lib/clock.h"

#define LOGS_MAX  16
#define LINE_MAX_ 65536
#define LOOK_MS   200

static const char *const names[] = {"gateway", "dispatcher", "ocr-svc", "llm-svc", "persist-svc", "notify-svc", "redis"};

struct log {
    const char *name;
    char path[512];
    FILE *file;
    ino_t inode;
};

struct wish {
    const char *service, *job, *level;
    bool follow;
    long lines;
};

/* How grave a line is: "error" 0 … "debug" 3; what is not ours counts as info. */
static int gravity(const char *level)
{
    static const char *const levels[] = {"error", "warn", "info", "debug"};
    for (int i = 0; i < 4; i++)
        if (strcmp(level, levels[i]) == 0) return i;
    return 2;
}

static bool wanted(const struct wish *w, const char *line)
{
    if (!w->level && !w->job) return true;
    json_t *json = json_loads(line, 0, NULL);
    const char *job = text_of(json, "job"), *level = text_of(json, "level");
    const bool yes = (!w->job || strcmp(job, w->job) == 0) && (!w->level || gravity(level) <= gravity(w->level));
    json_decref(json);
    return yes;
}

static void show(const struct cli *cli, const struct wish *w, const struct log *log, const char *line)
{
    if (!*line || !wanted(w, line)) return;
    /* Services write JSON already, and say in it who they are. */
    if (cli->json && *line == '{') {
        (void)puts(line);
    } else if (cli->json) {
        json_t *json = json_pack("{s:s,s:s}", "svc", log->name, "text", line);
        (void)json_dumpf(json, stdout, JSON_COMPACT);
        (void)putchar('\n');
        json_decref(json);
    } else {
        struct buf b = BUF_INIT;
        text_cell(&b, log->name, 12);
        buf_putc(&b, ' ');
        text_cell(&b, line, 0);
        (void)puts(b.bad ? "" : b.data);
        buf_done(&b);
    }
}

static int open_log(struct log *log)
{
    struct stat st;
    if (log->file) (void)fclose(log->file);
    log->file = fopen(log->path, "re");
    if (!log->file) return -1;
    log->inode = fstat(fileno(log->file), &st) == 0 ? st.st_ino : 0;
    return 0;
}

/* Everything up to the end as it is now; whole lines only. */
static void drain(const struct cli *cli, const struct wish *w, struct log *log, char *line)
{
    long at = ftell(log->file);
    while (fgets(line, LINE_MAX_, log->file)) {
        const size_t len = strlen(line);
        if (len && line[len - 1] != '\n' && len < LINE_MAX_ - 1) {
            (void)fseek(log->file, at, SEEK_SET); /* it is still being written */
            break;
        }
        if (len) line[len - 1] = '\0';
        show(cli, w, log, line);
        at = ftell(log->file);
    }
    clearerr(log->file);
}

/* Goes to where the last lines begin. */
static void seek_lines(struct log *log, long lines)
{
    char block[4096];
    if (fseek(log->file, 0, SEEK_END) != 0) return;
    for (long at = ftell(log->file), found = 0; at > 0;) {
        const long size = at < (long)sizeof block ? at : (long)sizeof block;
        at -= size;
        if (fseek(log->file, at, SEEK_SET) != 0 || fread(block, 1, (size_t)size, log->file) != (size_t)size) return;
        for (long i = size - 1; i >= 0; i--) {
            if (block[i] != '\n' || ++found <= lines) continue;
            (void)fseek(log->file, at + i + 1, SEEK_SET);
            return;
        }
    }
    (void)fseek(log->file, 0, SEEK_SET);
}

static void follow(const struct cli *cli, const struct wish *w, struct log *logs, int n, char *line)
{
    const struct timespec pause = {.tv_nsec = LOOK_MS * 1000000L};
    while (fflush(stdout) == 0) {
        for (int i = 0; i < n; i++) {
            struct stat st;
            /* A service that is started anew may have a new file. */
            if (stat(logs[i].path, &st) == 0 && (!logs[i].file || st.st_ino != logs[i].inode)) (void)open_log(&logs[i]);
            if (logs[i].file) drain(cli, w, &logs[i], line);
        }
        nanosleep(&pause, NULL);
    }
}

enum cli_exit cmd_logs(struct cli *cli, int argc, char **argv)
{
    enum cli_exit code;
    struct wish w = {0};
    struct log logs[LOGS_MAX] = {0};
    const char *lines = "20";
    char *end;
    int n = 0, opened = 0;
    struct err err = {0};
    const struct option options[] = {
        {"--follow", OPT_FLAG, &w.follow, NULL, "go on with what comes, until Ctrl-C"},
        {"--lines", OPT_TEXT, &lines, "N", "how many of each service (default 20)"},
        {"--job", OPT_TEXT, &w.job, "ID", "only lines about this job"},
        {"--level", OPT_TEXT, &w.level, "LEVEL", "only error, or warn and graver, and so on"},
    };
    const int operands = args_parse(cli, argc, argv, options, COUNT_OF(options), 0, 1, &code);
    if (operands == -1) return code;
    if (operands) w.service = argv[0];
    w.lines = strtol(lines, &end, 10);
    if (*end || w.lines < 0) return args_mistake(cli, "--lines is a number");
    AUTO_FREE char *line = malloc(LINE_MAX_);
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        if (w.service && strcmp(names[i], w.service) != 0) continue;
        logs[n].name = names[i];
        (void)snprintf(logs[n].path, sizeof logs[n].path, "%s/log/%s.log", cli->settings->var, names[i]);
        opened += open_log(&logs[n++]) == 0;
    }
    if (n == 0) return args_mistake(cli, "there is no service \"%s\"", w.service);
    if (!line || (!opened && !w.follow)) {
        (void)err_set(&err, ERR_INPUT, "there are no logs in %.150s/log (is it the SHEAF_VAR of `sheaf up`?)",
                      cli->settings->var);
        return cli_fail(cli, &err);
    }
    for (int i = 0; i < n; i++) {
        if (!logs[i].file) continue;
        seek_lines(&logs[i], w.lines);
        drain(cli, &w, &logs[i], line);
    }
    if (w.follow) follow(cli, &w, logs, n, line);
    for (int i = 0; i < n; i++)
        if (logs[i].file) (void)fclose(logs[i].file);
    return CLI_OK;
}
