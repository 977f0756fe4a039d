#include "cli/args.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum cli_exit args_mistake(const struct cli *cli, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    (void)fprintf(stderr, "sheaf %s: ", cli->command->name);
    (void)vfprintf(stderr, fmt, args);
    (void)fprintf(stderr, "\nsee: sheaf %s --help\n", cli->command->name);
    va_end(args);
    return CLI_USAGE;
}

static void print_help(const struct command *command, const struct option *options, int n_options)
{
    (void)printf("usage: sheaf %s %s\n\n%s\n\n", command->name, command->synopsis, command->about);
    for (int i = 0; i < n_options; i++) {
        char left[64];
        const struct option *o = &options[i];
        (void)snprintf(left, sizeof left, "%s%s%s", o->name, o->value ? " " : "", o->value ? o->value : "");
        (void)printf("  %-22s %s\n", left, o->help);
    }
    (void)printf("  %-22s %s\n  %-22s %s\n", "--json", "answer in JSON", "--help", "this text");
}

/* The option that `arg` names, with *value behind its "=" (or NULL). */
static const struct option *find(const struct option *options, int n_options, const char *arg,
                                 const char **value)
{
    size_t len = strcspn(arg, "=");
    for (int i = 0; i < n_options; i++) {
        if (strncmp(options[i].name, arg, len) != 0 || options[i].name[len]) continue;
        *value = arg[len] ? arg + len + 1 : NULL;
        return &options[i];
    }
    return NULL;
}

static int store(const struct option *o, const char *value)
{
    struct option_list *list = o->to;
    switch (o->kind) {
    case OPT_FLAG:
        *(bool *)o->to = true;
        return 0;
    case OPT_TEXT:
        *(const char **)o->to = value;
        return 0;
    case OPT_LIST:
        if (list->n == OPTION_LIST_MAX) return -1;
        list->items[list->n++] = value;
        return 0;
    }
    return -1;
}

int args_parse(struct cli *cli, int argc, char **argv, const struct option *options, int n_options, int least,
               int most, enum cli_exit *exit_code)
{
    int operands = 0;
    bool only_operands = false;
    for (int i = 0; i < argc; i++) {
        const char *value;
        if (only_operands || argv[i][0] != '-' || !argv[i][1]) {
            argv[operands++] = argv[i];
            continue;
        }
        if (strcmp(argv[i], "--") == 0) {
            only_operands = true;
            continue;
        }
        if (strcmp(argv[i], "--json") == 0) {
            cli->json = true;
            continue;
        }
        if (strcmp(argv[i], "--help") == 0) {
            print_help(cli->command, options, n_options);
            *exit_code = CLI_OK;
            return -1;
        }
        const struct option *o = find(options, n_options, argv[i], &value);
        bool takes_value = o && o->kind != OPT_FLAG;
        if (!o || (!takes_value && value))
            *exit_code = args_mistake(cli, "%s is not an option of it", argv[i]);
        else if (takes_value && !value && !(value = i + 1 < argc ? argv[++i] : NULL))
            *exit_code = args_mistake(cli, "%s needs a value: %s", o->name, o->value);
        else if (store(o, value) == -1)
            *exit_code = args_mistake(cli, "%s is given too often", o->name);
        else
            continue;
        return -1;
    }
    if (operands >= least && (most == -1 || operands <= most)) return operands;
    *exit_code = args_mistake(cli, "usage: sheaf %s %s", cli->command->name, cli->command->synopsis);
    return -1;
}
