/* routes: which function answers which path.  The table in routes.c is the whole outside of this service. */
#ifndef SHEAF_GATEWAY_ROUTES_H
#define SHEAF_GATEWAY_ROUTES_H

#include "gateway/http.h"

typedef void route_handler(struct request *rq);

/* Says who calls, finds the route and answers: 404 without one, 405 where only the method is wrong. */
void routes_serve(struct request *rq);

route_handler upload_serve;                                   /* upload.c */
route_handler batches_open, batches_close, batches_show;      /* batches.c */
route_handler status_of_batch, status_of_job;                 /* status.c */
route_handler jobs_page, jobs_retry, jobs_cancel, jobs_rerun; /* jobs.c */
route_handler events_serve;                                   /* stream.c */
route_handler workers_status, workers_queues;                 /* workers.c */
route_handler documents_take, documents_reprocess;            /* documents.c */
route_handler listing_jobs;                                   /* listing.c */
route_handler dead_list, dead_kick, dead_drop, dead_kick_all; /* dead.c */
route_handler admin_pause, admin_resume, admin_drain;         /* admin.c */
route_handler admin_providers, admin_log;                     /* admin.c */
route_handler forward_serve, forward_document, forward_records; /* forward.c */
route_handler sign_in_page;                                   /* sign_in.c */
route_handler web_page, web_review, web_static, web_openapi;  /* web.c */

#endif
