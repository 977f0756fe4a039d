/* scripts: the Lua of proto/redis/, built into the binary: each is the parts that all use and its own file; turn is
 * made of commit.lua and take.lua as well.
 * The build puts them together; scripts_init() works out their digests; call it once, before threads start. */
#ifndef SHEAF_SCRIPTS_H
#define SHEAF_SCRIPTS_H

#include "lib/redis.h"

#define SCRIPTS(X) SCRIPTS_OF_ONE_FILE(X) X(turn)
#define SCRIPTS_OF_ONE_FILE(X)                                                                               \
    X(enqueue) X(batch) X(defer) X(give_back) X(renew) X(reclaim) X(adopt) X(promote) X(cancel) X(rerun) X(reap) X(admin)

#define X(name) extern struct redis_script script_##name;
SCRIPTS(X)
#undef X

void scripts_init(void);

/* The prefix of all keys of a shard, "sheaf:{00}:": KEYS[1] of every script. */
#define SHARD_KEY_MAX 16
char *shard_key(char out[SHARD_KEY_MAX], unsigned shard);

#endif
