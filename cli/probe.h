/* probe: asks a child on this machine "are you ready?" without waiting for it: one connection that
 * says one thing and looks at the beginning of the answer, driven by the caller's poll loop. */
#ifndef SHEAF_CLI_PROBE_H
#define SHEAF_CLI_PROBE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

enum probe_result { PROBE_WAITING, PROBE_YES, PROBE_NO };

struct probe {
    int fd; /* -1: none under way */
    const char *question, *wanted;
    int64_t deadline_ms;
    size_t got;
    char answer[64];
};

#define PROBE_NONE ((struct probe){.fd = -1})

/* Begins to ask at address:port (IPv4; what is none: 127.0.0.1) whether an answer to `question` begins with `wanted` (both borrowed,
 * wanted shorter than 64 bytes).  Gives up after a second. */
void probe_begin(struct probe *p, const char *address, int port, const char *question, const char *wanted);
short probe_events(const struct probe *p);
/* To be called when the descriptor is ready or time has passed; closes it when done. */
enum probe_result probe_turn(struct probe *p, short revents);
void probe_cancel(struct probe *p);

#endif
