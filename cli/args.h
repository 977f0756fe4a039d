/* args: the options of one command, as a table; its --help comes from the same table. */
#ifndef SHEAF_CLI_ARGS_H
#define SHEAF_CLI_ARGS_H

#include "cli/cli.h"

struct option {
    const char *name; /* with its dashes */
    enum { OPT_FLAG, OPT_TEXT, OPT_LIST } kind;
    void *to; /* bool *, const char ** or struct option_list *; texts are borrowed from argv */
    const char *value, *help; /* what the help calls the value; NULL for a flag */
};

#define OPTION_LIST_MAX 32
struct option_list {
    const char *items[OPTION_LIST_MAX];
    int n;
};

/* Takes the options out of argv; what remains are the operands, at least `least` and at most `most` of
 * them (-1: any number), moved to argv[0...].  Options may stand anywhere before "--"; both
 * "--name value" and "--name=value" are taken, and --json and --help of every command.
 * The number of operands, or -1 with *exit_code set: the help was printed, or a mistake was told. */
int args_parse(struct cli *cli, int argc, char **argv, const struct option *options, int n_options, int least,
               int most, enum cli_exit *exit_code);
/* A mistake in the command line that the table cannot see: says it, answers CLI_USAGE. */
enum cli_exit args_mistake(const struct cli *cli, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
