/* batch: names of new batches and jobs, the cookie by which a browser finds its last batch again, and what keeps one open. */
#ifndef SHEAF_GATEWAY_BATCH_H
#define SHEAF_GATEWAY_BATCH_H

#include "gateway/gateway.h"
#include "lib/settings.h"
#include "proto/ids.h"

unsigned batch_any_shard(const struct settings *s);
void batch_new_id(unsigned shard, char out[ID_TEXT]); /* of a batch or a job */

#define BATCH_COOKIE_MAX 128
void batch_cookie(const char *id, char out[BATCH_COOKIE_MAX]); /* a whole header line */

/* An upload into this batch is under way, so that nobody closes it for want of one. Best effort. */
void batch_touch(struct gateway *g, const char *owner, const char *id);

#endif
