/* stage: the stage `notify` (proto/STAGES.md), run by lib/stage until the service is told to stop. */
#ifndef SHEAF_NOTIFY_SVC_STAGE_H
#define SHEAF_NOTIFY_SVC_STAGE_H

#include "lib/stage.h"
#include "notify-svc/channel.h"

int notify_threads(const struct settings *settings); /* that send at the same time */
int notify_stage_run(struct svc *svc, struct channels *channels, struct err *err);

/* Makes the message for a task's news and sends it to all channels; *id (NOTIFY_ID_MAX bytes) is its
 * Message-ID without brackets. Apart from the worker loop, so that it can be tested without one. */
#define NOTIFY_ID_MAX 128
int notify_send(struct channels *channels, const char *job, const struct token *token, const json_t *body,
                int64_t deadline_ms, char *id, struct err *err);

#endif
