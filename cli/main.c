#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "lib/auto.h"
#include "lib/svc.h"

static const struct command commands[] = {
    {"up", "[--replicas SERVICE=N]...",
     "Starts Redis and the six services on this machine and looks after them.", cmd_up},
    {"submit", "FILE...", "Sends files and shows how far they are.", cmd_submit},
    {"status", "[BATCH]", "How far a batch is; without one, how the whole stack does.", cmd_status},
    {"jobs", "[--state STATE]", "The latest jobs.", cmd_jobs},
    {"job", "ID", "One job: its stages, its records, its error.", cmd_job},
    {"retry", "ID", "Gives a failed job another try.", cmd_retry},
    {"cancel", "ID", "Stops a job that has not ended.", cmd_cancel},
    {"rerun", "ID --from STAGE", "Runs an ended job again from a stage.", cmd_rerun},
    {"dead", "", "What was given up, and why.", cmd_dead},
    {"kick", "TASK | --all", "Gives a buried task another try.", cmd_kick},
    {"pause", "STAGE", "Nothing more of a stage is begun.", cmd_pause},
    {"resume", "STAGE", "A paused stage goes on.", cmd_resume},
    {"workers", "", "Who is alive, by stage, and what is stuck.", cmd_workers},
    {"logs", "[SERVICE]", "The last lines of the logs on this machine.", cmd_logs},
    {"log-level", "LEVEL", "Another level of the log, for a while: error, warn, info, debug; default ends it.",
     cmd_log_level},
    {"export", "[--predictions]",
     "The approved records as CSV, JSON lines or a workbook; or all records in the format of the accuracy "
     "measure.",
     cmd_export},
    {"doctor", "", "Looks for what is wrong and says how to mend it.", cmd_doctor},
};

static void print_help(FILE *out)
{
    (void)fprintf(out, "usage: sheaf COMMAND [ARGUMENTS]\n\n");
    for (size_t i = 0; i < COUNT_OF(commands); i++)
        (void)fprintf(out, "  %-9s %-26s %s\n", commands[i].name, commands[i].synopsis, commands[i].about);
    (void)fprintf(out, "\n`sheaf COMMAND --help` lists the options of a command, --json answers in JSON.\n"
                       "Exit codes: 0 ok, 1 the answer is no, 2 usage, 3 cannot reach.\n\n");
    settings_help(out, W_CLI);
}

static const struct command *find_command(const char *name)
{
    for (size_t i = 0; i < COUNT_OF(commands); i++) {
        if (strcmp(commands[i].name, name) == 0) return &commands[i];
    }
    return NULL;
}

static enum cli_exit run_command(const struct command *command, int argc, char **argv)
{
    AUTO(settings_done) struct settings settings = {0};
    struct cli cli = {.settings = &settings, .command = command};
    struct err err = {0};
    if (settings_load(&settings, &err) == -1) return cli_fail(&cli, &err);
    return command->run(&cli, argc, argv);
}

int main(int argc, char **argv)
{
    const char *name = argc > 1 ? argv[1] : "";
    (void)signal(SIGPIPE, SIG_IGN); /* a closed pipe is an error of write, not the end */
    if (strcmp(name, "--help") == 0 || strcmp(name, "help") == 0) {
        print_help(stdout);
        return CLI_OK;
    }
    if (strcmp(name, "--version") == 0) {
        (void)printf("sheaf %s\n", SHEAF_VERSION);
        return CLI_OK;
    }
    const struct command *command = find_command(name);
    if (command) return (int)run_command(command, argc - 2, argv + 2);
    if (*name) (void)fprintf(stderr, "sheaf: there is no command \"%s\"\n\n", name);
    print_help(stderr);
    return CLI_USAGE;
}
