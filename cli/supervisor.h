/* supervisor: keeps a set of child processes running, in one poll loop without threads.
 *
 * Start: the ranks upwards; Redis answers before anything else is started.  A unit that dies is started again
 * after 0.2 s, doubling to 5 s, forgotten once it lived for 10 s.  Stop (SIGTERM or SIGINT, or a unit
 * that ends with "your mistake", which no restart mends): the ranks downwards, each by SIGTERM and, at its
 * deadline, SIGKILL, so that nothing upstream feeds what is already draining.  A second signal kills at once.
 */
#ifndef SHEAF_CLI_SUPERVISOR_H
#define SHEAF_CLI_SUPERVISOR_H

#include <stdbool.h>
#include <stdint.h>
#include "lib/err.h"

enum unit_rank { RANK_REDIS, RANK_DISPATCHER, RANK_STAGE, RANK_GATEWAY };

#define UNIT_ARGS_MAX 40
#define UNIT_ENV_MAX  6

struct unit_spec {
    const char *service; /* "ocr-svc" */
    int number;          /* of the replica, from 0 */
    enum unit_rank rank;
    const char *const *argv;        /* ended by NULL, at most UNIT_ARGS_MAX with it */
    const char *const *environment; /* "NAME=value", ended by NULL, at most UNIT_ENV_MAX with it */
    int probe_port; /* ready once it answers here; 0: choose a free port at each start and pass it as
                       SHEAF_ADMIN_PORT */
    const char *address, *question, *wanted; /* see probe.h; borrowed for ever */
};

struct supervisor_options {
    const char *var;        /* absolute; has log/ and run/ */
    const char *ready_line; /* said, and written to ready_file, once every unit is ready */
    const char *ready_file; /* may be NULL */
    const char *notice;     /* said before the ready_line */
    int64_t drain_ms;       /* from SIGTERM to SIGKILL */
    bool quiet, colour;
};

typedef struct supervisor supervisor_t;
supervisor_t *supervisor_new(const struct supervisor_options *options, struct err *err);
int supervisor_add(supervisor_t *s, const struct unit_spec *spec, struct err *err); /* copies what it keeps */
/* Until everything has ended. 0 after a stop that was asked for; -1 when a unit cannot run. */
int supervisor_run(supervisor_t *s, struct err *err);
void supervisor_destroy(supervisor_t **s);

#endif
