/* sheaf retry, cancel, rerun: asks the gateway to do something with a job. */
#include <stdio.h>

#include "cli/api.h"
#include "cli/args.h"
#include "cli/text.h"
#include "lib/auto.h"

static enum cli_exit change(const struct cli *cli, const char *path, const char *done)
{
    struct err err = {0};
    json_t *body = NULL;
    if (!path) {
        (void)err_set(&err, ERR_NOMEM, "no memory");
        return cli_fail(cli, &err);
    }
    AUTO(api_close) api_t *api = api_open(cli, &err);
    if (!api || api_post(api, path, NULL, &body, &err) == -1) return cli_fail(cli, &err);
    if (cli->json)
        text_print_json(body);
    else
        (void)puts(done);
    json_decref(body);
    return CLI_OK;
}

enum cli_exit cmd_retry(struct cli *cli, int argc, char **argv)
{
    enum cli_exit code;
    if (args_parse(cli, argc, argv, NULL, 0, 1, 1, &code) == -1) return code;
    AUTO_FREE char *path = api_path("/api/jobs/", argv[0], "/retry");
    return change(cli, path, "it is tried again");
}

enum cli_exit cmd_cancel(struct cli *cli, int argc, char **argv)
{
    enum cli_exit code;
    if (args_parse(cli, argc, argv, NULL, 0, 1, 1, &code) == -1) return code;
    AUTO_FREE char *path = api_path("/api/jobs/", argv[0], "/cancel");
    return change(cli, path, "it is cancelled");
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
    return change(cli, path, "it runs again");
}
