#include "lib/s3.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "lib/auto.h"
#include "lib/clock.h"
#include "lib/digest.h"
#include "lib/provider_body.h"

#define HEADERS_MAX 7
#define SMALL_MS    15000 /* a call without a document */
#define TOKEN_HEADER "x-amz-security-token: "

struct s3 {
    provider_t *provider;
    struct buf base;  /* endpoint and bucket */
    struct buf token; /* header line of temporary credentials; empty: none */
    struct httpc_aws aws;
};

static void name_bucket(struct buf *base, const struct settings *x)
{
    if (x->s3_endpoint)
        buf_puts(base, x->s3_endpoint);
    else
        buf_printf(base, "https://s3.%s.amazonaws.com", x->s3_region);
    while (base->len > 0 && base->data[base->len - 1] == '/') base->data[--base->len] = '\0';
    buf_printf(base, "/%s", x->s3_bucket);
}

static int configure(struct s3 *s, const struct settings *x, const struct provider_options *options, struct err *err)
{
    if (!x->s3_bucket || !x->aws_key_id || !x->aws_secret)
        return err_set(err, ERR_CONFIG, "S3 needs SHEAF_S3_BUCKET, AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY; %s is missing",
                       !x->s3_bucket ? "the bucket" : !x->aws_key_id ? "the key's id" : "the secret");
    s->aws = (struct httpc_aws){x->s3_region, x->aws_key_id, x->aws_secret};
    name_bucket(&s->base, x);
    if (x->aws_session_token) buf_printf(&s->token, TOKEN_HEADER "%s", x->aws_session_token);
    if (s->base.bad || s->token.bad) return err_set(err, ERR_NOMEM, "out of memory");
    s->provider = provider_new(x, options, err);
    return s->provider ? 0 : -1;
}

s3_t *s3_open(const struct settings *settings, const char *name, const char *types, int calls, struct err *err)
{
    const struct provider_options options = {.name = name, .title = S3_TITLE, .types = types, .calls = calls, .awaited = true};
    s3_t *s = calloc(1, sizeof *s);
    if (!s) err_set(err, ERR_NOMEM, "out of memory");
    if (s && configure(s, settings, &options, err) == -1) s3_close(&s);
    return s;
}

void s3_close(s3_t **sp)
{
    s3_t *s = *sp;
    if (!s) return;
    *sp = NULL;
    provider_destroy(&s->provider);
    buf_done(&s->base);
    buf_done(&s->token);
    free(s);
}

int64_t s3_paused_until_ms(s3_t *s)
{
    return provider_paused_until_ms(s->provider);
}

/* ---- one request, whose URL and headers live here ---------------------------------------------------------- */

struct call {
    struct buf url, hash, more;
    const char *headers[HEADERS_MAX];
    int n_headers;
    struct provider_request request;
};

static void add_header(struct call *c, const char *line)
{
    if (c->n_headers < HEADERS_MAX - 1) c->headers[c->n_headers++] = line;
}

/* `query` sorted and percent-encoded, NULL for none; `digest` of the body, NULL for an empty one. */
static int begin(struct call *c, const struct s3 *s, const char *method, const char *key, const char *query, const char *digest,
                 struct err *err)
{
    char empty[DIGEST_HEX];
    *c = (struct call){.url = BUF_INIT, .hash = BUF_INIT, .more = BUF_INIT};
    digest_hex("", 0, empty);
    buf_printf(&c->url, "%s%s%s%s%s", s->base.data, *key ? "/" : "", key, query ? "?" : "", query ? query : "");
    buf_printf(&c->hash, "x-amz-content-sha256: %s", digest ? digest : empty);
    if (c->url.bad || c->hash.bad) return err_set(err, ERR_NOMEM, "out of memory");
    add_header(c, c->hash.data);
    if (s->token.len) add_header(c, s->token.data);
    c->request = (struct provider_request){
        .http = {.method = method, .url = c->url.data, .headers = c->headers, .aws = &s->aws},
        .judge = s3_judge,
    };
    return 0;
}

static int end(struct call *c, int rc)
{
    buf_done(&c->url);
    buf_done(&c->hash);
    buf_done(&c->more);
    return rc;
}

static int begin_put(struct call *c, const struct s3 *s, const struct s3_put *put, struct err *err)
{
    if (begin(c, s, "PUT", put->key, NULL, put->digest, err) == -1) return -1;
    buf_printf(&c->more, "Content-Type: %s", put->mime);
    if (c->more.bad) return err_set(err, ERR_NOMEM, "out of memory");
    add_header(c, c->more.data);
    return 0;
}

int s3_put_file(s3_t *s, const struct s3_put *put, int fd, int64_t size, struct err *err)
{
    struct call c;
    if (begin_put(&c, s, put, err) == -1) return end(&c, -1);
    return end(&c, provider_send_file(s->provider, &c.request, fd, size, put->digest, err));
}

int s3_put_data(s3_t *s, const struct s3_put *put, const void *data, size_t len, struct err *err)
{
    struct call c;
    if (begin_put(&c, s, put, err) == -1) return end(&c, -1);
    return end(&c, provider_send(s->provider, &c.request, data, len, err));
}

int s3_get(s3_t *s, const char *key, int fd, int64_t *size, struct err *err)
{
    struct call c;
    if (begin(&c, s, "GET", key, NULL, NULL, err) == -1) return end(&c, -1);
    return end(&c, provider_fetch(s->provider, &c.request, fd, size, err));
}

int s3_get_file(s3_t *s, const char *key, int *fd, int64_t *size, struct err *err)
{
    struct call c;
    if (begin(&c, s, "GET", key, NULL, NULL, err) == -1) return end(&c, -1);
    return end(&c, provider_fetch_file(s->provider, &c.request, fd, size, err));
}

static int ask(s3_t *s, const char *method, const char *key, struct err *err)
{
    struct call c;
    if (begin(&c, s, method, key, NULL, NULL, err) == -1) return end(&c, -1);
    c.request.http.deadline_ms = clock_ms() + SMALL_MS;
    return end(&c, provider_ask(s->provider, &c.request, err));
}

int s3_head(s3_t *s, const char *key, struct err *err)
{
    return ask(s, "HEAD", key, err);
}

int s3_delete(s3_t *s, const char *key, struct err *err)
{
    struct err why = {0};
    if (ask(s, "DELETE", key, &why) == 0 || strcmp(why.code, "not_found") == 0) return 0;
    if (err) *err = why;
    return -1;
}

/* ---- lists ------------------------------------------------------------------------------------------------- */

static void add_escaped(struct buf *out, const char *key)
{
    for (; *key; key++)
        if (*key == '/')
            buf_puts(out, "%2F");
        else
            buf_putc(out, *key);
}

int s3_list(s3_t *s, const char *prefix, const char *after, int (*each)(void *user, const struct s3_entry *entry), void *user,
            struct err *err)
{
    struct call c;
    struct httpc_answer answer = {0};
    AUTO(buf_done) struct buf query = BUF_INIT;
    buf_printf(&query, "list-type=2&max-keys=%d&prefix=", S3_LIST_MOST);
    add_escaped(&query, prefix);
    if (after) buf_puts(&query, "&start-after=");
    if (after) add_escaped(&query, after);
    if (query.bad) return err_set(err, ERR_NOMEM, "out of memory");
    if (begin(&c, s, "GET", "", query.data, NULL, err) == -1) return end(&c, -1);
    c.request.http.deadline_ms = clock_ms() + SMALL_MS;
    if (end(&c, provider_call(s->provider, &c.request, &answer, err)) == -1) return -1;
    int rc = s3_list_read(answer.body.data ? answer.body.data : "", each, user);
    httpc_answer_done(&answer);
    return rc == 0 ? 0 : err_set(err, ERR_UNAVAILABLE, S3_TITLE " gave a list that cannot be read");
}

struct doomed {
    struct buf xml;
    int n;
};

static int add_doomed(void *user, const struct s3_entry *entry)
{
    struct doomed *d = user;
    buf_printf(&d->xml, "<Object><Key>%s</Key></Object>", entry->key); /* its characters need no escape */
    d->n++;
    return 0;
}

static int delete_listed(s3_t *s, const struct buf *xml, struct err *err)
{
    struct call c;
    char digest[DIGEST_HEX];
    digest_hex(xml->data, xml->len, digest);
    if (begin(&c, s, "POST", "", "delete=", digest, err) == -1) return end(&c, -1);
    buf_puts(&c.more, "Content-MD5: ");
    digest_md5_base64(xml->data, xml->len, &c.more);
    if (c.more.bad) return end(&c, err_set(err, ERR_NOMEM, "out of memory"));
    add_header(&c, c.more.data);
    add_header(&c, "Content-Type: application/xml");
    c.request.http.deadline_ms = clock_ms() + SMALL_MS;
    return end(&c, provider_send(s->provider, &c.request, xml->data, xml->len, err));
}

static int delete_batch(s3_t *s, const char *prefix, int *n, struct err *err)
{
    struct doomed d = {.xml = BUF_INIT};
    buf_puts(&d.xml, "<Delete><Quiet>true</Quiet>");
    int rc = s3_list(s, prefix, NULL, add_doomed, &d, err);
    buf_puts(&d.xml, "</Delete>");
    if (rc == 0 && d.xml.bad) rc = err_set(err, ERR_NOMEM, "out of memory");
    if (rc == 0 && d.n > 0) rc = delete_listed(s, &d.xml, err);
    buf_done(&d.xml);
    *n = d.n;
    return rc;
}

int s3_delete_all(s3_t *s, const char *prefix, struct err *err)
{
    int rc, n;
    do rc = delete_batch(s, prefix, &n, err); /* what is deleted is not listed again: each list begins at the front */
    while (rc == 0 && n == S3_LIST_MOST);
    return rc;
}

int s3_link(s3_t *s, const char *key, int64_t expires_s, struct buf *out)
{
    const char *token = s->token.len ? s->token.data + strlen(TOKEN_HEADER) : NULL;
    return s3_presign(&(struct s3_presign){.base = s->base.data, .key = key, .region = s->aws.region, .key_id = s->aws.key_id,
                                           .secret = s->aws.secret, .token = token, .expires_s = expires_s,
                                           .now_s = clock_wall_ms() / 1000},
                      out);
}

/* ---- is it there ------------------------------------------------------------------------------------------- */

static int any(void *user, const struct s3_entry *entry)
{
    (void)user, (void)entry;
    return 0;
}

/* A list says what a wrong bucket is, where an object that nobody has is "not found" in any. */
int s3_probe(s3_t *s, struct err *err)
{
    return s3_list(s, "sheaf-probe/", NULL, any, NULL, err);
}
