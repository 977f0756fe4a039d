/* retry: how long a task waits before it is tried again.  Pure. */
#ifndef SHEAF_DISPATCHER_RETRY_H
#define SHEAF_DISPATCHER_RETRY_H

#include <stdint.h>

/* Exponential with full spread in the upper half: attempt 1 waits 0.5-1 s, 2 1-2 s, 3 2-4 s, … up to 60 s, so that
 * tasks that failed together do not come back together.  `random` is any 32 random bits. */
int64_t retry_after_ms(uint32_t attempt, uint32_t random);

/* A throttled task waits as told, at least 100 ms, at most an hour, plus up to a tenth of jitter. */
int64_t throttle_after_ms(int64_t told_ms, uint32_t random);

#endif
