/* cli: what every command of `sheaf` is given, and how it ends. */
#ifndef SHEAF_CLI_CLI_H
#define SHEAF_CLI_CLI_H

#include <stdbool.h>
#include "lib/err.h"
#include "lib/settings.h"

/* Exit codes, for scripts. */
enum cli_exit {
    CLI_OK = 0,
    CLI_NO = 1,         /* the answer is no: refused, failed, not found, something is wrong */
    CLI_USAGE = 2,      /* the command line or a setting makes no sense */
    CLI_UNREACHABLE = 3 /* nobody answers at the other end */
};

struct cli {
    const struct settings *settings;
    const struct command *command; /* the one that runs */
    bool json;                     /* --json: one JSON value on standard output and nothing else there */
};

struct command {
    const char *name;
    const char *synopsis; /* what stands after the name */
    const char *about;    /* one sentence */
    enum cli_exit (*run)(struct cli *cli, int argc, char **argv);
};

/* The commands, by file. */
enum cli_exit cmd_up(struct cli *cli, int argc, char **argv);      /* up.c */
enum cli_exit cmd_submit(struct cli *cli, int argc, char **argv);  /* submit.c */
enum cli_exit cmd_status(struct cli *cli, int argc, char **argv);  /* show.c */
enum cli_exit cmd_job(struct cli *cli, int argc, char **argv);     /* show.c */
enum cli_exit cmd_jobs(struct cli *cli, int argc, char **argv);    /* show.c */
enum cli_exit cmd_workers(struct cli *cli, int argc, char **argv); /* show.c */
enum cli_exit cmd_retry(struct cli *cli, int argc, char **argv);   /* change.c */
enum cli_exit cmd_cancel(struct cli *cli, int argc, char **argv);  /* change.c */
enum cli_exit cmd_rerun(struct cli *cli, int argc, char **argv);   /* change.c */
enum cli_exit cmd_dead(struct cli *cli, int argc, char **argv);      /* operate.c */
enum cli_exit cmd_kick(struct cli *cli, int argc, char **argv);      /* operate.c */
enum cli_exit cmd_pause(struct cli *cli, int argc, char **argv);     /* operate.c */
enum cli_exit cmd_resume(struct cli *cli, int argc, char **argv);    /* operate.c */
enum cli_exit cmd_log_level(struct cli *cli, int argc, char **argv); /* operate.c */
enum cli_exit cmd_logs(struct cli *cli, int argc, char **argv);      /* logs.c */
enum cli_exit cmd_export(struct cli *cli, int argc, char **argv);  /* export.c */
enum cli_exit cmd_doctor(struct cli *cli, int argc, char **argv);  /* doctor.c */

/* Says on standard error what went wrong, and answers the exit code that fits its kind. */
enum cli_exit cli_fail(const struct cli *cli, const struct err *err);

#endif
