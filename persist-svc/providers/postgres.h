/* postgres: what the files of the PostgreSQL provider share. The only ones that include libpq. */
#ifndef SHEAF_PERSIST_SVC_PROVIDERS_POSTGRES_H
#define SHEAF_PERSIST_SVC_PROVIDERS_POSTGRES_H

#include <libpq-fe.h>
#include "persist-svc/providers/rpc.h"

#define POSTGRES_CONNECTIONS 8 /* as many as work and HTTP threads are at it at once; each opened when first needed */

typedef struct postgres_pool postgres_pool_t;

/* `url` is copied. Does not connect. */
postgres_pool_t *postgres_pool_new(const char *url, struct err *err);
void postgres_pool_destroy(postgres_pool_t **p); /* nobody uses it any more */

/* A living connection for one thread; waits until one is free.  NULL: the server cannot be reached, with *err. */
PGconn *postgres_take(postgres_pool_t *p, struct err *err);
void postgres_give(postgres_pool_t *p, PGconn *conn); /* a broken one is closed here */

/* What the connection's or the result's failure means. Always -1. */
int postgres_error(const PGconn *conn, const PGresult *result, struct err *err);

/* Brings the schema up to date, one process at a time. */
int postgres_migrate(PGconn *conn, struct err *err);

#endif
