/* sqlite_upsert: the one statement by which a run writes a row. On the writer's thread. */
#ifndef SHEAF_PERSIST_SVC_PROVIDERS_SQLITE_UPSERT_H
#define SHEAF_PERSIST_SVC_PROVIDERS_SQLITE_UPSERT_H

#include "persist-svc/providers/sqlite_db.h"
#include "persist-svc/store.h"

/* What differs between an entry's row and the row of the document that holds several. */
struct shape {
    const char *id, *parent_id, *doc_class;
    bool is_parent; /* then nothing of the entry itself is written */
};

/* 1: written, 0: the fence stood against it (a newer token, or another owner's row), -1. */
int sqlite_upsert(struct db *db, const struct record_save *save, const struct shape *shape, struct err *err);

#endif
