/* libraries: what other versions of Sheaf left in Redis of its libraries of functions (lib/scripts.c). */
#ifndef SHEAF_DISPATCHER_LIBRARIES_H
#define SHEAF_DISPATCHER_LIBRARIES_H

#include "lib/redis.h"

/* Asks which there are, and drops those that this version does not call.  Once, at the start: while two versions run side by side, what
 * the other still calls is loaded again by whoever misses it, and drops out at the next start.  Errors are ignored: where there are no
 * functions, nothing is left of them. */
void libraries_forget_old(redis_t *redis);

#endif
