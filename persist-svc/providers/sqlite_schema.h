/* sqlite_schema: brings a database to the newest schema by the numbered files of migrations/, each in one
 * transaction. */
#ifndef SHEAF_PERSIST_SVC_PROVIDERS_SQLITE_SCHEMA_H
#define SHEAF_PERSIST_SVC_PROVIDERS_SQLITE_SCHEMA_H

#include "persist-svc/providers/sqlite_db.h"

/* ERR_CONFIG when the database was written by a newer program. */
int sqlite_schema_update(struct db *db, struct err *err);

#endif
