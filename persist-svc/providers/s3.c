/* s3: originals and artifacts in an S3 bucket, or in anything that speaks its protocol.  Path style
 * (<endpoint>/<bucket>/<path>), which every server understands. */
#include "persist-svc/providers/s3.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "lib/buf.h"
#include "lib/digest.h"
#include "persist-svc/object_path.h"
#include "persist-svc/providers/http_objects.h"
#include "persist-svc/providers/providers.h"

#define HEADERS_MAX 5

struct s3 {
    provider_t *provider;
    struct buf base;  /* endpoint and bucket */
    struct buf token; /* header line of temporary credentials; empty: none */
    struct httpc_aws aws;
};

/* One request about `path`, whose URL and headers live here. */
struct call {
    struct buf url, type, hash;
    const char *headers[HEADERS_MAX];
    struct provider_request request;
};

static int call_begin(struct call *c, const struct s3 *s, const char *method, const char *path, const char *digest, struct err *err)
{
    *c = (struct call){.url = BUF_INIT, .type = BUF_INIT, .hash = BUF_INIT};
    buf_printf(&c->url, "%s/%s", s->base.data, path); /* object_path_ok(): nothing in it needs an escape */
    buf_printf(&c->type, "Content-Type: %s", object_mime(path));
    buf_printf(&c->hash, "x-amz-content-sha256: %s", digest);
    if (c->url.bad || c->type.bad || c->hash.bad) {
        buf_done(&c->url);
        buf_done(&c->type);
        buf_done(&c->hash);
        return err_set(err, ERR_NOMEM, "out of memory");
    }
    int n = 0;
    c->headers[n++] = c->hash.data;
    if (s->token.len) c->headers[n++] = s->token.data;
    if (strcmp(method, "PUT") == 0) c->headers[n++] = c->type.data;
    c->request = (struct provider_request){
        .http = {.method = method, .url = c->url.data, .headers = c->headers, .aws = &s->aws},
        .judge = s3_judge,
    };
    return 0;
}

static int call_end(struct call *c, int rc)
{
    buf_done(&c->url);
    buf_done(&c->type);
    buf_done(&c->hash);
    return rc;
}

static int put_file(void *state, const char *path, int fd, int64_t size, const char *digest, struct err *err)
{
    struct s3 *s = state;
    struct call c;
    if (call_begin(&c, s, "PUT", path, digest, err) == -1) return -1;
    return call_end(&c, http_objects_send_file(s->provider, &c.request, fd, size, digest, err));
}

static int put_data(void *state, const char *path, const void *data, size_t len, struct err *err)
{
    struct s3 *s = state;
    struct call c;
    char hex[DIGEST_HEX];
    digest_hex(data, len, hex);
    if (call_begin(&c, s, "PUT", path, hex, err) == -1) return -1;
    return call_end(&c, http_objects_send(s->provider, &c.request, data, len, err));
}

static int get(void *state, const char *path, int *fd, int64_t *size, struct err *err)
{
    struct s3 *s = state;
    struct call c;
    char empty[DIGEST_HEX];
    digest_hex("", 0, empty);
    if (call_begin(&c, s, "GET", path, empty, err) == -1) return -1;
    return call_end(&c, http_objects_fetch(s->provider, &c.request, fd, size, err));
}

/* Free of charge and of effect: whether an object that nobody has is there. */
static int probe(void *state, struct err *err)
{
    struct s3 *s = state;
    struct call c;
    struct err why = {0};
    char empty[DIGEST_HEX];
    int64_t size;
    int fd = -1;
    digest_hex("", 0, empty);
    if (call_begin(&c, s, "GET", OBJECT_BUCKET "/probe", empty, err) == -1) return -1;
    int rc = call_end(&c, http_objects_fetch(s->provider, &c.request, &fd, &size, &why));
    if (fd != -1) close(fd);
    if (rc == -1 && why.kind == ERR_INPUT && strcmp(why.code, "not_found") == 0) rc = 0;
    if (rc == -1 && err) *err = why;
    return rc;
}

static void close_store(void **state)
{
    struct s3 *s = *state;
    if (!s) return;
    provider_destroy(&s->provider);
    buf_done(&s->base);
    buf_done(&s->token);
    free(s);
    *state = NULL;
}

static int configure(struct s3 *s, const struct settings *x, struct err *err)
{
    const struct provider_options options = {.name = "s3", .title = S3_TITLE, .types = "store,fetch,save", .calls = (int)x->provider_calls};
    if (!x->s3_bucket || !x->aws_key_id || !x->aws_secret)
        return err_set(err, ERR_CONFIG, "SHEAF_OBJECTS=s3 needs SHEAF_S3_BUCKET, AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY; %s is missing",
                       !x->s3_bucket ? "the bucket" : !x->aws_key_id ? "the key's id" : "the secret");
    s->aws = (struct httpc_aws){x->s3_region, x->aws_key_id, x->aws_secret};
    if (x->s3_endpoint)
        buf_printf(&s->base, "%s/%s", x->s3_endpoint, x->s3_bucket);
    else
        buf_printf(&s->base, "https://s3.%s.amazonaws.com/%s", x->s3_region, x->s3_bucket);
    if (x->aws_session_token) buf_printf(&s->token, "x-amz-security-token: %s", x->aws_session_token);
    s->provider = provider_new(x, &options, err);
    if (!s->provider) return -1;
    return s->base.bad || s->token.bad ? err_set(err, ERR_NOMEM, "out of memory") : 0;
}

static int open_store(void **state, const struct settings *settings, struct err *err)
{
    struct s3 *s = calloc(1, sizeof *s);
    if (!s) return err_set(err, ERR_NOMEM, "out of memory");
    *state = s;
    if (configure(s, settings, err) == 0) return 0;
    close_store(state);
    return -1;
}

static int64_t paused_until_ms(void *state)
{
    return provider_paused_until_ms(((struct s3 *)state)->provider);
}

const struct object_store object_store_s3 = {
    .name = "s3",
    .open = open_store,
    .close = close_store,
    .paused_until_ms = paused_until_ms,
    .probe = probe,
    .put_file = put_file,
    .put_data = put_data,
    .get = get,
};
