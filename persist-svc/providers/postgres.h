/* postgres: what the files of the PostgreSQL provider share. The only ones that include libpq. */
#ifndef SHEAF_PERSIST_SVC_PROVIDERS_POSTGRES_H
#define SHEAF_PERSIST_SVC_PROVIDERS_POSTGRES_H

#include <libpq-fe.h>
#include <stdbool.h>
#include <stdint.h>
#include "lib/settings.h"
#include "persist-svc/providers/rpc.h"

#define POSTGRES_CONNECTIONS 8    /* as many as work and HTTP threads are at it at once; each opened when first needed */
#define POSTGRES_AWAY_MS     5000 /* until a server that is away is tried again; a refused connection costs nobody anything */

/* ---- postgres_error.c: what went wrong. Pure. ---- */

enum postgres_trouble {
    POSTGRES_REFUSES, /* this request, or whoever makes it: *err says what, and whether trying again helps */
    POSTGRES_AWAY,    /* the server itself; the same for everybody. *err is ERR_THROTTLED with "Waiting for PostgreSQL, …." */
    POSTGRES_FULL     /* likewise, but those who are connected go on: it takes no further connection */
};
/* `sqlstate`: "" when the server said nothing, then `text` is libpq's own message. `err` is filled, never NULL. */
enum postgres_trouble postgres_judge(const char *sqlstate, const char *text, struct err *err);

/* What the servers of a URL said when a connection failed, from libpq's message with PQERRORS_SQLSTATE: one code a host.  The first
 * that is a refusal, else the last one; "" without any. */
void postgres_connect_state(const char *message, char sqlstate[6]);

/* ---- postgres_pool.c: connections that are lent to one thread at a time, and the pause that all replicas share ---- */

typedef struct postgres_pool postgres_pool_t;

/* DATABASE_URL. Does not connect. */
postgres_pool_t *postgres_pool_new(const struct settings *settings, struct err *err);
void postgres_pool_destroy(postgres_pool_t **p); /* nobody uses it any more */

/* A living connection for one thread; waits until one is free.  NULL with *err; ERR_THROTTLED while the server is away. */
PGconn *postgres_take(postgres_pool_t *p, struct err *err);
/* `keep` false: it is of no use to anybody any more, and most likely those at rest are not either. */
void postgres_give(postgres_pool_t *p, PGconn *conn, bool keep);

/* What the failure of a statement means; a server that is away is waited for by all replicas.  `result` NULL: no answer came
 * in time.  Always -1. */
int postgres_failed(postgres_pool_t *p, PGconn *conn, const PGresult *result, struct err *err);

int64_t postgres_paused_until_ms(postgres_pool_t *p); /* for stage_type.paused_until_ms */

/* ---- postgres_schema.c ---- */

/* Brings the schema up to date, one process at a time. */
int postgres_migrate(postgres_pool_t *p, PGconn *conn, struct err *err);

#endif
