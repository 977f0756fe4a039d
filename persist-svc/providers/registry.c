/* registry: name to provider, the one list. A new provider is one file and one line here. */
#include <string.h>
#include "lib/auto.h"
#include "persist-svc/providers/providers.h"

static const struct record_store *const record_stores[] = {&record_store_sqlite, &record_store_postgres, &record_store_supabase,
                                                        &record_store_null};
static const struct object_store *const object_stores[] = {&object_store_folder, &object_store_supabase, &object_store_s3,
                                                        &object_store_null};

const struct record_store *record_store_find(const char *name, struct err *err)
{
    for (size_t i = 0; i < COUNT_OF(record_stores); i++)
        if (strcmp(record_stores[i]->name, name) == 0) return record_stores[i];
    err_set(err, ERR_CONFIG, "SHEAF_RECORDS: there is no provider \"%.40s\"", name);
    return NULL;
}

const struct object_store *object_store_find(const char *name, struct err *err)
{
    for (size_t i = 0; i < COUNT_OF(object_stores); i++)
        if (strcmp(object_stores[i]->name, name) == 0) return object_stores[i];
    err_set(err, ERR_CONFIG, "SHEAF_OBJECTS: there is no provider \"%.40s\"", name);
    return NULL;
}
