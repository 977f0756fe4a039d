/* Addresses that carry their signature (AWS Signature Version 4 in the query). Pure. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include "lib/auto.h"
#include "lib/digest.h"
#include "lib/s3.h"

#define ALGORITHM "AWS4-HMAC-SHA256"

static void add_encoded(struct buf *out, const char *text)
{
    for (; *text; text++)
        if (isalnum((unsigned char)*text) || strchr("-_.~", *text))
            buf_putc(out, *text);
        else
            buf_printf(out, "%%%02X", (unsigned char)*text);
}

/* Each step's sum is the next one's key. */
static int signing_key(const struct s3_presign *l, const char *date, unsigned char key[DIGEST_BYTES])
{
    AUTO(buf_done) struct buf first = BUF_INIT;
    const char *const parts[] = {l->region, "s3", "aws4_request"};
    buf_printf(&first, "AWS4%s", l->secret);
    if (first.bad || digest_hmac(first.data, first.len, date, strlen(date), key) == -1) return -1;
    for (size_t i = 0; i < COUNT_OF(parts); i++) {
        unsigned char next[DIGEST_BYTES];
        if (digest_hmac(key, DIGEST_BYTES, parts[i], strlen(parts[i]), next) == -1) return -1;
        memcpy(key, next, sizeof next);
    }
    return 0;
}

/* Its parameters in the order that the signature wants. */
static void add_query(const struct s3_presign *l, const char *scope, const char *moment, struct buf *out)
{
    buf_puts(out, "X-Amz-Algorithm=" ALGORITHM "&X-Amz-Credential=");
    add_encoded(out, l->key_id);
    add_encoded(out, "/");
    add_encoded(out, scope);
    buf_printf(out, "&X-Amz-Date=%s&X-Amz-Expires=%lld", moment, (long long)l->expires_s);
    if (l->token) buf_puts(out, "&X-Amz-Security-Token=");
    if (l->token) add_encoded(out, l->token);
    buf_puts(out, "&X-Amz-SignedHeaders=host");
}

int s3_presign(const struct s3_presign *l, struct buf *out)
{
    AUTO(buf_done) struct buf query = BUF_INIT;
    AUTO(buf_done) struct buf canonical = BUF_INIT;
    AUTO(buf_done) struct buf text = BUF_INIT;
    unsigned char key[DIGEST_BYTES];
    char moment[20], date[12], scope[120], hex[DIGEST_HEX];
    struct tm tm;
    const time_t now = (time_t)l->now_s;
    const char *host = strstr(l->base, "://");
    host = host ? host + 3 : l->base;
    const size_t host_len = strcspn(host, "/");

    (void)strftime(moment, sizeof moment, "%Y%m%dT%H%M%SZ", gmtime_r(&now, &tm));
    (void)strftime(date, sizeof date, "%Y%m%d", &tm);
    (void)snprintf(scope, sizeof scope, "%s/%.60s/s3/aws4_request", date, l->region);
    add_query(l, scope, moment, &query);
    buf_printf(&canonical, "GET\n%s/%s\n%s\nhost:%.*s\n\nhost\nUNSIGNED-PAYLOAD", host + host_len, l->key, query.bad ? "" : query.data,
               (int)host_len, host);
    if (query.bad || canonical.bad) return -1;
    digest_hex(canonical.data, canonical.len, hex);
    buf_printf(&text, ALGORITHM "\n%s\n%s\n%s", moment, scope, hex);
    if (text.bad || signing_key(l, date, key) == -1 || digest_hmac_hex(key, sizeof key, text.data, text.len, hex) == -1) return -1;
    buf_printf(out, "%s/%s?%s&X-Amz-Signature=%s", l->base, l->key, query.data, hex);
    return out->bad ? -1 : 0;
}
