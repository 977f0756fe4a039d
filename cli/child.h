/* child: starts a program of ours as a child process that cannot outlive us. */
#ifndef SHEAF_CLI_CHILD_H
#define SHEAF_CLI_CHILD_H

#include <sys/types.h>
#include "lib/err.h"

/* Exit code of a child whose program could not be started at all, as in shells. */
#define CHILD_NOT_STARTED 127

/* Starts argv[0] (looked up in PATH when it has no slash) with our environment and, over it, the
 * NAME=value texts of `environment` (ended by NULL).  Standard output and error both go to *output, a
 * non-blocking pipe that the caller closes.  The child has a process group of its own, so that a Ctrl-C
 * of the terminal reaches only us, and is killed by the kernel when we die. */
pid_t child_start(const char *const *argv, const char *const *environment, int *output, struct err *err);

#endif
