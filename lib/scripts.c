#include "lib/scripts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/embed.h"

EMBED(lua_common, "proto/redis/common.lua");
EMBED(lua_enqueue, "proto/redis/enqueue.lua");
EMBED(lua_batch, "proto/redis/batch.lua");
EMBED(lua_commit, "proto/redis/commit.lua");
EMBED(lua_take, "proto/redis/take.lua");
EMBED(lua_turn, "proto/redis/turn.lua");
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

struct part {
    const char *text;
    size_t size; /* without the NUL */
};
#define PART(name) {lua_##name, lua_##name##_size}

static void join(struct redis_script *script, const struct part *parts, int n)
{
    size_t size = 1;
    for (int i = 0; i < n; i++) size += parts[i].size;
    char *text = malloc(size), *at = text;
    if (!text) abort(); /* a few KiB at start */
    for (int i = 0; i < n; i++) at = (char *)memcpy(at, parts[i].text, parts[i].size) + parts[i].size;
    *at = '\0';
    script->source = text;
    redis_script_init(script);
}

void scripts_init(void)
{
    const struct part turn[] = {PART(common), PART(commit), PART(take), PART(turn)};
    if (!script_turn.source) join(&script_turn, turn, 4);
#define X(s)                                                                                                 \
    if (!script_##s.source) join(&script_##s, (const struct part[]){PART(common), PART(s)}, 2);
    SCRIPTS(X)
#undef X
}

char *shard_key(char out[SHARD_KEY_MAX], unsigned shard)
{
    snprintf(out, SHARD_KEY_MAX, "sheaf:{%02x}:", shard & 0xffu);
    return out;
}
