#include "persist-svc/providers/supabase.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "lib/buf.h"

static char *line(const char *begin, const char *value)
{
    struct buf b = BUF_INIT;
    buf_printf(&b, "%s%s", begin, value);
    return buf_take(&b, NULL);
}

int supabase_open(struct supabase *s, const struct settings *settings, const char *name, const char *title, const char *types,
                  struct err *err)
{
    const char *url = settings->supabase_url, *key = settings->supabase_service_key;
    if (!url || !key)
        return err_set(err, ERR_CONFIG, "Supabase needs SUPABASE_URL and SUPABASE_SERVICE_ROLE_KEY; %s is missing",
                       url ? "the key" : "the address");
    struct provider_options options = {.name = name, .title = title, .types = types, .calls = (int)settings->provider_calls,
                                       .awaited = true};
    s->provider = provider_new(settings, &options, err);
    if (!s->provider) return -1;
    s->base = strdup(url);
    s->apikey = line("apikey: ", key);
    /* A new key (sb_secret_…) is no token; the same words in both headers are taken of it as well as of an old one. */
    s->bearer = line("Authorization: Bearer ", key);
    if (!s->base || !s->apikey || !s->bearer) return err_set(err, ERR_NOMEM, "out of memory");
    for (size_t n = strlen(s->base); n > 0 && s->base[n - 1] == '/'; n--) s->base[n - 1] = '\0';
    return 0;
}

void supabase_close(struct supabase *s)
{
    provider_destroy(&s->provider);
    free(s->base);
    free(s->apikey);
    free(s->bearer);
    *s = (struct supabase){0};
}
