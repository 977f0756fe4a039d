/* child: our own binary started again, for work that a hostile document may break, and what such a process gives up.
 *
 * The decoding child (decode_child.c) and LibreOffice's keeper (office_child.c) are started this way. */
#ifndef SHEAF_OCR_SVC_CHILD_H
#define SHEAF_OCR_SVC_CHILD_H

#include <stdint.h>
#include <sys/types.h>

#define CHILD_FD 3 /* the first descriptor that it is given */

/* fork+exec of our own binary (never a bare fork of a threaded process) with `argv`, which begins with a name and ends
 * with NULL.  It is given nothing that it could leak: `fds` become its descriptors CHILD_FD and on, all others are
 * closed, /dev/null stands for the standard streams, the environment is empty but for the locale.  Returns 0, or an
 * errno. Any thread. */
int child_spawn(pid_t *pid, char *const argv[], const int *fds, int n);

/* Of the calling process, for good; what it starts inherits all of it. */
void child_confine(void);                   /* no new privileges, no core, no interrupt from the terminal */
void child_cap(int resource, int64_t most); /* RLIMIT_…; a lower limit that is already in force stays */
/* From here on socket() gives local sockets only. -1: the kernel does not offer that. */
int child_deny_network(void);

#endif
