/* gateway_calls N: so many questions whose a token is, each about another one, by the gateway's own code; see growth.h. */
#include "gateway/vouch.h"
#include "tests/load/growth.h"

#define THREADS 8

struct load {
    vouch_t *vouch;
    _Atomic unsigned turn;
};

static bool once(void *user)
{
    struct load *l = user;
    struct err err = {0};
    char token[64];
    (void)snprintf(token, sizeof token, "nobody.of.%u", atomic_fetch_add(&l->turn, 1));
    int rc = vouch_ask(l->vouch, token, "00000000-0000-4000-8000-000000000001", &err);
    if (rc != 0) fprintf(stderr, "%d %s\n", rc, err.text);
    return rc == 0;
}

int main(int argc, char **argv)
{
    struct settings settings;
    struct err err = {0};
    struct load l = {0};
    if (argc != 2 || settings_load(&settings, &err) == -1 || !settings.supabase_url || !settings.supabase_service_key) {
        fprintf(stderr, "usage: SUPABASE_URL=… SUPABASE_SERVICE_ROLE_KEY=… gateway_calls N  %s\n", err.text);
        return 2;
    }
    char issuer[512];
    snprintf(issuer, sizeof issuer, "%s/auth/v1", settings.supabase_url);
    l.vouch = vouch_new(&settings, issuer, &err);
    if (!l.vouch) {
        fprintf(stderr, "%s\n", err.text);
        return 2;
    }
    struct growth growth = {.once = once, .user = &l, .calls = strtol(argv[1], NULL, 10)};
    int rc = growth_measure(&growth, THREADS);
    vouch_destroy(&l.vouch);
    settings_done(&settings);
    return rc;
}
