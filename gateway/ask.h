/* ask: questions to Redis on a connection of the pool, within REDIS_ANSWER_MS. Any thread. */
#ifndef SHEAF_GATEWAY_ASK_H
#define SHEAF_GATEWAY_ASK_H

#include "gateway/gateway.h"
#include "lib/scripts.h"
#include "proto/ids.h"

#define ASK_KEY_MAX (SHARD_KEY_MAX + ID_TEXT + 64)

/* "sheaf:{00}:job:<id>"; `id` is valid. */
char *ask_job_key(char out[ASK_KEY_MAX], const char *id);

/* All answered and none an error, or -1 with all released. */
int ask_redis(struct gateway *g, const struct redis_command *commands, int n, redis_reply_t **replies,
              struct err *err);
int ask_script(struct gateway *g, const struct redis_script *script, unsigned shard, int argc,
               const char *const *argv, redis_reply_t **reply, struct err *err);
void ask_free(redis_reply_t **replies, int n);

#endif
