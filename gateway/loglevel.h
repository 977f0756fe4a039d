/* loglevel: a level of the log that is set while services run, for one service or all, and ends by itself.
 *
 * It stands in Redis ("sheaf:log:<service>", proto/redis/README.md) with a life; dispatchers read it too, and tell
 * their workers.  So a debug level that somebody forgets does not fill a disk. */
#ifndef SHEAF_GATEWAY_LOGLEVEL_H
#define SHEAF_GATEWAY_LOGLEVEL_H

#include "gateway/gateway.h"

/* Takes this process to the level that is wanted now, its own configured one when none is. Main loop. */
int loglevel_follow(struct gateway *g, struct err *err);

#endif
