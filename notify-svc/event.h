/* event: a notice as JSON for a webhook, and the signature that says it is ours.  Pure. */
#ifndef SHEAF_NOTIFY_SVC_EVENT_H
#define SHEAF_NOTIFY_SVC_EVENT_H

#include "lib/digest.h"
#include "notify-svc/notice.h"

/* {"id","event":"job.finished"│"job.failed"│"job.cancelled"│"batch.ended","at", …}: README.md. `app_url` without a slash at
 * its end.  NULL: no memory; else the caller frees. */
char *event_json(const struct notice *notice, const char *id, const char *app_url);

/* "t=<seconds>,v1=<hex>": HMAC-SHA256 by `secret` of "<seconds>.<body>". */
#define EVENT_SIGNATURE_MAX (DIGEST_HEX + 32)
int event_sign(const char *secret, int64_t seconds, const char *body, char out[EVENT_SIGNATURE_MAX], struct err *err);

#endif
