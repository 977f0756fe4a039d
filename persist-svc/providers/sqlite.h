/* sqlite: what the files of the SQLite provider share. */
#ifndef SHEAF_PERSIST_SVC_PROVIDERS_SQLITE_H
#define SHEAF_PERSIST_SVC_PROVIDERS_SQLITE_H

#include <pthread.h>
#include "persist-svc/providers/sqlite_db.h"
#include "persist-svc/providers/sqlite_writer.h"
#include "persist-svc/record_update.h"
#include "persist-svc/store.h"

#define SQLITE_READERS STORES_READERS /* one for each thread of the HTTP API; opened when first needed */

struct sqlite_store {
    char path[4096];
    int lock_fd;     /* held while this process owns the database */
    struct db write; /* the writer's */
    sqlite_writer_t *writer;
    struct record_rules rules;
    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t returned;
    struct db readers[SQLITE_READERS];
    bool lent[SQLITE_READERS];
};

/* A read connection for one thread; waits until one is free. */
struct db *sqlite_reader_take(struct sqlite_store *s, struct err *err);
void sqlite_reader_give(struct sqlite_store *s, struct db *db);

/* The functions of store.h, by file: sqlite_save.c, sqlite_change.c, sqlite_list.c, sqlite_read.c. */
int sqlite_save(void *state, const struct record_save *save, struct record_saved *saved, struct err *err);
int sqlite_change(void *state, const struct record_change *change, json_t **changed, struct err *err);
int sqlite_list(void *state, const struct record_query *query, const struct record_sink *sink,
                struct err *err);
int sqlite_groups(void *state, const struct record_query *query, json_t **groups, struct err *err);
int sqlite_get(void *state, const char *owner, const char *id, json_t **record, struct err *err);
int sqlite_history(void *state, const char *owner, const char *id, json_t **history, struct err *err);
int sqlite_find_digest(void *state, const char *owner, const char *digest, char id[BASE_ID], struct err *err);
int sqlite_stats(void *state, const char *owner, json_t **stats, struct err *err);

#endif
