/* postgres: records in PostgreSQL, by libpq and the functions of migrations/postgres.  Any number of persist-svc may
 * share a database. */
#include "persist-svc/providers/postgres.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "persist-svc/providers/providers.h"

struct postgres_store {
    struct rpc rpc; /* first: rpc.h */
    postgres_pool_t *pool;
};

/* One round trip: the claims that row-level security looks at, and the call, are two statements of one transaction.
 * `function` is one of rpc_*.c's own, never a user's text. */
static PGresult *send(PGconn *conn, const char *owner, const char *function, const char *argument)
{
    char claims[160], sql[300];
    if (owner)
        snprintf(claims, sizeof claims, "{\"role\":\"authenticated\",\"sub\":\"%.64s\"}", owner);
    else
        snprintf(claims, sizeof claims, "{\"role\":\"service_role\"}");
    /* The set_config() of a WITH that is referred to is evaluated before the row that refers to it. */
    snprintf(sql, sizeof sql, "SELECT to_jsonb(%s($2::jsonb)) FROM set_config('request.jwt.claims', $1, true)", function);
    const char *const values[] = {claims, argument};
    return PQexecParams(conn, sql, 2, NULL, values, NULL, NULL, 0);
}

static int read_result(const PGconn *conn, const PGresult *answer, json_t **result, struct err *err)
{
    if (!answer || PQresultStatus(answer) != PGRES_TUPLES_OK) return postgres_error(conn, answer, err);
    bool none = PQntuples(answer) == 0 || PQgetisnull(answer, 0, 0);
    json_t *value = none ? json_null() : json_loads(PQgetvalue(answer, 0, 0), JSON_DECODE_ANY, NULL);
    if (!value) return err_set(err, ERR_UNAVAILABLE, "PostgreSQL: an answer that cannot be read");
    *result = value;
    return 0;
}

static int postgres_call(struct rpc *rpc, const char *owner, const char *function, const json_t *p, json_t **result,
                         struct err *err)
{
    struct postgres_store *s = (struct postgres_store *)rpc;
    char *argument = json_dumps(p, JSON_COMPACT);
    if (!argument) return err_set(err, ERR_NOMEM, "out of memory");
    PGconn *conn = postgres_take(s->pool, err);
    int rc = -1;
    if (conn) {
        PGresult *answer = send(conn, owner, function, argument);
        if (PQstatus(conn) == CONNECTION_BAD) {
            /* It rested while the server was restarted; the functions are safe to repeat. */
            PQclear(answer);
            postgres_give(s->pool, conn);
            conn = postgres_take(s->pool, err);
            answer = conn ? send(conn, owner, function, argument) : NULL;
        }
        if (conn) rc = read_result(conn, answer, result, err);
        PQclear(answer);
        if (conn) postgres_give(s->pool, conn);
    }
    free(argument);
    return rc;
}

static void postgres_close(void **state)
{
    struct postgres_store *s = *state;
    if (!s) return;
    postgres_pool_destroy(&s->pool);
    free(s);
    *state = NULL;
}

static int postgres_open(void **state, const struct store_options *options, struct err *err)
{
    const char *url = options->settings->database_url;
    if (!url) return err_set(err, ERR_CONFIG, "SHEAF_RECORDS=postgres needs DATABASE_URL (postgresql://user:password@host/database)");
    struct postgres_store *s = calloc(1, sizeof *s);
    if (!s) return err_set(err, ERR_NOMEM, "out of memory");
    s->rpc = (struct rpc){.rules = {options->form, options->settings->review_below}, .call = postgres_call};
    void *made = s;
    s->pool = postgres_pool_new(url, err);
    PGconn *conn = s->pool ? postgres_take(s->pool, err) : NULL;
    int rc = conn ? postgres_migrate(conn, err) : -1;
    if (conn) postgres_give(s->pool, conn);
    if (rc == -1) {
        postgres_close(&made);
        return -1;
    }
    *state = made;
    return 0;
}

const struct record_store record_store_postgres = {
    .name = "postgres",
    .open = postgres_open,
    .close = postgres_close,
    RPC_RECORDS,
};
