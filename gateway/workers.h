/* workers: what waits and who is alive, for other parts of the gateway. Any thread. */
#ifndef SHEAF_GATEWAY_WORKERS_H
#define SHEAF_GATEWAY_WORKERS_H

#include <jansson.h>
#include "gateway/gateway.h"
#include "proto/stages.h"

/* How many tasks of a stage are in hand, over all shards. */
int workers_in_flight(struct gateway *g, const char *stage, int64_t *n, struct err *err);

struct workers_stage {
    int64_t waiting, workers; /* tasks that nobody has in hand; who is there for them */
    bool paused;              /* by an operator */
};
/* Of each stage, and the workers as they describe themselves, which are the caller's. */
int workers_look(struct gateway *g, struct workers_stage stages[STAGE_NAMES_N], json_t **workers, struct err *err);

#endif
