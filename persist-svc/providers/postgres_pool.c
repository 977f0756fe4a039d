/* postgres_pool: connections that are lent to one thread at a time, and when the server may be tried. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include "lib/clock.h"
#include "lib/throttle.h"
#include "persist-svc/providers/postgres.h"

#define QUICK_MS 2000 /* who was turned away sooner may ask again at once why */

struct postgres_pool {
    char *url;
    throttle_t *throttle;
    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t returned;
    PGconn *idle[POSTGRES_CONNECTIONS];
    int n_idle, n_lent;
};

/* A URL that cannot be read is a mistake, not an outage. */
static int check_url(const char *url, struct err *err)
{
    PQconninfoOption *parts = PQconninfoParse(url, NULL);
    if (!parts) return err_set(err, ERR_CONFIG, "DATABASE_URL cannot be read; it is postgresql://user:password@host/database");
    PQconninfoFree(parts);
    return 0;
}

postgres_pool_t *postgres_pool_new(const struct settings *settings, struct err *err)
{
    const struct throttle_options options = {.name = "postgres", .types = "save", .threads = 1};
    if (check_url(settings->database_url, err) == -1) return NULL;
    postgres_pool_t *p = calloc(1, sizeof *p);
    if (!p) {
        err_set(err, ERR_NOMEM, "out of memory");
        return NULL;
    }
    pthread_mutex_init(&p->lock, NULL);
    clock_cond_init(&p->returned);
    p->url = strdup(settings->database_url);
    if (!p->url)
        err_set(err, ERR_NOMEM, "out of memory");
    else
        p->throttle = throttle_new(settings, &options, err);
    if (!p->throttle) postgres_pool_destroy(&p);
    return p;
}

void postgres_pool_destroy(postgres_pool_t **pool)
{
    postgres_pool_t *p = *pool;
    if (!p) return;
    for (int i = 0; i < p->n_idle; i++) PQfinish(p->idle[i]);
    throttle_destroy(&p->throttle);
    pthread_cond_destroy(&p->returned);
    pthread_mutex_destroy(&p->lock);
    free(p->url);
    free(p);
    *pool = NULL;
}

int64_t postgres_paused_until_ms(postgres_pool_t *p)
{
    return throttle_paused_until_ms(p->throttle, NULL);
}

/* ---- trouble ---- */

static enum postgres_trouble judge(postgres_pool_t *p, const char *sqlstate, const char *text, struct err *err)
{
    struct err why = {0};
    enum postgres_trouble trouble = postgres_judge(sqlstate, text, &why);
    if (trouble == POSTGRES_AWAY) throttle_pause(p->throttle, POSTGRES_AWAY_MS, why.text);
    if (trouble != POSTGRES_REFUSES)
        (void)throttle_told(why.text, POSTGRES_AWAY_MS, err);
    else if (err)
        *err = why;
    return trouble;
}

int postgres_failed(postgres_pool_t *p, PGconn *conn, const PGresult *result, struct err *err)
{
    const char *state = result ? PQresultErrorField(result, PG_DIAG_SQLSTATE) : NULL;
    (void)judge(p, state ? state : "", PQerrorMessage(conn), err);
    return -1;
}

/* ---- connecting ---- */

static void ignore_notice(void *arg, const char *message)
{
    (void)arg, (void)message; /* "already exists, skipping": libpq would write it to stderr */
}

/* What the URL does not say; libpq takes the last mention of a keyword, and a URL given as dbname counts as its place.  A
 * server that is gone is noticed by unanswered bytes, a slow statement by the server itself; of several hosts the one that
 * takes writes is the one.  *trouble: why there is none. */
static PGconn *connect_to(postgres_pool_t *p, enum postgres_trouble *trouble, struct err *err)
{
    static const char *const names[] = {"connect_timeout", "tcp_user_timeout", "application_name", "target_session_attrs", "options",
                                        "dbname", NULL};
    const char *values[] = {"10", "15000", "sheaf", "read-write",
                            "-c statement_timeout=18000 -c idle_in_transaction_session_timeout=60000", p->url, NULL};
    const int64_t began_ms = clock_ms();
    char state[6];
    PGconn *conn = PQconnectdbParams(names, values, 1);
    if (conn && PQstatus(conn) != CONNECTION_OK && clock_ms() - began_ms < QUICK_MS) {
        /* What the server says is in its own language, and without a code unless that is asked for beforehand. */
        PQsetErrorVerbosity(conn, PQERRORS_SQLSTATE);
        PQreset(conn);
    }
    if (conn && PQstatus(conn) == CONNECTION_OK) {
        PQsetNoticeProcessor(conn, ignore_notice, NULL);
        (void)PQsetnonblocking(conn, 1); /* so that the sending has a deadline, too */
        return conn;
    }
    *trouble = POSTGRES_REFUSES;
    if (conn) {
        postgres_connect_state(PQerrorMessage(conn), state);
        *trouble = judge(p, state, PQerrorMessage(conn), err);
    } else {
        err_set(err, ERR_NOMEM, "out of memory");
    }
    PQfinish(conn);
    return NULL;
}

/* ---- lending ---- */

static void return_place(postgres_pool_t *p)
{
    pthread_mutex_lock(&p->lock);
    p->n_lent--;
    pthread_cond_broadcast(&p->returned);
    pthread_mutex_unlock(&p->lock);
}

/* A place, and with it a connection that rested, if there is one.  `full`: the server takes no further one, so as long as
 * others of ours are connected one of theirs is waited for.  -1: the time is up. */
static int take_place(postgres_pool_t *p, bool full, int64_t until_ms, PGconn **conn)
{
    int rc = 0;
    pthread_mutex_lock(&p->lock);
    while (rc == 0 && p->n_idle == 0 && (p->n_lent == POSTGRES_CONNECTIONS || (full && p->n_lent > 0)))
        rc = clock_cond_wait(&p->returned, &p->lock, until_ms);
    if (rc == 0) {
        p->n_lent++;
        *conn = p->n_idle > 0 ? p->idle[--p->n_idle] : NULL;
    }
    pthread_mutex_unlock(&p->lock);
    return rc;
}

static bool others_are_connected(postgres_pool_t *p)
{
    pthread_mutex_lock(&p->lock);
    bool others = p->n_lent + p->n_idle > 0;
    pthread_mutex_unlock(&p->lock);
    return others;
}

PGconn *postgres_take(postgres_pool_t *p, struct err *err)
{
    char why[THROTTLE_WHY_MAX];
    const int64_t now_ms = clock_ms(), paused_ms = throttle_paused_until_ms(p->throttle, why) - now_ms;
    if (paused_ms > 0) {
        (void)throttle_told(why, paused_ms, err);
        return NULL;
    }
    for (bool full = false;;) {
        PGconn *conn = NULL;
        enum postgres_trouble trouble;
        if (take_place(p, full, now_ms + RPC_MS, &conn) == -1) {
            (void)judge(p, "53300", "", err);
            return NULL;
        }
        if (!conn) conn = connect_to(p, &trouble, err);
        if (conn) return conn;
        return_place(p);
        if (trouble != POSTGRES_FULL || !others_are_connected(p)) return NULL;
        full = true;
    }
}

void postgres_give(postgres_pool_t *p, PGconn *conn, bool keep)
{
    keep = keep && PQstatus(conn) == CONNECTION_OK && PQtransactionStatus(conn) == PQTRANS_IDLE;
    if (!keep) PQfinish(conn);
    pthread_mutex_lock(&p->lock);
    if (keep) p->idle[p->n_idle++] = conn;
    /* Where one broke, those at rest are most likely broken too: the server was restarted. */
    while (!keep && p->n_idle > 0) PQfinish(p->idle[--p->n_idle]);
    pthread_mutex_unlock(&p->lock);
    return_place(p);
}
