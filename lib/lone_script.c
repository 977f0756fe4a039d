#include "lib/lone_script.h"

#include <stdlib.h>

struct lone_script {
    struct redis_script script;
    redis_pool_t *pool;
};

lone_script_t *lone_script_new(const struct settings *settings, const char *name, const char *source, int threads, struct err *err)
{
    struct redis_options options = {.url = settings->redis_url, .ca_file = settings->redis_ca_file, .name = name};
    lone_script_t *s = calloc(1, sizeof *s);
    if (!s) {
        err_set(err, ERR_NOMEM, "out of memory");
        return NULL;
    }
    s->script = (struct redis_script){.name = name, .source = source};
    redis_script_init(&s->script);
    s->pool = redis_pool_new(&options, threads, err);
    if (!s->pool) lone_script_destroy(&s);
    return s;
}

void lone_script_destroy(lone_script_t **s)
{
    if (!*s) return;
    redis_pool_destroy(&(*s)->pool);
    free(*s);
    *s = NULL;
}

int lone_script_ask(lone_script_t *s, int64_t deadline_ms, const char *key, int argc, const char *const *argv, redis_reply_t **reply, struct err *err)
{
    redis_reply_t *answer = NULL;
    redis_t *r = redis_pool_take(s->pool, deadline_ms, err);
    if (!r) return -1;
    int rc = redis_call_script(r, deadline_ms, &s->script, key, argc, argv, NULL, &answer, err);
    redis_pool_put(s->pool, &r);
    if (reply && rc == 0) *reply = answer;
    else redis_reply_free(answer);
    return rc;
}

redis_pool_t *lone_script_pool(lone_script_t *s)
{
    return s->pool;
}
