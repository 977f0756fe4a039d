/* sqlite_writer: the one thread that writes to the database.
 *
 * Callers queue their work and sleep until it is durable.  What waits when the thread comes round goes into
 * one transaction, so that many saves share one fsync (group commit) without anybody waiting for company.
 * Work that fails is taken back alone, by its savepoint; when the commit itself fails, all of its turn have
 * failed.
 */
#ifndef SHEAF_PERSIST_SVC_PROVIDERS_SQLITE_WRITER_H
#define SHEAF_PERSIST_SVC_PROVIDERS_SQLITE_WRITER_H

#include "persist-svc/providers/sqlite_db.h"

typedef struct sqlite_writer sqlite_writer_t;

/* Runs on the writer's thread, inside a transaction, which it neither ends nor begins. 0, or -1 with *err. */
typedef int sqlite_work(struct db *db, void *arg, struct err *err);

sqlite_writer_t *sqlite_writer_start(struct db *db,
                                     struct err *err); /* db stays the caller's, unused by it until stop */
void sqlite_writer_stop(sqlite_writer_t **w);          /* after the last call has returned */

/* clock_ms() until which no work is wanted, because the last turn met a locked database or a full disk. Any thread. */
int64_t sqlite_writer_paused_until_ms(sqlite_writer_t *w);

/* Any thread. 0: done and durable. -1: nothing of it was kept. */
int sqlite_writer_call(sqlite_writer_t *w, sqlite_work *work, void *arg, struct err *err);

#endif
