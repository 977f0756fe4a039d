/* unit: one supervised process: its state, its files, its restarts. Only supervisor.c uses it. */
#ifndef SHEAF_CLI_UNIT_H
#define SHEAF_CLI_UNIT_H

#include <sys/types.h>
#include "cli/probe.h"
#include "cli/relay.h"
#include "cli/supervisor.h"

struct unit {
    char *argv[UNIT_ARGS_MAX], *environment[UNIT_ENV_MAX + 1]; /* owned */
    char name[40];                                             /* "ocr-svc.1" */
    char pid_path[4096], port_path[4096];
    enum unit_rank rank;
    int fixed_port, port;
    const char *address, *question, *wanted;
    pid_t pid;  /* 0: not running */
    int output; /* the pipe it writes to, -1: none */
    bool ready; /* answered since its start */
    bool told;  /* was sent SIGTERM */
    int64_t start_at_ms, started_ms, backoff_ms, kill_at_ms, probe_at_ms;
    struct probe probe;
    struct relay relay;
};

int unit_init(struct unit *u, const struct unit_spec *spec, const struct supervisor_options *options,
              int colour, struct err *err);
void unit_done(struct unit *u);
/* Starts the process. On failure it is due again after its backoff. */
int unit_start(struct unit *u, struct err *err);
/* The process has ended with this wait status: says so, sets the time of the next start. */
void unit_ended(struct unit *u, int status, bool stopping);
/* Tells it to end: SIGTERM now, SIGKILL at kill_at_ms. */
void unit_stop(struct unit *u, int64_t drain_ms);
void unit_kill(struct unit *u);
/* Reads what it wrote; closes the pipe at its end. */
void unit_relay(struct unit *u);
/* Probing until it is ready: begins, or goes on with what poll said. */
void unit_probe(struct unit *u, short revents);
/* The next moment at which one of the calls above is due. */
int64_t unit_next_ms(const struct unit *u, bool may_start);

#endif
