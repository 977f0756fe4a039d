#include "cli/cli.h"

#include <stdio.h>

enum cli_exit cli_fail(const struct cli *cli, const struct err *err)
{
    (void)fprintf(stderr, "sheaf %s: %s\n", cli->command->name, err->text);
    switch (err->kind) {
    case ERR_CONFIG:
        return CLI_USAGE;
    case ERR_TIMEOUT:
    case ERR_UNAVAILABLE:
        return CLI_UNREACHABLE;
    default:
        return CLI_NO;
    }
}
