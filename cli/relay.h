/* relay: what one child writes, line by line: to its log file as it is, to standard error with the
 * child's name before it (in colour when that is a terminal). */
#ifndef SHEAF_CLI_RELAY_H
#define SHEAF_CLI_RELAY_H

#include <stdbool.h>
#include "lib/buf.h"

struct relay {
    char name[40];
    char path[4096];
    int colour; /* ANSI number, 0: none */
    bool quiet; /* only to the file */
    bool stuck; /* standard error took nothing the last time */
    int file;   /* -1: not open */
    long file_bytes;
    struct buf line; /* the beginning of a line whose end has not come */
};

/* Standard error is waited for a moment, once: a terminal that is paused, or a pipe that nobody reads, must not stop the services. What it does
 * not take is in the file.  `path` is appended to; a file above 16 MiB is renamed to path.1 first. Errors of the file are not fatal. */
void relay_init(struct relay *r, const char *name, const char *path, int colour, bool quiet);
void relay_done(struct relay *r);
/* Reads what waits in the pipe; false when its writers are gone. */
bool relay_read(struct relay *r, int fd);
/* A line of our own in the same dress. */
void relay_say(struct relay *r, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
