/* httpc_pool: HTTP clients lent to threads, for one server.  Lent last in, first out, so that warm
 * connections stay warm; at most `most` at once, which is the cap on calls in flight.  Any thread. */
#ifndef SHEAF_HTTPC_POOL_H
#define SHEAF_HTTPC_POOL_H

#include <stdint.h>
#include "lib/err.h"
#include "lib/httpc.h"

typedef struct httpc_pool httpc_pool_t;

/* Clients are made when they are first needed. NULL: no memory. */
httpc_pool_t *httpc_pool_new(int most, struct err *err);
void httpc_pool_destroy(httpc_pool_t **pool); /* all clients are back */
/* Waits until one is free. NULL: ERR_TIMEOUT at the deadline, ERR_NOMEM. */
httpc_t *httpc_pool_take(httpc_pool_t *pool, int64_t deadline_ms, struct err *err);
void httpc_pool_put(httpc_pool_t *pool, httpc_t **client);

#endif
