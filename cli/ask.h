/* ask: the commands that are one call to the gateway and the showing of its answer. */
#ifndef SHEAF_CLI_ASK_H
#define SHEAF_CLI_ASK_H

#include <jansson.h>
#include "cli/cli.h"

/* Shows the answer as it is with --json, else by `print`.  `request` is a JSON text or NULL; `path` NULL: there was
 * no memory to make it. */
enum cli_exit ask(const struct cli *cli, const char *method, const char *path, const char *request,
                  void (*print)(const json_t *answer));

#endif
