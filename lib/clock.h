/* clock: the two clocks.  Deadlines are moments on the monotonic one; what people and databases
 * see is UTC.  Tests replace the monotonic clock with clock_fake(). Any thread. */
#ifndef SHEAF_CLOCK_H
#define SHEAF_CLOCK_H

#include <pthread.h>
#include <stddef.h>
#include <stdint.h>

int64_t clock_ms(void);                                   /* monotonic milliseconds */
int64_t clock_wall_ms(void);                              /* since 1970, UTC */
void clock_fake(int64_t (*now_ms)(void));                 /* NULL brings the real one back */
#define CLOCK_RFC3339_MAX 25                              /* "2026-11-24T03:44:00.123Z" and NUL */
char *clock_rfc3339(int64_t wall_ms, char out[CLOCK_RFC3339_MAX]);
int clock_parse_rfc3339(const char *text, int64_t *wall_ms); /* -1: not RFC 3339 */

/* Conditions that wait by the monotonic clock. Wait: 0 woken (perhaps for nothing), -1 the moment has passed. */
void clock_cond_init(pthread_cond_t *cond);
int clock_cond_wait(pthread_cond_t *cond, pthread_mutex_t *lock, int64_t until_ms);

#endif
