/* workers: what waits and who is alive, for other parts of the gateway. Any thread. */
#ifndef SHEAF_GATEWAY_WORKERS_H
#define SHEAF_GATEWAY_WORKERS_H

#include <jansson.h>
#include "gateway/gateway.h"

/* How many tasks of a stage are in hand, over all shards. */
int workers_in_flight(struct gateway *g, const char *stage, int64_t *n, struct err *err);
/* The workers, as they describe themselves; the caller's. */
int workers_alive(struct gateway *g, json_t **workers, struct err *err);

#endif
