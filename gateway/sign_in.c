#include "gateway/sign_in.h"

#include <stdio.h>
#include "gateway/keyring.h"
#include "gateway/routes.h"
#include "gateway/web.h"
#include "lib/log.h"
#include "lib/svc.h"

void sign_in_log(const struct settings *s)
{
    const bool signed_tokens = settings_auth_is(s, "supabase");
    const char *why = s->auth         ? "SHEAF_AUTH says so"
                      : signed_tokens ? "SUPABASE_URL and the service key are set; SHEAF_AUTH=none turns it off"
                                      : "no SUPABASE_URL with a service key, and no SHEAF_AUTH";
    const bool can_ask = s->supabase_anon_key || s->supabase_service_key;
    const char *keys = !signed_tokens                              ? "none"
                       : s->supabase_url && s->supabase_jwt_secret ? "published keys, secret"
                       : s->supabase_url && can_ask                ? "published keys, where there are none the project itself"
                       : s->supabase_url                           ? "published keys"
                                                                   : "secret";
    log_info("sign_in", F_STR("auth", settings_auth(s)), F_STR("why", why), F_STR("keys", keys));
}

static void probe_project(const struct settings *s)
{
    struct err err = {0};
    char text[300];
    keyring_t *k = keyring_new(s, &err);
    bool asks = false;
    int n = k ? keyring_look(k, &asks, &err) : -1;
    keyring_destroy(&k);
    const char *secret = s->supabase_jwt_secret ? " and SUPABASE_JWT_SECRET (HS256)" : "";
    if (n == -1) {
        snprintf(text, sizeof text, "supabase: no token can be checked: %.200s", err.text);
        svc_probe_say("sign-in", text, "see SUPABASE_URL and the project's keys; a project behind a CA of its own needs SHEAF_CA_FILE");
    } else if (asks) {
        svc_probe_say("sign-in", "supabase: callers bring a token of the project; it publishes no keys, so it is asked whose a token is", NULL);
    } else if (n == 0 && !s->supabase_jwt_secret) {
        svc_probe_say("sign-in", "supabase: the project publishes no keys, so no token can be checked",
                      "set SUPABASE_ANON_KEY, so that it can be asked, or SUPABASE_JWT_SECRET, or move the project to signing keys");
    } else {
        if (n == 0)
            snprintf(text, sizeof text, "supabase: callers bring a token of the project, checked by SUPABASE_JWT_SECRET (HS256)");
        else
            snprintf(text, sizeof text, "supabase: callers bring a token of the project, checked by %d published key%s%s", n, n == 1 ? "" : "s",
                     secret);
        svc_probe_say("sign-in", text, NULL);
    }
}

void sign_in_probe(const struct settings *s)
{
    if (settings_auth_is(s, "supabase"))
        probe_project(s);
    else if (settings_auth_is(s, "token"))
        svc_probe_say("sign-in", "token: callers bring SHEAF_SERVICE_TOKEN", NULL);
    else
        svc_probe_say("sign-in", "none: nobody signs in; whoever reaches this machine's own address is the one owner", NULL);
}

void sign_in_page(struct request *rq)
{
    if (settings_auth_is(rq->gateway->settings, "none"))
        http_not_found(rq);
    else
        web_sign_in(rq, 200);
}
