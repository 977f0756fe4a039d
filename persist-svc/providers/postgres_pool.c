/* postgres_pool: connections that are lent to one thread at a time. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include "persist-svc/providers/postgres.h"

struct postgres_pool {
    char *url;
    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t returned;
    PGconn *idle[POSTGRES_CONNECTIONS];
    int n_idle, n_lent;
};

postgres_pool_t *postgres_pool_new(const char *url, struct err *err)
{
    postgres_pool_t *p = calloc(1, sizeof *p);
    if (p) p->url = strdup(url);
    if (!p || !p->url) {
        free(p);
        err_set(err, ERR_NOMEM, "out of memory");
        return NULL;
    }
    pthread_mutex_init(&p->lock, NULL);
    pthread_cond_init(&p->returned, NULL);
    return p;
}

void postgres_pool_destroy(postgres_pool_t **pool)
{
    postgres_pool_t *p = *pool;
    if (!p) return;
    for (int i = 0; i < p->n_idle; i++) PQfinish(p->idle[i]);
    pthread_cond_destroy(&p->returned);
    pthread_mutex_destroy(&p->lock);
    free(p->url);
    free(p);
    *pool = NULL;
}

static void ignore_notice(void *arg, const char *message)
{
    (void)arg, (void)message; /* "already exists, skipping": libpq would write it to stderr */
}

/* What the URL does not say; libpq takes the last mention of a keyword, and a URL given as dbname counts as its
 * place.  A server that is gone is noticed by unanswered bytes, a slow statement by the server itself. */
static PGconn *connect_to(const char *url, struct err *err)
{
    static const char *const names[] = {"connect_timeout", "tcp_user_timeout", "application_name", "options", "dbname", NULL};
    const char *values[] = {"10", "15000", "sheaf", "-c statement_timeout=20000 -c idle_in_transaction_session_timeout=60000", url, NULL};
    PGconn *conn = PQconnectdbParams(names, values, 1);
    if (conn && PQstatus(conn) == CONNECTION_OK) {
        PQsetNoticeProcessor(conn, ignore_notice, NULL);
        return conn;
    }
    if (conn)
        postgres_error(conn, NULL, err);
    else
        err_set(err, ERR_NOMEM, "out of memory");
    PQfinish(conn);
    return NULL;
}

PGconn *postgres_take(postgres_pool_t *p, struct err *err)
{
    pthread_mutex_lock(&p->lock);
    while (p->n_lent == POSTGRES_CONNECTIONS) pthread_cond_wait(&p->returned, &p->lock);
    p->n_lent++;
    PGconn *conn = p->n_idle > 0 ? p->idle[--p->n_idle] : NULL;
    pthread_mutex_unlock(&p->lock);
    if (!conn) conn = connect_to(p->url, err);
    if (!conn) postgres_give(p, NULL);
    return conn;
}

void postgres_give(postgres_pool_t *p, PGconn *conn)
{
    bool broken = conn && (PQstatus(conn) != CONNECTION_OK || PQtransactionStatus(conn) != PQTRANS_IDLE);
    if (broken) {
        PQfinish(conn);
        conn = NULL;
    }
    pthread_mutex_lock(&p->lock);
    if (conn) p->idle[p->n_idle++] = conn;
    /* Where one broke, those at rest are most likely broken too: the server was restarted. */
    while (broken && p->n_idle > 0) PQfinish(p->idle[--p->n_idle]);
    p->n_lent--;
    pthread_cond_signal(&p->returned);
    pthread_mutex_unlock(&p->lock);
}

int postgres_error(const PGconn *conn, const PGresult *result, struct err *err)
{
    const char *state = result ? PQresultErrorField(result, PG_DIAG_SQLSTATE) : NULL;
    if (state) return rpc_sql_error("PostgreSQL", state, err);
    const char *text = PQerrorMessage(conn);
    /* A refusal at connecting has no SQLSTATE in this libpq, only the server's words. */
    if (strstr(text, "password authentication failed") || strstr(text, "no password supplied") || strstr(text, "pg_hba.conf"))
        return rpc_sql_error("PostgreSQL", "28000", err);
    if (strstr(text, "database") && strstr(text, "does not exist")) return rpc_sql_error("PostgreSQL", "3D000", err);
    if (strstr(text, "too many clients")) return rpc_sql_error("PostgreSQL", "53300", err);
    return err_set(err, ERR_UNAVAILABLE, "PostgreSQL cannot be reached; is it running, and is DATABASE_URL right?");
}
