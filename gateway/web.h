/* web: the pages, built into the binary. */
#ifndef SHEAF_GATEWAY_WEB_H
#define SHEAF_GATEWAY_WEB_H

#include "gateway/http.h"

void web_init(void); /* once, before requests: the ETags */
void web_job_page(struct request *rq);
void web_sign_in(struct request *rq, int status); /* in place of a page that nobody may see without a token */

#endif
