#include "lib/scripts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/embed.h"

EMBED(lua_core, "proto/redis/core.lua");
EMBED(lua_jobs, "proto/redis/jobs.lua");
EMBED(lua_admission, "proto/redis/admission.lua");
EMBED(lua_stages, "proto/redis/stages.lua");
EMBED(lua_ends, "proto/redis/ends.lua");
EMBED(lua_deliveries, "proto/redis/deliveries.lua");
EMBED(lua_finish, "proto/redis/finish.lua");
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
#define TEXT(text) text, sizeof(text) - 1

static void join(struct redis_script *script, const struct part *parts, size_t n)
{
    size_t size = 1;
    for (size_t i = 0; i < n; i++) size += parts[i].size;
    char *text = malloc(size), *at = text;
    if (!text) abort(); /* a few KiB at start */
    for (size_t i = 0; i < n; i++) at = (char *)memcpy(at, parts[i].text, parts[i].size) + parts[i].size;
    *at = '\0';
    script->source = text;
    redis_script_init(script);
}

/* The parts, and the script's own file as main(): all within make(), which answers the function to be called with KEYS and ARGV. */
static const struct part open_make = {TEXT("local function make()\n")}, open_main = {TEXT("local function main()\nlocal ARGV = ARGS\n")},
                         close_both = {TEXT("end\nreturn function(keys, args) begin(keys, args) return main() end\nend\n")},
                         call_made = {TEXT("return make()(KEYS, ARGV)\n")};
#define PARTS open_make, PART(core), PART(jobs), PART(admission), PART(stages), PART(ends), PART(deliveries), PART(finish)
#define JOIN(script, ...)                                                                                    \
    if (!(script)->source)                                                                                   \
    join(script, (const struct part[]){__VA_ARGS__}, sizeof((const struct part[]){__VA_ARGS__}) / sizeof(struct part))

/* A script makes its fifty functions anew at every call, which is more than half the cost of one with a single job in it; a library's
 * function keeps them.  Made at its first call: while a library is loaded there is no redis.call().  `flags`: without allow-oom, full memory
 * refuses the call whole.  Sweeping all that is kept costs the cache, so it is done at four times what is kept, a few MiB, not at twice. */
static void join_library(struct redis_script *s, const char *flags)
{
    static const char form[] = "#!lua name=%s\n%.*slocal serve\nlocal function answer(keys, args)\n"
                               "    if not serve then\n        serve = make()\n        collectgarbage('setpause', 400)\n    end\n"
                               "    return serve(keys, args)\nend\n"
                               "redis.register_function{function_name = '%s', callback = answer, flags = {%s}}\n";
    int made = (int)(strlen(s->source) - call_made.size);
    size_t room = (size_t)made + sizeof form + 2 * sizeof s->function + strlen(flags);
    char *text = malloc(room);
    if (!text) abort(); /* as above */
    snprintf(text, room, form, s->function, made, s->source, s->function, flags);
    s->as_library = text;
}

void scripts_init(void)
{
    if (script_turn.source) return;
    JOIN(&script_turn, PARTS, PART(commit), PART(take), open_main, PART(turn), close_both, call_made);
#define X(s) JOIN(&script_##s, PARTS, open_main, PART(s), close_both, call_made);
    SCRIPTS(X)
#undef X
    join_library(&script_turn, "'allow-oom'"); /* results count at full memory, too */
    join_library(&script_enqueue, "");
}

char *shard_key(char out[SHARD_KEY_MAX], unsigned shard)
{
    snprintf(out, SHARD_KEY_MAX, "sheaf:{%02x}:", shard & 0xffu);
    return out;
}
