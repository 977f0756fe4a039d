/* supabase_objects: originals and artifacts in Supabase Storage.  An object's path begins with the bucket's name. */
#include <stdlib.h>
#include <string.h>
#include "lib/buf.h"
#include "lib/provider_body.h"
#include "persist-svc/object_path.h"
#include "persist-svc/providers/providers.h"
#include "persist-svc/providers/supabase.h"

#define HEADERS_MAX 6

/* One request about `path`, whose URL and headers live here. */
struct call {
    struct buf url, type;
    const char *headers[HEADERS_MAX];
    struct provider_request request;
};

static int call_begin(struct call *c, const struct supabase *s, const char *method, const char *route, const char *path,
                      struct err *err)
{
    *c = (struct call){.url = BUF_INIT, .type = BUF_INIT};
    buf_printf(&c->url, "%s/storage/v1/%s/%s", s->base, route, path); /* object_path_ok(): nothing in it needs an escape */
    buf_printf(&c->type, "Content-Type: %s", object_mime(path));
    if (c->url.bad || c->type.bad) {
        buf_done(&c->url);
        buf_done(&c->type);
        return err_set(err, ERR_NOMEM, "out of memory");
    }
    bool sends = strcmp(method, "POST") == 0;
    const char *const all[HEADERS_MAX] = {s->apikey, s->bearer, sends ? c->type.data : NULL, "x-upsert: true", "cache-control: no-cache", NULL};
    memcpy(c->headers, all, sizeof all);
    c->request = (struct provider_request){
        .http = {.method = method, .url = c->url.data, .headers = c->headers},
        .judge = supabase_judge_objects,
    };
    return 0;
}

static int call_end(struct call *c, int rc)
{
    buf_done(&c->url);
    buf_done(&c->type);
    return rc;
}

static int put_file(void *state, const char *path, int fd, int64_t size, const char *digest, struct err *err)
{
    struct supabase *s = state;
    struct call c;
    if (call_begin(&c, s, "POST", "object", path, err) == -1) return -1;
    return call_end(&c, provider_send_file(s->provider, &c.request, fd, size, digest, err));
}

static int put_data(void *state, const char *path, const void *data, size_t len, struct err *err)
{
    struct supabase *s = state;
    struct call c;
    if (call_begin(&c, s, "POST", "object", path, err) == -1) return -1;
    return call_end(&c, provider_send(s->provider, &c.request, data, len, err));
}

static int get(void *state, const char *path, int *fd, int64_t *size, struct err *err)
{
    struct supabase *s = state;
    struct call c;
    if (call_begin(&c, s, "GET", "object/authenticated", path, err) == -1) return -1;
    return call_end(&c, provider_fetch_file(s->provider, &c.request, fd, size, err));
}

static int probe(void *state, struct err *err)
{
    struct supabase *s = state;
    struct call c;
    if (call_begin(&c, s, "GET", "bucket", OBJECT_BUCKET, err) == -1) return -1;
    return call_end(&c, provider_ask(s->provider, &c.request, err));
}

static void close_store(void **state)
{
    struct supabase *s = *state;
    if (!s) return;
    supabase_close(s);
    free(s);
    *state = NULL;
}

static int open_store(void **state, const struct settings *settings, struct err *err)
{
    struct supabase *s = calloc(1, sizeof *s);
    if (!s) return err_set(err, ERR_NOMEM, "out of memory");
    *state = s;
    if (supabase_open(s, settings, "supabase-storage", SUPABASE_OBJECTS, "store,fetch,save", err) == 0) return 0;
    close_store(state);
    return -1;
}

static int64_t paused_until_ms(void *state)
{
    return provider_paused_until_ms(((struct supabase *)state)->provider);
}

const struct object_store object_store_supabase = {
    .name = "supabase",
    .open = open_store,
    .close = close_store,
    .paused_until_ms = paused_until_ms,
    .probe = probe,
    .put_file = put_file,
    .put_data = put_data,
    .get = get,
};
