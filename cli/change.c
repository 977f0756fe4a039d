/* sheaf retry, cancel, rerun: asks the gateway to do something with a job. */
#include <stdio.h>

#include "cli/api.h"
#include "cli/args.h"
#include "cli/ask.h"
#include "lib/auto.h"

static void print_retried(const json_t *answer)
{
    (void)answer;
    (void)puts("it is tried again");
}

static void print_cancelled(const json_t *answer)
{
    (void)answer;
    (void)puts("it is cancelled");
}

static void print_rerun(const json_t *answer)
{
    (void)answer;
    (void)puts("it runs again");
}

enum cli_exit cmd_retry(struct cli *cli, int argc, char **argv)
{
    enum cli_exit code;
    if (args_parse(cli, argc, argv, NULL, 0, 1, 1, &code) == -1) return code;
    AUTO_FREE char *path = api_path("/api/jobs/", argv[0], "/retry");
    return ask(cli, "POST", path, NULL, print_retried);
}

enum cli_exit cmd_cancel(struct cli *cli, int argc, char **argv)
{
    enum cli_exit code;
    if (args_parse(cli, argc, argv, NULL, 0, 1, 1, &code) == -1) return code;
    AUTO_FREE char *path = api_path("/api/jobs/", argv[0], "/cancel");
    return ask(cli, "POST", path, NULL, print_cancelled);
}

enum cli_exit cmd_rerun(struct cli *cli, int argc, char **argv)
{
    enum cli_exit code;
    const char *stage = NULL;
    const struct option options[] = {
        {"--from", OPT_TEXT, &stage, "STAGE", "inspect, page, split, extract or save"}};
    if (args_parse(cli, argc, argv, options, COUNT_OF(options), 1, 1, &code) == -1) return code;
    if (!stage) return args_mistake(cli, "--from STAGE is needed");
    AUTO_FREE char *before = api_path("/api/jobs/", argv[0], "/rerun?from=");
    AUTO_FREE char *path = before ? api_path(before, stage, "") : NULL;
    return ask(cli, "POST", path, NULL, print_rerun);
}
