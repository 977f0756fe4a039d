/* postgres_schema: migrations/postgres/ applied in order, each in a transaction of its own and once. */
#include <stdio.h>
#include "lib/auto.h"
#include "lib/embed.h"
#include "persist-svc/providers/postgres.h"

EMBED(postgres_records, "persist-svc/migrations/postgres/20261125000000_records.sql");
EMBED(postgres_rights, "persist-svc/migrations/postgres/20261127000000_rights.sql");
EMBED(postgres_places, "persist-svc/migrations/postgres/20261127160000_places.sql");
EMBED(postgres_owners, "persist-svc/migrations/postgres/20261128000000_owners.sql");

/* Versions are the files' numbers, as a Supabase project counts them.  One that was released is never edited. */
static const struct {
    const char *version, *sql;
} migrations[] = {
    {"20261125000000", postgres_records},
    {"20261127000000", postgres_rights},
    {"20261127160000", postgres_places},
    {"20261128000000", postgres_owners},
};

static int run(postgres_pool_t *p, PGconn *conn, const char *sql, struct err *err)
{
    PGresult *result = PQexec(conn, sql);
    ExecStatusType status = PQresultStatus(result);
    int rc = status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK ? 0 : postgres_failed(p, conn, result, err);
    PQclear(result);
    return rc;
}

/* 1: there already, 0: not yet, -1. */
static int applied(postgres_pool_t *p, PGconn *conn, const char *version, struct err *err)
{
    const char *const values[] = {version};
    PGresult *result = PQexecParams(conn, "SELECT 1 FROM sheaf_migrations WHERE version = $1", 1, NULL, values, NULL, NULL, 0);
    int rc = PQresultStatus(result) == PGRES_TUPLES_OK ? PQntuples(result) > 0 : postgres_failed(p, conn, result, err);
    PQclear(result);
    return rc;
}

static int apply(postgres_pool_t *p, PGconn *conn, size_t i, struct err *err)
{
    char stamp[120];
    snprintf(stamp, sizeof stamp, "INSERT INTO sheaf_migrations (version) VALUES ('%s')", migrations[i].version);
    if (run(p, conn, migrations[i].sql, err) == -1) return -1;
    return run(p, conn, stamp, err);
}

int postgres_migrate(postgres_pool_t *p, PGconn *conn, struct err *err)
{
    /* The lock ends with the transaction; several persist-svc may start at once. */
    if (run(p, conn, "BEGIN; SELECT pg_advisory_xact_lock(hashtextextended('sheaf_migrations', 0));"
                  "CREATE TABLE IF NOT EXISTS sheaf_migrations (version text PRIMARY KEY, applied_at timestamptz DEFAULT now())",
            err) == 0) {
        int rc = 0;
        for (size_t i = 0; rc == 0 && i < COUNT_OF(migrations); i++) {
            rc = applied(p, conn, migrations[i].version, err);
            if (rc == 0) rc = apply(p, conn, i, err);
            if (rc == 1) rc = 0;
        }
        if (rc == 0 && run(p, conn, "COMMIT", err) == 0) return 0;
    }
    PGresult *result = PQexec(conn, "ROLLBACK"); /* the first error is the one to tell */
    PQclear(result);
    return -1;
}
