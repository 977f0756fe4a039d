/* presence: who is alive, written to Redis for everybody to see: sheaf:dispatcher:<instance> for ourselves and
 * sheaf:worker:<instance> for each connected worker, JSON with a life of 5 s.  Full memory does not keep us from saying that we live
 * (proto/redis/alive.lua); of a worker it leaves what was said before. */
#ifndef SHEAF_DISPATCHER_PRESENCE_H
#define SHEAF_DISPATCHER_PRESENCE_H

#include "dispatcher/workers.h"
#include "lib/redis.h"

#define PRESENCE_EVERY_MS 1500

void presence_write(redis_t *redis, const char *me, const char *endpoint, const struct workers *workers);
void presence_end(redis_t *redis, const char *me); /* we leave: do not wait for the 5 s */
void presence_end_worker(redis_t *redis, const struct worker *w);

#endif
