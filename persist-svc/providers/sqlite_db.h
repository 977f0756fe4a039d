/* sqlite_db: one connection to the database, its statements, and rows as JSON.
 *
 * A struct db is used by one thread at a time.  Statements are prepared once per connection and found again
 * by the address of their text, so a text given to query_open() is a constant of the program.
 */
#ifndef SHEAF_PERSIST_SVC_PROVIDERS_SQLITE_DB_H
#define SHEAF_PERSIST_SVC_PROVIDERS_SQLITE_DB_H

#include <jansson.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>
#include "lib/err.h"

#define DB_STATEMENTS 32
#define DB_WAIT_MS    5000 /* until a database that is locked, or whose disk is full, is tried again */

struct db {
    sqlite3 *handle;
    struct {
        const char *sql;
        sqlite3_stmt *statement;
    } kept[DB_STATEMENTS];
    int n_kept;
};

int db_open(struct db *db, const char *path, bool read_only, struct err *err);
void db_close(struct db *db);
int db_exec(struct db *db, const char *sql, struct err *err);
/* What the connection's last error means for the caller; a locked database and a full disk are ERR_THROTTLED. Always -1. */
int db_error(struct db *db, const char *doing, struct err *err);

/* One use of a statement. A failed bind is remembered and reported by the next step, so binds need no check.
 */
struct query {
    struct db *db;
    sqlite3_stmt *statement;
    int bad; /* a SQLite error code, or 0 */
};
int query_open(struct query *q, struct db *db, const char *sql, struct err *err);
void query_text(struct query *q, const char *name,
                const char *value); /* NULL: null.  Borrowed until query_done() */
void query_int(struct query *q, const char *name, int64_t value);
void query_real(struct query *q, const char *name, double value);        /* negative: null */
void query_json(struct query *q, const char *name, const json_t *value); /* as text; copied */
int query_step(struct query *q, struct err *err);                        /* 1: a row, 0: no more, -1 */
int query_run(struct query *q, struct err *err);                         /* steps to the end: 0 or -1 */
const char *query_column(struct query *q, int i); /* text or NULL; until the next step */
int64_t query_column_int(struct query *q, int i);
void query_done(struct query *q); /* makes the statement free for its next use */

/* The row of a query whose columns are  0, <the columns of record.def in their order>: a new object, NULL
 * when memory is out.  Such a text is written with the list itself: "SELECT 0" #define C(name, kind, shown)
 * "," #name #include "persist-svc/record.def" #undef C " FROM submissions WHERE ..." */
json_t *query_record(struct query *q);

#endif
