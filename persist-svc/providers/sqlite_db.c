#include "persist-svc/providers/sqlite_db.h"

#include <stdlib.h>
#include <string.h>
#include "persist-svc/record.h"

/* A small page cache: the kernel's is as near, and the whole service idles in a few megabytes. */
static const char settings[] = "PRAGMA journal_mode = WAL;"
                               "PRAGMA synchronous = FULL;"
                               "PRAGMA foreign_keys = ON;"
                               "PRAGMA busy_timeout = 5000;"
                               "PRAGMA cache_size = -512;"
                               "PRAGMA temp_store = MEMORY;";

int db_error(struct db *db, const char *doing, struct err *err)
{
    int code = db->handle ? sqlite3_errcode(db->handle) : SQLITE_NOMEM;
    const char *text = db->handle ? sqlite3_errmsg(db->handle) : sqlite3_errstr(code);
    enum err_kind kind;
    switch (code & 0xff) {
    case SQLITE_NOMEM:
        kind = ERR_NOMEM;
        break;
    case SQLITE_BUSY: /* another program holds it */
    case SQLITE_LOCKED:
    case SQLITE_FULL:
    case SQLITE_IOERR: /* the disk's trouble, which is nobody's fault: waited for */
        err_set(err, ERR_THROTTLED, "Waiting for the records database%s: %s", (code & 0xff) == SQLITE_FULL ? ", for room on the disk" : "", text);
        if (err) err->sys = code;
        if (err) err->retry_after_ms = DB_WAIT_MS;
        return -1;
    case SQLITE_INTERRUPT:
        kind = ERR_UNAVAILABLE;
        break;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_CANTOPEN:
    case SQLITE_PERM:
    case SQLITE_READONLY:
    case SQLITE_AUTH:
        kind = ERR_CONFIG;
        break;
    default:
        kind = ERR_BUG;
        break;
    }
    err_set(err, kind, "records database, %s: %s", doing, text);
    if (err) err->sys = code;
    return -1;
}

int db_exec(struct db *db, const char *sql, struct err *err)
{
    return sqlite3_exec(db->handle, sql, NULL, NULL, NULL) == SQLITE_OK ? 0 : db_error(db, "statement", err);
}

int db_open(struct db *db, const char *path, bool read_only, struct err *err)
{
    struct db made = {0};
    int flags =
        SQLITE_OPEN_NOMUTEX | (read_only ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE);
    if (sqlite3_open_v2(path, &made.handle, flags, NULL) != SQLITE_OK) {
        db_error(&made, "open", err);
        sqlite3_close(made.handle);
        return -1;
    }
    sqlite3_extended_result_codes(made.handle, 1);
    if (db_exec(&made, settings, err) == -1) {
        sqlite3_close(made.handle);
        return -1;
    }
    *db = made;
    return 0;
}

void db_close(struct db *db)
{
    for (int i = 0; i < db->n_kept; i++) sqlite3_finalize(db->kept[i].statement);
    sqlite3_close(db->handle);
    *db = (struct db){0};
}

static sqlite3_stmt *find_statement(struct db *db, const char *sql, struct err *err)
{
    for (int i = 0; i < db->n_kept; i++)
        if (db->kept[i].sql == sql) return db->kept[i].statement;
    if (db->n_kept == DB_STATEMENTS) {
        err_set(err, ERR_BUG, "more than %d statements in use", DB_STATEMENTS);
        return NULL;
    }
    sqlite3_stmt *statement = NULL;
    if (sqlite3_prepare_v3(db->handle, sql, -1, SQLITE_PREPARE_PERSISTENT, &statement, NULL) != SQLITE_OK) {
        db_error(db, "prepare", err);
        return NULL;
    }
    db->kept[db->n_kept].sql = sql;
    db->kept[db->n_kept++].statement = statement;
    return statement;
}

int query_open(struct query *q, struct db *db, const char *sql, struct err *err)
{
    *q = (struct query){.db = db};
    q->statement = find_statement(db, sql, err);
    return q->statement ? 0 : -1;
}

static int place(struct query *q, const char *name)
{
    int i = sqlite3_bind_parameter_index(q->statement, name);
    if (i == 0 && !q->bad) q->bad = SQLITE_RANGE;
    return i;
}

static void note(struct query *q, int code)
{
    if (code != SQLITE_OK && !q->bad) q->bad = code;
}

void query_text(struct query *q, const char *name, const char *value)
{
    int i = place(q, name);
    if (i) note(q, sqlite3_bind_text(q->statement, i, value, -1, SQLITE_STATIC));
}

void query_int(struct query *q, const char *name, int64_t value)
{
    int i = place(q, name);
    if (i) note(q, sqlite3_bind_int64(q->statement, i, value));
}

void query_real(struct query *q, const char *name, double value)
{
    int i = place(q, name);
    if (i)
        note(q, value < 0 ? sqlite3_bind_null(q->statement, i) : sqlite3_bind_double(q->statement, i, value));
}

void query_json(struct query *q, const char *name, const json_t *value)
{
    int i = place(q, name);
    char *text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
    if (!text)
        note(q, SQLITE_NOMEM);
    else if (i)
        note(q, sqlite3_bind_text(q->statement, i, text, -1, SQLITE_TRANSIENT));
    free(text);
}

int query_step(struct query *q, struct err *err)
{
    if (q->bad)
        return err_set(err, q->bad == SQLITE_NOMEM ? ERR_NOMEM : ERR_BUG, "bind: %s", sqlite3_errstr(q->bad));
    int code = sqlite3_step(q->statement);
    if (code == SQLITE_ROW) return 1;
    return code == SQLITE_DONE ? 0 : db_error(q->db, "step", err);
}

int query_run(struct query *q, struct err *err)
{
    int rc;
    do rc = query_step(q, err);
    while (rc == 1);
    query_done(q);
    return rc;
}

const char *query_column(struct query *q, int i)
{
    return (const char *)sqlite3_column_text(q->statement, i);
}

int64_t query_column_int(struct query *q, int i)
{
    return sqlite3_column_int64(q->statement, i);
}

void query_done(struct query *q)
{
    if (!q->statement) return;
    sqlite3_reset(q->statement);
    sqlite3_clear_bindings(q->statement);
    q->statement = NULL;
}

static json_t *column_value(sqlite3_stmt *statement, int i, enum record_kind kind)
{
    if (sqlite3_column_type(statement, i) == SQLITE_NULL) return json_null();
    const char *text;
    switch (kind) {
    case RECORD_INT:
        return json_integer(sqlite3_column_int64(statement, i));
    case RECORD_REAL:
        return json_real(sqlite3_column_double(statement, i));
    case RECORD_BOOL:
        return json_boolean(sqlite3_column_int64(statement, i) != 0);
    case RECORD_TEXT:
        text = (const char *)sqlite3_column_text(statement, i);
        return text ? json_string(text) : NULL;
    case RECORD_JSON:
        text = (const char *)sqlite3_column_text(statement, i);
        return text ? json_loads(text, JSON_DECODE_ANY, NULL) : NULL;
    }
    return NULL;
}

json_t *query_record(struct query *q)
{
    json_t *record = json_object();
    for (int i = 0; record && i < record_columns_count; i++) {
        json_t *value = column_value(q->statement, i + 1, record_columns[i].kind);
        if (json_object_set_new(record, record_columns[i].name, value) == -1) {
            json_decref(record);
            return NULL;
        }
    }
    return record;
}
