/* rpc: a record store whose statements are the database functions of migrations/postgres, whatever way they are called.
 *
 * Each function takes and gives one JSON value, is one transaction, and is safe to repeat.  Over libpq (postgres.c) and over
 * PostgREST (supabase.c) they are the same functions, so only the way of calling differs.  A save is two calls: the
 * fenced write, then what the review rules make of the row; a process that dies in between is followed by another delivery,
 * which finds the row unsettled.
 */
#ifndef SHEAF_PERSIST_SVC_PROVIDERS_RPC_H
#define SHEAF_PERSIST_SVC_PROVIDERS_RPC_H

#include <pthread.h>
#include "persist-svc/record_update.h"
#include "persist-svc/store.h"

#define RPC_MS 20000 /* longest call: a save's two stay within a task's time */

/* The state of such a provider begins with this. */
struct rpc {
    struct record_rules rules;
    pthread_rwlock_t turns; /* persons' changes share it, but for one that somebody else was faster than */
    /* *result: what `function` answered to `p`, the caller's; JSON null for none.  `owner`: on whose behalf (row-level security
     * then guards the owner conditions once more); NULL: the service's own doing.  Any thread; blocks RPC_MS at most. */
    int (*call)(struct rpc *rpc, const char *owner, const char *function, const json_t *p, json_t **result, struct err *err);
};

/* Who waits for it alone goes before those who would share it. */
#define RPC_TURNS PTHREAD_RWLOCK_WRITER_NONRECURSIVE_INITIALIZER_NP

/* rpc->call() that takes `p`, which may be NULL for want of memory. */
int rpc_call(void *state, const char *owner, const char *function, json_t *p, json_t **result, struct err *err);

/* The functions of store.h; `state` is a struct rpc. */
int rpc_save(void *state, const struct record_save *save, struct record_saved *saved, struct err *err);
int rpc_change(void *state, const struct record_change *change, json_t **changed, struct err *err);
int rpc_get(void *state, const char *owner, const char *id, json_t **record, struct err *err);
int rpc_list(void *state, const struct record_query *query, const struct record_sink *sink, struct err *err);
int rpc_groups(void *state, const struct record_query *query, json_t **groups, struct err *err);
int rpc_history(void *state, const char *owner, const char *id, json_t **history, struct err *err);
int rpc_find_digest(void *state, const char *owner, const char *digest, char id[BASE_ID], struct err *err);
int rpc_stats(void *state, const char *owner, json_t **stats, struct err *err);

int rpc_probe(void *state, struct err *err); /* writes as a save does, and takes it back */

/* What an SQLSTATE means for the caller; the same over both ways.  Always -1; `title` begins the text ("PostgreSQL").
 * Never repeats the database's own words: they may hold values. */
int rpc_sql_error(const char *title, const char *sqlstate, struct err *err);

/* What both have in their struct record_store, beside `save`. */
#define RPC_RECORDS                                                                                                        \
    .probe = rpc_probe, .change = rpc_change, .get = rpc_get, .list = rpc_list, .groups = rpc_groups,                      \
    .history = rpc_history, .find_digest = rpc_find_digest, .stats = rpc_stats

#endif
