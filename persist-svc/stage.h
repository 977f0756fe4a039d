/* stage: the stages `store` and `save` (proto/STAGES.md), run by lib/stage until the service is told to stop.
 */
#ifndef SHEAF_PERSIST_SVC_STAGE_H
#define SHEAF_PERSIST_SVC_STAGE_H

#include "lib/stage.h"
#include "persist-svc/store.h"

int persist_stage_run(struct svc *svc, struct stores *stores, struct err *err);

#endif
