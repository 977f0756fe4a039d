#include "dispatcher/presence.h"

#include <string.h>
#include <unistd.h>

#include "lib/buf.h"
#include "lib/embed.h"
#include "lib/svc.h"

#define LIFE_MS "5000"

static void send(redis_t *redis, const char *const *argv, int argc)
{
    (void)redis_send(redis, argc, argv, NULL, NULL, NULL);
}

EMBED(lua_alive, "proto/redis/alive.lua");

/* Others act on it, so it must be there whatever memory there is.  EVAL with the text of three commands: once in a while, and nothing to be loaded. */
static void put_dispatcher(redis_t *redis, const char *instance, const struct buf *value)
{
    char key[128];
    snprintf(key, sizeof key, "sheaf:dispatcher:%s", instance);
    if (!value->bad) send(redis, (const char *const[]){"EVAL", lua_alive, "2", key, "sheaf:dispatchers", value->data, LIFE_MS, instance}, 8);
}

/* For people.  The value changes every time (tasks in hand), so it is set every time; at full memory SET is refused and the
 * PEXPIRE behind it keeps what is there. */
static void put_worker(redis_t *redis, const char *instance, const struct buf *value)
{
    char key[128];
    snprintf(key, sizeof key, "sheaf:worker:%s", instance);
    if (value->bad) return;
    send(redis, (const char *const[]){"SET", key, value->data, "PX", LIFE_MS}, 5);
    send(redis, (const char *const[]){"PEXPIRE", key, LIFE_MS}, 3);
    send(redis, (const char *const[]){"SADD", "sheaf:workers", instance}, 3);
}

static void describe_worker(struct buf *b, const struct worker *w)
{
    const char *comma = "";
    buf_puts(b, "{\"service\":");
    buf_json_string(b, w->service);
    buf_puts(b, ",\"host\":");
    buf_json_string(b, w->host);
    buf_puts(b, ",\"version\":");
    buf_json_string(b, w->version);
    buf_puts(b, ",\"types\":{");
    for (int row = 0; row < PIPELINE_TYPES; row++) {
        const struct worker_type *t = &w->types[row];
        if (!t->total) continue;
        buf_printf(b, "%s\"%s\":{\"room\":%u,\"in_hand\":%u,\"via\":", comma, pipeline[row].type, t->total, t->in_hand);
        buf_json_string(b, t->via);
        buf_putc(b, '}');
        comma = ",";
    }
    buf_puts(b, "}}");
}

void presence_write(redis_t *redis, const char *me, const char *endpoint, const struct workers *workers)
{
    struct buf b = BUF_INIT;
    char host[64] = "";
    (void)gethostname(host, sizeof host - 1);
    buf_puts(&b, "{\"host\":");
    buf_json_string(&b, host);
    buf_puts(&b, ",\"endpoint\":");
    buf_json_string(&b, endpoint);
    buf_puts(&b, ",\"version\":\"" SHEAF_VERSION "\"}");
    put_dispatcher(redis, me, &b);
    for (const struct worker *w = workers->first; w; w = w->next) {
        buf_clear(&b);
        describe_worker(&b, w);
        if (*w->instance) put_worker(redis, w->instance, &b);
    }
    buf_done(&b);
}

static void end(redis_t *redis, const char *kind, const char *instance)
{
    char key[128], set[32];
    snprintf(key, sizeof key, "sheaf:%s:%s", kind, instance);
    snprintf(set, sizeof set, "sheaf:%ss", kind);
    send(redis, (const char *const[]){"DEL", key}, 2);
    send(redis, (const char *const[]){"SREM", set, instance}, 3);
}

void presence_end(redis_t *redis, const char *me)
{
    end(redis, "dispatcher", me);
}

void presence_end_worker(redis_t *redis, const struct worker *w)
{
    if (*w->instance) end(redis, "worker", w->instance);
}
