/* sweeper: blobs that nobody needs any more, on a thread of its own, since removing them may block.  Asks reap.lua which
 * may go, removes them, and says so; a crash in between only repeats it. */
#ifndef SHEAF_DISPATCHER_SWEEPER_H
#define SHEAF_DISPATCHER_SWEEPER_H

#include "lib/err.h"
#include "lib/settings.h"

typedef struct sweeper sweeper_t;
sweeper_t *sweeper_start(const struct settings *settings, const char *name, struct err *err);
void sweeper_stop(sweeper_t **s);

#endif
