#include "dispatcher/libraries.h"

#include <string.h>

#include "lib/log.h"
#include "lib/scripts.h"

static bool is_ours(const char *library)
{
#define X(name) if (script_##name.as_library && !strcmp(library, script_##name.function)) return true;
    SCRIPTS(X)
#undef X
    return false;
}

/* A library is a flat list of names and values. */
static const char *name_of(const redis_reply_t *library)
{
    for (size_t i = 0; i + 1 < redis_len(library); i += 2)
        if (!strcmp(redis_str(redis_at(library, i)), "library_name")) return redis_str(redis_at(library, i + 1));
    return "";
}

static void on_libraries(void *user, const redis_reply_t *reply)
{
    redis_t *redis = user;
    for (size_t i = 0; redis_type(reply) == REDIS_ARRAY && i < redis_len(reply); i++) {
        const char *name = name_of(redis_at(reply, i));
        if (!*name || is_ours(name)) continue;
        log_info("library_dropped", F_STR("library", name));
        (void)redis_send(redis, 3, (const char *const[]){"FUNCTION", "DELETE", name}, NULL, NULL, NULL);
    }
}

void libraries_forget_old(redis_t *redis)
{
    (void)redis_send(redis, 4, (const char *const[]){"FUNCTION", "LIST", "LIBRARYNAME", "sheaf_*"}, NULL, on_libraries, redis);
}
