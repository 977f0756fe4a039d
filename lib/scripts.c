#include "lib/scripts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/embed.h"

/* The parts, and the script's own file as main(): all within make(), which answers the function to be called with KEYS and ARGV.
 * Joined by the build, so that they take no memory once they are loaded: a dozen scripts have 0.4 MB, nine tenths of it alike. */
#define LUA(name)   EMBED_FILE("proto/redis/" #name ".lua")
#define OPEN_MAKE   EMBED_TEXT("local function make()\\n")
#define OPEN_MAIN   EMBED_TEXT("local function main()\\nlocal ARGV = ARGS\\n")
#define CLOSE_BOTH  EMBED_TEXT("end\\nreturn function(keys, args) begin(keys, args) return main() end\\nend\\n")
#define CALL_MADE   "return make()(KEYS, ARGV)"
#define PARTS       LUA(core) LUA(jobs) LUA(admission) LUA(stages) LUA(ends) LUA(deliveries) LUA(finish)
#define JOIN(name, more) \
    EMBED_PARTS(lua_##name, OPEN_MAKE PARTS more OPEN_MAIN LUA(name) CLOSE_BOTH EMBED_TEXT(CALL_MADE "\\n"));

#define X(s) JOIN(s, )
SCRIPTS_OF_ONE_FILE(X)
#undef X
JOIN(turn, LUA(commit) LUA(take))

#define X(s) struct redis_script script_##s = {.name = #s, .source = lua_##s};
SCRIPTS(X)
#undef X

/* A script makes its fifty functions anew at every call, which is more than half the cost of one with a single job in it; a library's
 * function keeps them.  Made at its first call: while a library is loaded there is no redis.call().  `flags`: without allow-oom, full memory
 * refuses the call whole.  Sweeping all that is kept costs the cache, so it is done at four times what is kept, a few MiB, not at twice. */
static void join_library(struct redis_script *s, const char *flags)
{
    static const char form[] = "#!lua name=%s\n%.*slocal serve\nlocal function answer(keys, args)\n"
                               "    if not serve then\n        serve = make()\n        collectgarbage('setpause', 400)\n    end\n"
                               "    return serve(keys, args)\nend\n"
                               "redis.register_function{function_name = '%s', callback = answer, flags = {%s}}\n";
    int made = (int)(strlen(s->source) - sizeof CALL_MADE); /* sizeof: with the line's end */
    size_t room = (size_t)made + sizeof form + 2 * sizeof s->function + strlen(flags);
    char *text = malloc(room);
    if (!text) abort(); /* a few KiB at start */
    snprintf(text, room, form, s->function, made, s->source, s->function, flags);
    s->as_library = text;
}

void scripts_init(void)
{
    if (script_turn.as_library) return;
#define X(s) redis_script_init(&script_##s);
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
