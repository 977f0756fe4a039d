/* upload: what an upload and a document that is fetched have in common: a filled intake becomes jobs and an
 * answer. */
#ifndef SHEAF_GATEWAY_UPLOAD_H
#define SHEAF_GATEWAY_UPLOAD_H

#include "gateway/http.h"
#include "gateway/intake.h"

/* An intake for this request, with the options of its query and headers. NULL: refused, answered. */
struct intake *upload_begin(struct request *rq);
/* To be called while a body is read: a large file on a slow line takes longer than a batch without an upload stays open.
 * *next_ms: 0 at first. */
void upload_keep_batch_open(struct request *rq, const struct intake *in, int64_t *next_ms);
/* Opens the jobs of what was taken in, and answers. */
void upload_open_jobs(struct request *rq, struct intake *in);

#endif
