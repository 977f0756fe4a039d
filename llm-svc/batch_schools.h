/* batch_schools: what the documents of a batch call their schools, kept in Redis (proto/redis/heard.lua).
 *
 * Stage `split` says the names that its document says surely; `extract` asks what the other documents of the batch said so
 * far.  There is no order between documents: one that is read early is told little, and what is told later changes no
 * record.  It helps, and nothing waits for it: while Redis is away a document is told by itself alone.
 *
 * Any thread; each call is one round trip, at most ASK_MS long.
 */
#ifndef SHEAF_LLM_SVC_BATCH_SCHOOLS_H
#define SHEAF_LLM_SVC_BATCH_SCHOOLS_H

#include "lib/err.h"
#include "lib/lone_script.h"
#include "lib/settings.h"
#include "llm-svc/llm.h"

typedef lone_script_t batch_schools_t;

/* `threads` that may ask at the same time.  Does not wait for Redis. */
batch_schools_t *batch_schools_open(const struct settings *settings, int threads, struct err *err);
void batch_schools_close(batch_schools_t **b);

/* The document `job` of the batch names these surely, at most eight of them are told; said again it replaces what was said. */
void batch_schools_say(batch_schools_t *b, const char *batch, const char *job, const struct schools *schools);
/* Adds the names that at least two other documents say to `schools` (schools_add).  -1: no memory. */
int batch_schools_look(batch_schools_t *b, const char *batch, const char *job, struct schools *schools);

#endif
