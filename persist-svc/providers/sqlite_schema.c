#include "persist-svc/providers/sqlite_schema.h"

#include <stdio.h>
#include "lib/auto.h"
#include "lib/embed.h"

EMBED(migration_001, "persist-svc/migrations/001_records.sql");

/* In order; the n-th brings the schema from version n-1 to n.  One that was released is never edited: write
 * the next. */
static const char *const migrations[] = {migration_001};

static int schema_version(struct db *db, int *version, struct err *err)
{
    static const char sql[] = "PRAGMA user_version";
    struct query q;
    if (query_open(&q, db, sql, err) == -1) return -1;
    int rc = query_step(&q, err);
    if (rc == 1) *version = (int)query_column_int(&q, 0);
    query_done(&q);
    return rc == -1 ? -1 : 0;
}

static int migrate_one(struct db *db, int version, struct err *err)
{
    char stamp[40];
    snprintf(stamp, sizeof stamp, "PRAGMA user_version = %d", version);
    if (db_exec(db, "BEGIN IMMEDIATE", err) == -1) return -1;
    if (db_exec(db, migrations[version - 1], err) == 0 && db_exec(db, stamp, err) == 0 &&
        db_exec(db, "COMMIT", err) == 0)
        return 0;
    (void)db_exec(db, "ROLLBACK", NULL); /* the first error is the one to tell */
    return -1;
}

int sqlite_schema_update(struct db *db, struct err *err)
{
    const int newest = COUNT_OF(migrations);
    int version = 0;
    if (schema_version(db, &version, err) == -1) return -1;
    if (version > newest)
        return err_set(
            err, ERR_CONFIG,
            "the records database has schema version %d, this program knows up to %d: use a newer program",
            version, newest);
    for (int next = version + 1; next <= newest; next++)
        if (migrate_one(db, next, err) == -1) return -1;
    return 0;
}
