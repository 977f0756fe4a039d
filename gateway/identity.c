#include "gateway/identity.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>
#include "gateway/http.h"
#include "lib/err.h"
#include "lib/settings.h"

#define OWNER_WITHOUT_LOGIN "00000000-0000-4000-8000-000000000001"

int identity_check_settings(const struct settings *s, struct err *err)
{
    if (strcmp(s->auth, "none") != 0)
        return err_set(err, ERR_CONFIG, "SHEAF_AUTH=%s: this version knows only none.", s->auth);
    if (!settings_is_loopback(s->bind))
        return err_set(err, ERR_CONFIG,
                       "SHEAF_BIND=%s with SHEAF_AUTH=none would let anybody in; listen on 127.0.0.1.",
                       s->bind);
    return 0;
}

void identity_origin(const struct settings *s, char *out, size_t max)
{
    if (s->app_url)
        snprintf(out, max, "%s", s->app_url);
    else
        snprintf(out, max, "http://127.0.0.1:%d", settings_gateway_port(s));
}

/* "http://host:port/…" -> "host:port", its length. */
static const char *authority(const char *url, size_t *len)
{
    const char *scheme = strstr(url, "://");
    const char *at = scheme ? scheme + 3 : url;
    *len = strcspn(at, "/?#");
    return at;
}

static size_t host_len(const char *authority_text, size_t len)
{
    if (len && *authority_text == '[') {
        const char *end = memchr(authority_text, ']', len);
        return end ? (size_t)(end - authority_text) + 1 : len;
    }
    const char *colon = memchr(authority_text, ':', len);
    return colon ? (size_t)(colon - authority_text) : len;
}

static bool same(const char *a, size_t a_len, const char *b, size_t b_len)
{
    return a_len == b_len && strncasecmp(a, b, a_len) == 0;
}

bool identity_host_allowed(const char *host, const char *origin)
{
    static const char *const here[] = {"127.0.0.1", "localhost", "[::1]"};
    size_t own_len, len = host_len(host, strlen(host));
    const char *own = authority(origin, &own_len);
    for (size_t i = 0; i < sizeof here / sizeof here[0]; i++)
        if (same(host, len, here[i], strlen(here[i]))) return true;
    return same(host, len, own, host_len(own, own_len));
}

bool identity_same_site(const char *from, const char *host, const char *origin)
{
    size_t from_len, own_len;
    const char *page = authority(from, &from_len), *own = authority(origin, &own_len);
    return same(page, from_len, host, strlen(host)) || same(page, from_len, own, own_len);
}

/* Without login the address is the only door, so a page of another site must not go through it in a visitor's
 * browser: neither by a form or fetch (the Origin header tells) nor under a name of its own that it lets
 * resolve to 127.0.0.1 (the Host header tells). */
static int guard(struct request *rq)
{
    const char *host = http_header(rq, "Host"), *from = http_header(rq, "Origin");
    const char *site = http_header(rq, "Sec-Fetch-Site"), *origin = rq->gateway->origin;
    if (host && !identity_host_allowed(host, origin)) {
        http_error(rq, 403, "forbidden", "This address is not served here; APP_URL names the one that is.");
        return -1;
    }
    if (strcmp(rq->method, "GET") == 0) return 0;
    if ((from && !identity_same_site(from, host ? host : "", origin)) ||
        (site && strcmp(site, "cross-site") == 0)) {
        http_error(rq, 403, "csrf", "Another site's page may not do this.");
        return -1;
    }
    return 0;
}

int identity_of(struct request *rq, enum access access)
{
    (void)access;
    if (guard(rq) == -1) return -1;
    rq->caller.admin = true;
    snprintf(rq->caller.owner, sizeof rq->caller.owner, "%s", OWNER_WITHOUT_LOGIN);
    snprintf(rq->caller.user, sizeof rq->caller.user, "%s", OWNER_WITHOUT_LOGIN);
    return 0;
}

bool identity_owns(const struct request *rq, const char *owner)
{
    return *owner && strcmp(rq->caller.owner, owner) == 0;
}
