/* sqlite_row: one record between the table and its JSON, and its lines in the history. On the writer's
 * thread. */
#ifndef SHEAF_PERSIST_SVC_PROVIDERS_SQLITE_ROW_H
#define SHEAF_PERSIST_SVC_PROVIDERS_SQLITE_ROW_H

#include "lib/form.h"
#include "persist-svc/providers/sqlite_db.h"

/* *record NULL when there is no such row; also deleted rows and parents. */
int row_load(struct db *db, const char *id, json_t **record, struct err *err);

/* Writes back what a person may change and what record_settle() derives. */
int row_store(struct db *db, const json_t *record, struct err *err);

/* One line of the history; texts may be NULL, run 0 for a person's deeds. */
struct row_note {
    const char *id, *at, *by, *action;
    int64_t run;
};
int row_note(struct db *db, const struct row_note *note, const char *field, const char *old,
             const char *fresh, struct err *err);
/* A line for each field that differs. */
int row_note_diff(struct db *db, const struct row_note *note, const json_t *before, const json_t *after,
                  struct err *err);

#endif
