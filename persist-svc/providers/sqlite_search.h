/* sqlite_search: the function that the list's statements look for a person's text with. */
#ifndef SHEAF_PERSIST_SVC_PROVIDERS_SQLITE_SEARCH_H
#define SHEAF_PERSIST_SVC_PROVIDERS_SQLITE_SEARCH_H

#include "persist-svc/providers/sqlite_db.h"

/* Makes sheaf_found() known to this connection. */
int sqlite_search_add(struct db *db, struct err *err);

#endif
