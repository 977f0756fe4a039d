/* lone_script: a script of proto/redis/ that stands alone, beside those of the engine (scripts.h), and the connections its calls go over.
 *
 * For what a service asks Redis by itself, from threads that may wait: is my turn, is this mine, what did others see. Any thread.
 */
#ifndef SHEAF_LONE_SCRIPT_H
#define SHEAF_LONE_SCRIPT_H

#include <stdint.h>
#include "lib/redis.h"
#include "lib/settings.h"

typedef struct lone_script lone_script_t;

/* `name`: the script's, also shown by CLIENT LIST; `source`: its text (EMBED), kept by the caller; `threads`: that may ask at the same time.
 * NULL: ERR_CONFIG (REDIS_URL), ERR_NOMEM. */
lone_script_t *lone_script_new(const struct settings *settings, const char *name, const char *source, int threads, struct err *err);
void lone_script_destroy(lone_script_t **s);

/* As redis_call_script(), on a connection that is free by `deadline_ms`.  0: *reply is the caller's to free; `reply` NULL: not wanted. */
int lone_script_ask(lone_script_t *s, int64_t deadline_ms, const char *key, int argc, const char *const *argv, redis_reply_t **reply, struct err *err);

/* The connections, for what else goes over them. */
redis_pool_t *lone_script_pool(lone_script_t *s);

#endif
