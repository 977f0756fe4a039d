/* postgres: records in PostgreSQL, by libpq and the functions of migrations/postgres.  Any number of persist-svc may
 * share a database. */
#define _GNU_SOURCE /* a lock that prefers writers */
#include "persist-svc/providers/postgres.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include "lib/clock.h"
#include "lib/log.h"
#include "lib/provider.h"
#include "persist-svc/providers/providers.h"

struct postgres_store {
    struct rpc rpc; /* first: rpc.h */
    postgres_pool_t *pool;
    pthread_mutex_t schema_lock; /* guards schema_is_new */
    bool schema_is_new;
};

/* One round trip: the claims that row-level security looks at, and the call, are two statements of one transaction.
 * `function` is one of rpc_*.c's own, never a user's text. */
static int send(PGconn *conn, const char *owner, const char *function, const char *argument)
{
    char claims[160], sql[300];
    if (owner)
        snprintf(claims, sizeof claims, "{\"role\":\"authenticated\",\"sub\":\"%.64s\"}", owner);
    else
        snprintf(claims, sizeof claims, "{\"role\":\"service_role\"}");
    /* The set_config() of a WITH that is referred to is evaluated before the row that refers to it. */
    snprintf(sql, sizeof sql, "SELECT to_jsonb(%s($2::jsonb)) FROM set_config('request.jwt.claims', $1, true)", function);
    const char *const values[] = {claims, argument};
    return PQsendQueryParams(conn, sql, 2, NULL, values, NULL, NULL, 0) ? 0 : -1;
}

/* What the server says to it; NULL: nothing in time, or the connection is gone.  A server that stands still would hold
 * PQexecParams() for ever. */
static PGresult *hear(PGconn *conn, int64_t until_ms)
{
    for (int unsent = 1; unsent || PQisBusy(conn);) {
        int64_t left_ms = until_ms - clock_ms();
        struct pollfd p = {.fd = PQsocket(conn), .events = POLLIN};
        if (unsent && (unsent = PQflush(conn)) == -1) return NULL;
        if (unsent) p.events |= POLLOUT;
        if (left_ms <= 0 || (poll(&p, 1, (int)left_ms) == -1 && errno != EINTR)) return NULL;
        if (p.revents & (POLLIN | POLLERR | POLLHUP) && !PQconsumeInput(conn)) break;
    }
    PGresult *first = PQgetResult(conn);
    for (PGresult *more; first && (more = PQgetResult(conn));) PQclear(more); /* after the last one there is NULL */
    return first;
}

static int read_result(const PGresult *answer, json_t **result, struct err *err)
{
    bool none = PQntuples(answer) == 0 || PQgetisnull(answer, 0, 0);
    json_t *value = none ? json_null() : json_loads(PQgetvalue(answer, 0, 0), JSON_DECODE_ANY, NULL);
    if (!value) return err_set(err, ERR_UNAVAILABLE, "PostgreSQL: an answer that cannot be read");
    *result = value;
    return 0;
}

/* The first connection brings the schema up to date: the server may have been away when this process started. */
static int prepare(struct postgres_store *s, PGconn *conn, struct err *err)
{
    pthread_mutex_lock(&s->schema_lock);
    int rc = s->schema_is_new ? 0 : postgres_migrate(s->pool, conn, err);
    if (rc == 0) s->schema_is_new = true;
    pthread_mutex_unlock(&s->schema_lock);
    return rc;
}

/* 0, -1, or, unless it is the `last` try, 1: the connection broke without a word. */
static int call_once(struct postgres_store *s, const char *owner, const char *function, const char *argument, bool last,
                     json_t **result, struct err *err)
{
    PGresult *answer = NULL;
    struct err why = {0};
    PGconn *conn = postgres_take(s->pool, err);
    if (!conn) return -1;
    int rc = prepare(s, conn, &why);
    const bool ready = rc == 0;
    if (ready && send(conn, owner, function, argument) == 0) answer = hear(conn, clock_ms() + RPC_MS);
    if (ready && answer && PQresultStatus(answer) == PGRES_TUPLES_OK)
        rc = read_result(answer, result, &why);
    else if (ready && !last && PQstatus(conn) == CONNECTION_BAD && !(answer && PQresultErrorField(answer, PG_DIAG_SQLSTATE)))
        rc = 1;
    else if (ready)
        rc = postgres_failed(s->pool, conn, answer, &why);
    PQclear(answer);
    postgres_give(s->pool, conn, rc == 0 || (rc == -1 && why.kind != ERR_THROTTLED));
    if (rc == -1 && err) *err = why;
    return rc;
}

static int postgres_call(struct rpc *rpc, const char *owner, const char *function, const json_t *p, json_t **result,
                         struct err *err)
{
    struct postgres_store *s = (struct postgres_store *)rpc;
    char *argument = json_dumps(p, JSON_COMPACT);
    if (!argument) return err_set(err, ERR_NOMEM, "out of memory");
    const int64_t began_ms = clock_ms();
    struct err why = {0};
    /* It rested while the server was restarted, or broke in the middle: the functions are safe to repeat. */
    int rc = call_once(s, owner, function, argument, false, result, &why);
    if (rc == 1) rc = call_once(s, owner, function, argument, true, result, &why);
    provider_count("postgres", rc == 0 ? "ok" : err_kind_name(why.kind), clock_ms() - began_ms);
    if (rc == -1 && err) *err = why;
    free(argument);
    return rc;
}

static void postgres_close(void **state)
{
    struct postgres_store *s = *state;
    if (!s) return;
    postgres_pool_destroy(&s->pool);
    pthread_mutex_destroy(&s->schema_lock);
    free(s);
    *state = NULL;
}

static int64_t paused_until_ms(void *state)
{
    return postgres_paused_until_ms(((struct postgres_store *)state)->pool);
}

/* A server that is away now is waited for, as at any other time; a wrong password ends the start. */
static int connect_first(struct postgres_store *s, struct err *err)
{
    struct err why = {0};
    PGconn *conn = postgres_take(s->pool, &why);
    int rc = conn ? prepare(s, conn, &why) : -1;
    if (conn) postgres_give(s->pool, conn, rc == 0);
    if (rc == -1 && why.kind == ERR_THROTTLED) {
        log_warn("records_away", F_ERR(&why));
        return 0;
    }
    if (rc == -1 && err) *err = why;
    return rc;
}

static int postgres_open(void **state, const struct store_options *options, struct err *err)
{
    if (!options->settings->database_url)
        return err_set(err, ERR_CONFIG, "SHEAF_RECORDS=postgres needs DATABASE_URL (postgresql://user:password@host/database)");
    struct postgres_store *s = calloc(1, sizeof *s);
    if (!s) return err_set(err, ERR_NOMEM, "out of memory");
    s->rpc = (struct rpc){.rules = {options->form, options->settings->review_below}, .turns = RPC_TURNS, .call = postgres_call};
    pthread_mutex_init(&s->schema_lock, NULL);
    void *made = s;
    s->pool = postgres_pool_new(options->settings, err);
    if (!s->pool || connect_first(s, err) == -1) {
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
    .paused_until_ms = paused_until_ms,
    .save = rpc_save,
    RPC_RECORDS,
};
