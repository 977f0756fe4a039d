#include "gateway/routes.h"

#include <stdio.h>
#include <string.h>
#include "gateway/text.h"
#include "lib/auto.h"

/* The first that fits is taken.  '*' is one segment, "**" the rest of the path. */
static const struct route {
    const char *method, *pattern;
    route_handler *handler;
    enum access access;
} routes[] = {
    {"POST", "/upload", upload_serve, ACCESS_OWNER},
    {"POST", "/api/batches", batches_open, ACCESS_OWNER},
    {"POST", "/api/batches/*/close", batches_close, ACCESS_OWNER},
    {"GET", "/api/batches/*", batches_show, ACCESS_OWNER},
    {"GET", "/api/batch_status", status_of_batch, ACCESS_OWNER},
    {"GET", "/api/job_status/*", status_of_job, ACCESS_OWNER},
    {"GET", "/api/events", events_serve, ACCESS_OWNER},
    {"GET", "/jobs/*", jobs_page, ACCESS_OWNER},
    {"POST", "/api/jobs/*/retry", jobs_retry, ACCESS_OWNER},
    {"POST", "/api/jobs/*/cancel", jobs_cancel, ACCESS_OWNER},
    {"POST", "/api/jobs/*/rerun", jobs_rerun, ACCESS_OWNER},
    {"GET", "/api/worker_status", workers_status, ACCESS_OWNER},
    {"GET", "/api/queues", workers_queues, ACCESS_OWNER},

    /* For other services. */
    {"POST", "/api/v1/documents", documents_take, ACCESS_SERVICE},
    {"GET", "/api/v1/jobs", listing_jobs, ACCESS_SERVICE},
    {"GET", "/api/v1/records", forward_records, ACCESS_SERVICE},

    /* For operators. */
    {"GET", "/api/admin/dead", dead_list, ACCESS_ADMIN},
    {"POST", "/api/admin/dead/kick", dead_kick_all, ACCESS_ADMIN},
    {"POST", "/api/admin/dead/*/kick", dead_kick, ACCESS_ADMIN},
    {"POST", "/api/admin/dead/*/drop", dead_drop, ACCESS_ADMIN},
    {"POST", "/api/admin/stages/*/pause", admin_pause, ACCESS_ADMIN},
    {"POST", "/api/admin/stages/*/resume", admin_resume, ACCESS_ADMIN},
    {"POST", "/api/admin/stages/*/drain", admin_drain, ACCESS_ADMIN},
    {"GET", "/api/admin/providers", admin_providers, ACCESS_ADMIN},
    {"PUT", "/api/admin/log", admin_log, ACCESS_ADMIN},

    /* Records are persist-svc's. */
    {"POST", "/api/batches/*/apply-defaults", forward_serve, ACCESS_OWNER},
    {"GET", "/api/records", forward_serve, ACCESS_OWNER},
    {"GET", "/api/records/*", forward_serve, ACCESS_OWNER},
    {"PATCH", "/api/records/*", forward_serve, ACCESS_OWNER},
    {"GET", "/api/records/*/history", forward_serve, ACCESS_OWNER},
    {"POST", "/api/records/*/approve", forward_serve, ACCESS_OWNER},
    {"POST", "/api/records/*/send_for_review", forward_serve, ACCESS_OWNER},
    {"POST", "/api/records/*/delete", forward_serve, ACCESS_OWNER},
    {"POST", "/api/records/*/reprocess", documents_reprocess, ACCESS_OWNER},
    {"POST", "/api/bulk_update_records", forward_serve, ACCESS_OWNER},
    {"POST", "/api/bulk_delete_records", forward_serve, ACCESS_OWNER},
    {"POST", "/api/scan_duplicates", forward_serve, ACCESS_OWNER},
    {"GET", "/api/db_stats", forward_serve, ACCESS_OWNER},
    {"GET", "/export", forward_document, ACCESS_OWNER},
    {"GET", "/export/school/*", forward_document, ACCESS_OWNER},
    {"GET", "/export/school/*/grade/*", forward_document, ACCESS_OWNER},
    {"GET", "/pdf/**", forward_document, ACCESS_OWNER},

    {"GET", "/", web_page, ACCESS_OWNER},
    {"GET", "/review", web_review, ACCESS_OWNER},
    {"GET", "/login", sign_in_page, ACCESS_ANY},
    {"GET", "/static/*", web_static, ACCESS_ANY},
    {"GET", "/openapi.json", web_openapi, ACCESS_ANY},
};

static void wrong_method(struct request *rq)
{
    char allow[64] = "", headers[96];
    for (size_t i = 0; i < COUNT_OF(routes); i++) {
        if (!text_path_matches(routes[i].pattern, rq->path, rq->arg, HTTP_ARGS)) continue;
        size_t len = strlen(allow);
        snprintf(allow + len, sizeof allow - len, "%s%s", len ? ", " : "", routes[i].method);
    }
    if (!*allow) {
        http_not_found(rq);
        return;
    }
    snprintf(headers, sizeof headers, "Allow: %s\r\n", allow);
    http_json(rq, 405,
              json_pack("{s:b,s:s,s:s}", "success", 0, "error", "This path does not know that method.",
                        "code", "method_not_allowed"),
              headers);
}

void routes_serve(struct request *rq)
{
    for (size_t i = 0; i < COUNT_OF(routes); i++) {
        if (strcmp(routes[i].method, rq->method) != 0) continue;
        if (!text_path_matches(routes[i].pattern, rq->path, rq->arg, HTTP_ARGS)) continue;
        if (identity_of(rq, routes[i].access) == 0) routes[i].handler(rq);
        return;
    }
    if (identity_of(rq, ACCESS_ANY) == 0) wrong_method(rq);
}
