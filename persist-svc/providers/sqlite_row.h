/* sqlite_row: one record between the table and its JSON, and its lines in the history. On the writer's
 * thread. */
#ifndef SHEAF_PERSIST_SVC_PROVIDERS_SQLITE_ROW_H
#define SHEAF_PERSIST_SVC_PROVIDERS_SQLITE_ROW_H

#include "persist-svc/providers/sqlite_db.h"

/* *record NULL when there is no such row; also deleted rows and parents. */
int row_load(struct db *db, const char *id, json_t **record, struct err *err);

/* Writes back what a person may change and what record_settle() derives. */
int row_store(struct db *db, const json_t *record, struct err *err);

/* Lines of the history, as record_update.h makes them. */
int row_note(struct db *db, const char *id, const json_t *note, struct err *err);
int row_notes(struct db *db, const char *id, const json_t *notes, struct err *err);

#endif
