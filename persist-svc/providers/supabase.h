/* supabase: what the record store (PostgREST) and the object store (Storage) of a Supabase project share: its address and the
 * service's key.  The key is the service's own, so that no user's token can expire before a worker runs; whose a row or an
 * object is, is written explicitly. */
#ifndef SHEAF_PERSIST_SVC_PROVIDERS_SUPABASE_H
#define SHEAF_PERSIST_SVC_PROVIDERS_SUPABASE_H

#include "lib/provider.h"

#define SUPABASE_RECORDS "Supabase (database)"
#define SUPABASE_OBJECTS "Supabase (storage)"

struct supabase {
    provider_t *provider;
    char *base;             /* SUPABASE_URL without a slash at its end */
    char *apikey, *bearer;  /* header lines */
};

/* `name` and `types` as in provider.h. ERR_CONFIG names what is missing. Accepted half open by supabase_close(). */
int supabase_open(struct supabase *s, const struct settings *settings, const char *name, const char *title, const char *types,
                  struct err *err);
void supabase_close(struct supabase *s);

/* Pure: what an answer means (APIs' own tables; see provider.h for the kinds). */
provider_judge supabase_judge_records;
provider_judge supabase_judge_objects;
provider_judge supabase_judge_stored; /* of an upload */

#endif
