#include "gateway/identity.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>
#include "gateway/http.h"
#include "gateway/keyring.h"
#include "gateway/web.h"
#include "lib/clock.h"
#include "lib/digest.h"
#include "lib/err.h"
#include "lib/metrics.h"
#include "lib/settings.h"

#define OWNER_WITHOUT_LOGIN "00000000-0000-4000-8000-000000000001"
#define TOKEN_MIN           16

static struct metric unknown = METRIC_COUNTER1("sheaf_http_unknown_callers_total", "requests answered with 401, by reason", "why");

int identity_check_settings(const struct settings *s, struct err *err)
{
    const bool token = s->service_token != NULL;
    if (token && strlen(s->service_token) < TOKEN_MIN)
        return err_set(err, ERR_CONFIG, "SHEAF_SERVICE_TOKEN is shorter than %d characters.", TOKEN_MIN);
    if (settings_auth_is(s, "supabase") && !s->supabase_url && !s->supabase_jwt_secret)
        return err_set(err, ERR_CONFIG, "SHEAF_AUTH=supabase needs SUPABASE_URL, or SUPABASE_JWT_SECRET.");
    if (settings_auth_is(s, "token") && !token)
        return err_set(err, ERR_CONFIG, "SHEAF_AUTH=token needs SHEAF_SERVICE_TOKEN.");
    if (settings_auth_is(s, "none") && !settings_is_loopback(s->bind))
        return err_set(err, ERR_CONFIG,
                       "SHEAF_BIND=%s with SHEAF_AUTH=none would let anybody in; listen on 127.0.0.1.", s->bind);
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

/* --- who --- */

static bool is_uuid(const char *text)
{
    static const char shape[] = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
    if (strlen(text) != sizeof shape - 1) return false;
    for (size_t i = 0; shape[i]; i++)
        if (shape[i] == '-' ? text[i] != '-' : !strchr("0123456789abcdef", text[i])) return false;
    return true;
}

/* Claims that are the user's own to write (user_metadata) decide nothing; app_metadata is the project's. */
static bool is_admin(const json_t *claims)
{
    size_t i;
    json_t *one;
    const json_t *of = json_object_get(claims, "app_metadata"), *role = json_object_get(of, "role");
    if (json_is_string(role) && strcmp(json_string_value(role), "admin") == 0) return true;
    json_array_foreach(json_object_get(of, "roles"), i, one)
    {
        if (json_is_string(one) && strcmp(json_string_value(one), "admin") == 0) return true;
    }
    return false;
}

bool identity_from_claims(const json_t *claims, struct caller *out)
{
    const char *sub = json_string_value(json_object_get(claims, "sub"));
    const char *email = json_string_value(json_object_get(claims, "email"));
    const double exp = json_number_value(json_object_get(claims, "exp"));
    *out = (struct caller){0};
    if (!sub || !is_uuid(sub)) return false;
    snprintf(out->owner, sizeof out->owner, "%s", sub);
    /* It becomes a header and a recipient. */
    const bool usable = email && strlen(email) < sizeof out->email && strchr(email, '@') && !strpbrk(email, "\r\n\t <>,;\"");
    if (usable) snprintf(out->email, sizeof out->email, "%s", email);
    snprintf(out->user, sizeof out->user, "%s", usable ? email : sub);
    out->admin = is_admin(claims);
    out->expires_s = exp < 1e15 ? (int64_t)exp + KEYRING_SKEW_S : INT64_MAX;
    return true;
}

static void be_the_only_one(struct caller *out)
{
    *out = (struct caller){.admin = true, .expires_s = INT64_MAX};
    snprintf(out->owner, sizeof out->owner, "%s", OWNER_WITHOUT_LOGIN);
    snprintf(out->user, sizeof out->user, "%s", OWNER_WITHOUT_LOGIN);
}

static const char *bearer(const struct request *rq)
{
    const char *text = http_header(rq, "Authorization");
    if (!text || strncasecmp(text, "Bearer ", 7) != 0) return NULL;
    text += 7;
    while (*text == ' ') text++;
    return *text ? text : NULL;
}

/* Digests are compared, so that the time says nothing of the token. */
static bool is_service(const struct settings *s, const char *token)
{
    char given[DIGEST_HEX], ours[DIGEST_HEX];
    if (!s->service_token || !token) return false;
    digest_hex(token, strlen(token), given);
    digest_hex(s->service_token, strlen(s->service_token), ours);
    return strcmp(given, ours) == 0;
}

static int unknown_caller(struct request *rq, const char *why)
{
    metric_add(&unknown, why, 1);
    if (rq->wants_page)
        web_sign_in(rq, 401);
    else
        http_json(rq, 401,
                  json_pack("{s:b,s:s,s:s,s:s,s:s}", "success", 0, "error", "session_expired", "code",
                            "session_expired", "redirect", "/login?message=session_expired", "message",
                            "Your session has ended. Please sign in again."),
                  "WWW-Authenticate: Bearer\r\n");
    return -1;
}

static int by_token(struct request *rq, const char *token)
{
    enum jwt_verdict verdict;
    json_t *claims = NULL;
    struct err err = {0};
    if (keyring_verify(rq->gateway->keyring, token, &verdict, &claims, &err) == -1) {
        http_fail(rq, &err);
        return -1;
    }
    const bool good = verdict == JWT_GOOD && identity_from_claims(claims, &rq->caller);
    json_decref(claims);
    return good ? 0 : unknown_caller(rq, verdict == JWT_GOOD ? "no owner in it" : jwt_verdict_text(verdict));
}

int identity_of(struct request *rq, enum access access)
{
    const struct settings *s = rq->gateway->settings;
    const char *token = bearer(rq);
    const bool none = settings_auth_is(s, "none");
    if (none && guard(rq) == -1) return -1;
    if (access == ACCESS_ANY) return 0;
    /* Where nobody signs in, a token that is configured keeps other services and operators apart from whoever
     * can reach this address. */
    const bool open = none && (!s->service_token || access == ACCESS_OWNER);
    if (open || is_service(s, token))
        be_the_only_one(&rq->caller);
    else if (!token || !settings_auth_is(s, "supabase"))
        return unknown_caller(rq, token ? "another token" : "no token");
    else if (by_token(rq, token) == -1)
        return -1;
    if (access != ACCESS_ADMIN || rq->caller.admin) return 0;
    http_error(rq, 403, "forbidden", "This is for administrators.");
    return -1;
}

bool identity_owns(const struct caller *caller, const char *owner)
{
    return *owner && strcmp(caller->owner, owner) == 0;
}

int64_t identity_left_ms(const struct caller *caller)
{
    const int64_t now_ms = clock_wall_ms();
    return caller->expires_s > now_ms / 1000 + 86400 ? 86400000 : caller->expires_s * 1000 - now_ms;
}
