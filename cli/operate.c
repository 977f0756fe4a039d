/* sheaf dead, kick, pause, resume, log-level: what an operator does to stages and buried tasks. */
#include <stdio.h>
#include <string.h>

#include "cli/api.h"
#include "cli/args.h"
#include "cli/ask.h"
#include "cli/text.h"
#include "lib/auto.h"

static void print_dead(const json_t *answer)
{
    size_t i;
    json_t *task;
    const json_t *tasks = json_object_get(answer, "tasks");
    if (json_array_size(tasks) == 0) (void)puts("nothing is buried");
    json_array_foreach(tasks, i, task)
    {
        struct buf b = BUF_INIT;
        text_cell(&b, text_of(task, "buried_at"), 20);
        buf_puts(&b, "  ");
        text_cell(&b, text_of(task, "task"), 0);
        buf_puts(&b, "  ");
        text_cell(&b, text_of(task, "filename"), 0);
        buf_puts(&b, "  ");
        text_cell(&b, text_of(task, "code"), 0);
        buf_puts(&b, ": ");
        text_cell(&b, text_of(task, "error"), 0);
        (void)puts(b.bad ? "" : b.data);
        buf_done(&b);
    }
    if (json_is_string(json_object_get(answer, "next_cursor"))) (void)puts("… and more (--limit N)");
}

enum cli_exit cmd_dead(struct cli *cli, int argc, char **argv)
{
    enum cli_exit code;
    const char *limit = "100";
    const struct option options[] = {{"--limit", OPT_TEXT, &limit, "N", "how many at most (default 100)"}};
    if (args_parse(cli, argc, argv, options, COUNT_OF(options), 0, 0, &code) == -1) return code;
    AUTO_FREE char *path = api_path("/api/admin/dead?limit=", limit, "");
    return ask(cli, "GET", path, NULL, print_dead);
}

static void print_kicked(const json_t *answer)
{
    if (json_is_integer(json_object_get(answer, "kicked")))
        (void)printf("%ld kicked\n", count_of(answer, "kicked"));
    else
        (void)puts("it is tried again");
}

static void print_dropped(const json_t *answer)
{
    (void)answer;
    (void)puts("it is forgotten");
}

enum cli_exit cmd_kick(struct cli *cli, int argc, char **argv)
{
    enum cli_exit code;
    bool all = false, drop = false;
    const char *stage = NULL;
    const struct option options[] = {
        {"--all", OPT_FLAG, &all, NULL, "everything that is buried"},
        {"--stage", OPT_TEXT, &stage, "STAGE", "with --all: only tasks of this stage"},
        {"--drop", OPT_FLAG, &drop, NULL, "do not try it again, only take it off the list"},
    };
    int n = args_parse(cli, argc, argv, options, COUNT_OF(options), 0, 1, &code);
    if (n == -1) return code;
    if ((n == 1) == all) return args_mistake(cli, "name one task (`sheaf dead` lists them), or --all");
    if ((stage && !all) || (drop && all)) return args_mistake(cli, "--stage goes with --all, --drop with a task");
    AUTO_FREE char *path = all ? api_path("/api/admin/dead/kick?stage=", stage ? stage : "", "")
                               : api_path("/api/admin/dead/", argv[0], drop ? "/drop" : "/kick");
    return ask(cli, "POST", path, NULL, drop ? print_dropped : print_kicked);
}

static void print_stage_change(const json_t *answer)
{
    const bool drained = json_object_get(answer, "drained") != NULL;
    const bool paused = json_is_true(json_object_get(answer, "paused"));
    (void)printf("%s is %s", text_of(answer, "stage"), paused ? "paused" : "taken again");
    if (drained) (void)printf("; %ld in hand", count_of(answer, "in_flight"));
    (void)putchar('\n');
}

enum cli_exit cmd_pause(struct cli *cli, int argc, char **argv)
{
    enum cli_exit code;
    bool drain = false;
    const struct option options[] = {
        {"--drain", OPT_FLAG, &drain, NULL, "and wait until nothing of it is in hand (up to 10 s)"}};
    if (args_parse(cli, argc, argv, options, COUNT_OF(options), 1, 1, &code) == -1) return code;
    AUTO_FREE char *path = api_path("/api/admin/stages/", argv[0], drain ? "/drain" : "/pause");
    return ask(cli, "POST", path, NULL, print_stage_change);
}

enum cli_exit cmd_resume(struct cli *cli, int argc, char **argv)
{
    enum cli_exit code;
    if (args_parse(cli, argc, argv, NULL, 0, 1, 1, &code) == -1) return code;
    AUTO_FREE char *path = api_path("/api/admin/stages/", argv[0], "/resume");
    return ask(cli, "POST", path, NULL, print_stage_change);
}

static void print_level(const json_t *answer)
{
    (void)printf("%s: %s\n", text_or(answer, "service", "every service"),
                 text_or(answer, "level", "the configured level"));
}

enum cli_exit cmd_log_level(struct cli *cli, int argc, char **argv)
{
    enum cli_exit code;
    const char *service = NULL, *minutes = "60";
    char *end;
    const struct option options[] = {
        {"--service", OPT_TEXT, &service, "SERVICE", "only this one"},
        {"--minutes", OPT_TEXT, &minutes, "N", "for how long (default 60)"},
    };
    if (args_parse(cli, argc, argv, options, COUNT_OF(options), 1, 1, &code) == -1) return code;
    const long n = strtol(minutes, &end, 10);
    if (*end || n < 1) return args_mistake(cli, "--minutes is a number from 1");
    const char *level = strcmp(argv[0], "default") == 0 ? NULL : argv[0];
    json_t *body = json_pack("{s:s?,s:s?,s:i}", "level", level, "service", service, "minutes", (int)n);
    AUTO_FREE char *text = json_dumps(body, JSON_COMPACT);
    json_decref(body);
    return ask(cli, "PUT", "/api/admin/log", text, print_level);
}
