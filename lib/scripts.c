#include "lib/scripts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/embed.h"

EMBED(lua_common, "proto/redis/common.lua");
EMBED(lua_enqueue, "proto/redis/enqueue.lua");
EMBED(lua_batch, "proto/redis/batch.lua");
EMBED(lua_take, "proto/redis/take.lua");
EMBED(lua_commit, "proto/redis/commit.lua");
EMBED(lua_defer, "proto/redis/defer.lua");
EMBED(lua_give_back, "proto/redis/give_back.lua");
EMBED(lua_renew, "proto/redis/renew.lua");
EMBED(lua_reclaim, "proto/redis/reclaim.lua");
EMBED(lua_adopt, "proto/redis/adopt.lua");
EMBED(lua_promote, "proto/redis/promote.lua");
EMBED(lua_cancel, "proto/redis/cancel.lua");
EMBED(lua_rerun, "proto/redis/rerun.lua");
EMBED(lua_reap, "proto/redis/reap.lua");
EMBED(lua_admin, "proto/redis/admin.lua");

#define X(s) struct redis_script script_##s = {.name = #s};
SCRIPTS(X)
#undef X

static void join(struct redis_script *script, const char *own, size_t own_size)
{
    char *text = malloc(lua_common_size + own_size + 1);
    if (!text) abort(); /* a few KiB at start */
    memcpy(text, lua_common, lua_common_size);
    memcpy(text + lua_common_size, own, own_size + 1);
    script->source = text;
    redis_script_init(script);
}

void scripts_init(void)
{
#define X(s)                                                                                                 \
    if (!script_##s.source) join(&script_##s, lua_##s, lua_##s##_size);
    SCRIPTS(X)
#undef X
}

char *shard_key(char out[SHARD_KEY_MAX], unsigned shard)
{
    snprintf(out, SHARD_KEY_MAX, "sheaf:{%02x}:", shard & 0xffu);
    return out;
}
