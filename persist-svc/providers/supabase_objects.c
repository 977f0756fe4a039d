/* supabase_objects: originals and artifacts in Supabase Storage.  An object's path begins with the bucket's name. */
#include <stdlib.h>
#include <string.h>
#include <jansson.h>
#include "lib/buf.h"
#include "lib/clock.h"
#include "lib/provider_body.h"
#include "persist-svc/object_path.h"
#include "persist-svc/providers/providers.h"
#include "persist-svc/providers/supabase.h"

#define HEADERS_MAX 6
#define ASK_MS      15000
#define LIST_MOST   1000

/* One request about `path`, whose URL and headers live here. */
struct call {
    struct buf url, type;
    const char *headers[HEADERS_MAX];
    struct provider_request request;
};

static int call_begin(struct call *c, const struct supabase *s, const char *method, const char *route, const char *path,
                      const char *mime, struct err *err)
{
    *c = (struct call){.url = BUF_INIT, .type = BUF_INIT};
    buf_printf(&c->url, "%s/storage/v1/%s/%s", s->base, route, path); /* object_path_ok(): nothing in it needs an escape */
    buf_printf(&c->type, "Content-Type: %s", mime ? mime : "");
    if (c->url.bad || c->type.bad) {
        buf_done(&c->url);
        buf_done(&c->type);
        return err_set(err, ERR_NOMEM, "out of memory");
    }
    const char *const all[HEADERS_MAX] = {s->apikey, s->bearer, mime ? c->type.data : NULL, "x-upsert: true", "cache-control: no-cache", NULL};
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
    if (call_begin(&c, s, "POST", "object", path, object_mime(path), err) == -1) return -1;
    c.request.judge = supabase_judge_stored;
    return call_end(&c, provider_send_file(s->provider, &c.request, fd, size, digest, err));
}

static int put_data(void *state, const char *path, const void *data, size_t len, struct err *err)
{
    struct supabase *s = state;
    struct call c;
    if (call_begin(&c, s, "POST", "object", path, object_mime(path), err) == -1) return -1;
    c.request.judge = supabase_judge_stored;
    return call_end(&c, provider_send(s->provider, &c.request, data, len, err));
}

static int get(void *state, const char *path, int *fd, int64_t *size, struct err *err)
{
    struct supabase *s = state;
    struct call c;
    if (call_begin(&c, s, "GET", "object/authenticated", path, NULL, err) == -1) return -1;
    return call_end(&c, provider_fetch_file(s->provider, &c.request, fd, size, err));
}

static int probe(void *state, struct err *err)
{
    struct supabase *s = state;
    struct call c;
    if (call_begin(&c, s, "GET", "bucket", OBJECT_BUCKET, NULL, err) == -1) return -1;
    return call_end(&c, provider_ask(s->provider, &c.request, err));
}

/* ---- about many objects: JSON there and back --------------------------------------------------------------------- */

/* Takes `question`. *answer is an array. */
static int ask_json(struct supabase *s, const char *method, const char *route, json_t *question, json_t **answer, struct err *err)
{
    struct call c;
    struct httpc_answer said = {0};
    char *text = question ? json_dumps(question, JSON_COMPACT) : NULL;
    json_decref(question);
    if (!text) return err_set(err, ERR_NOMEM, "out of memory");
    int rc = call_begin(&c, s, method, route, OBJECT_BUCKET, "application/json", err);
    if (rc == 0) {
        c.request.http.body = text;
        c.request.http.body_len = strlen(text);
        c.request.http.deadline_ms = clock_ms() + ASK_MS;
        rc = provider_call(s->provider, &c.request, &said, err);
        call_end(&c, rc);
    }
    free(text);
    if (rc == -1) return -1;
    *answer = json_loadb(said.body.data, said.body.len, 0, NULL);
    httpc_answer_done(&said);
    if (json_is_array(*answer)) return 0;
    json_decref(*answer);
    return err_set(err, ERR_UNAVAILABLE, SUPABASE_OBJECTS " gave an answer that cannot be read");
}

static const char *in_bucket(const char *path)
{
    const char *slash = strchr(path, '/');
    return slash ? slash + 1 : "";
}

/* What comes back is relative to the storage's own address, one for each path and in their order. */
static int links(void *state, const char *const *paths, size_t n, int64_t expires_s, json_t **out, struct err *err)
{
    struct supabase *s = state;
    json_t *asked = json_array(), *signed_ones = NULL, *list = NULL;
    for (size_t i = 0; i < n; i++) json_array_append_new(asked, json_string(in_bucket(paths[i])));
    if (ask_json(s, "POST", "object/sign", json_pack("{s:I,s:o}", "expiresIn", (json_int_t)expires_s, "paths", asked), &signed_ones, err) == -1)
        return -1;
    list = json_array();
    for (size_t i = 0; i < n; i++) {
        const char *link = json_string_value(json_object_get(json_array_get(signed_ones, i), "signedURL"));
        json_array_append_new(list, link ? json_sprintf("%s/storage/v1%s", s->base, link) : json_null());
    }
    json_decref(signed_ones);
    if (json_array_size(list) == n) {
        *out = list;
        return 0;
    }
    json_decref(list);
    return err_set(err, ERR_NOMEM, "out of memory");
}

#define DEPTH_MOST  8
#define PASSES_MOST 1000

/* A list names what lies directly in a folder; what has no id is a folder in it. Folders are gone when they are empty. */
static int remove_in(struct supabase *s, const char *folder, int depth, struct err *err)
{
    for (int pass = 0; pass < PASSES_MOST; pass++) {
        json_t *entries = NULL, *doomed = json_array(), *gone = NULL, *entry;
        size_t i;
        int rc = ask_json(s, "POST", "object/list", json_pack("{s:s,s:i,s:i}", "prefix", folder, "limit", LIST_MOST, "offset", 0), &entries, err);
        const size_t n = json_array_size(entries);
        json_array_foreach(entries, i, entry)
        {
            const char *name = json_string_value(json_object_get(entry, "name"));
            char path[OBJECT_PATH_MAX];
            if (rc == -1 || !name || snprintf(path, sizeof path, "%s/%s", folder, name) >= (int)sizeof path) continue;
            if (!json_is_null(json_object_get(entry, "id")))
                json_array_append_new(doomed, json_string(path));
            else if (depth < DEPTH_MOST)
                rc = remove_in(s, path, depth + 1, err);
        }
        json_decref(entries);
        const bool some = json_array_size(doomed) > 0;
        if (rc == 0 && some)
            rc = ask_json(s, "DELETE", "object", json_pack("{s:O}", "prefixes", doomed), &gone, err);
        json_decref(doomed);
        json_decref(gone);
        if (rc == -1 || n < LIST_MOST) return rc;
    }
    return err_set(err, ERR_UNAVAILABLE, SUPABASE_OBJECTS " does not remove what it was asked to");
}

static int remove_below(void *state, const char *folder, struct err *err)
{
    return remove_in(state, in_bucket(folder), 0, err);
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
    .links = links,
    .remove = remove_below,
};
