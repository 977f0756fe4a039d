/* providers: what registry.c lists. Each is documented in store.h. */
#ifndef SHEAF_PERSIST_SVC_PROVIDERS_PROVIDERS_H
#define SHEAF_PERSIST_SVC_PROVIDERS_PROVIDERS_H

#include "persist-svc/store.h"

extern const struct record_store record_store_sqlite, record_store_postgres, record_store_supabase, record_store_null;
extern const struct object_store object_store_folder, object_store_supabase, object_store_s3, object_store_null;

#endif
