/* upload: what an upload and a document that is fetched have in common: a filled intake becomes jobs and an
 * answer. */
#ifndef SHEAF_GATEWAY_UPLOAD_H
#define SHEAF_GATEWAY_UPLOAD_H

#include "gateway/http.h"
#include "gateway/intake.h"

/* An intake for this request, with the options of its query and headers. NULL: refused, answered. */
struct intake *upload_begin(struct request *rq);
/* To be called for each piece of a body: a large file on a slow line takes longer than a batch without an upload stays open, and
 * how large a body in chunks is shows only now.  *next_ms: 0 at first.  -1: too large, answered. */
int upload_go_on(struct request *rq, const struct intake *in, int64_t *next_ms);
/* Opens the jobs of what was taken in, and answers. */
void upload_open_jobs(struct request *rq, struct intake *in);

#endif
