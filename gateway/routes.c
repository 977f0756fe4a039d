#include "gateway/routes.h"

#include <stdio.h>
#include <string.h>
#include "gateway/text.h"
#include "lib/auto.h"

/* The first that fits is taken.  '*' is one segment, "**" the rest of the path. */
static const struct route {
    const char *method, *pattern;
    route_handler *handler;
} routes[] = {
    {"POST", "/upload", upload_serve},
    {"POST", "/api/batches", batches_open},
    {"POST", "/api/batches/*/close", batches_close},
    {"GET", "/api/batches/*", batches_show},
    {"GET", "/api/batch_status", status_of_batch},
    {"GET", "/api/job_status/*", status_of_job},
    {"GET", "/api/events", events_serve},
    {"GET", "/jobs/*", jobs_page},
    {"POST", "/api/jobs/*/retry", jobs_retry},
    {"POST", "/api/jobs/*/cancel", jobs_cancel},
    {"POST", "/api/jobs/*/rerun", jobs_rerun},
    {"GET", "/api/worker_status", workers_status},
    {"GET", "/api/queues", workers_queues},

    /* Records are persist-svc's. */
    {"POST", "/api/batches/*/apply-defaults", forward_serve},
    {"GET", "/api/records", forward_serve},
    {"GET", "/api/records/*", forward_serve},
    {"PATCH", "/api/records/*", forward_serve},
    {"GET", "/api/records/*/history", forward_serve},
    {"GET", "/api/records/*/page/*", forward_serve},
    {"POST", "/api/records/*/approve", forward_serve},
    {"POST", "/api/records/*/send_for_review", forward_serve},
    {"POST", "/api/records/*/delete", forward_serve},
    {"POST", "/api/records/*/reprocess", forward_serve},
    {"POST", "/api/bulk_update_records", forward_serve},
    {"POST", "/api/bulk_delete_records", forward_serve},
    {"POST", "/api/scan_duplicates", forward_serve},
    {"GET", "/api/db_stats", forward_serve},
    {"GET", "/export", forward_serve},
    {"GET", "/export/school/*", forward_serve},
    {"GET", "/export/school/*/grade/*", forward_serve},
    {"GET", "/pdf/**", forward_serve},

    {"GET", "/", web_page},
    {"GET", "/review", web_review},
    {"GET", "/static/*", web_static},
    {"GET", "/openapi.json", web_openapi},
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
    if (identity_of(rq) == -1) return;
    for (size_t i = 0; i < COUNT_OF(routes); i++) {
        if (strcmp(routes[i].method, rq->method) != 0) continue;
        if (!text_path_matches(routes[i].pattern, rq->path, rq->arg, HTTP_ARGS)) continue;
        routes[i].handler(rq);
        return;
    }
    wrong_method(rq);
}
