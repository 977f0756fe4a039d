/* records_http: the internal HTTP API for records: the server and its table of routes.
 *
 * It trusts its caller, the gateway, to say in X-Sheaf-Owner whose records are meant, and so listens on
 * loopback or on a network that only the gateway reaches.  Paths and JSON are those of CONTRACT section 2, so
 * that the gateway forwards request and answer as they are. */
#ifndef SHEAF_PERSIST_SVC_RECORDS_HTTP_H
#define SHEAF_PERSIST_SVC_RECORDS_HTTP_H

#include "persist-svc/http.h"

typedef struct records_http records_http_t;

/* `stores` stays the caller's and must outlive the server. */
records_http_t *records_http_start(const struct stores *stores, const char *address, int port,
                                   struct err *err);
/* Waits up to `wait_ms` for requests in hand, then ends. */
void records_http_stop(records_http_t **server, int64_t wait_ms);

/* The handlers, by file. */
http_handler records_list, records_of_batch, records_of_job;                   /* records_list.c */
http_handler records_get, records_edit, records_history;                       /* records_one.c */
http_handler records_approve, records_send_for_review, records_delete;         /* records_one.c */
http_handler records_bulk_update, records_bulk_delete, records_apply_defaults; /* records_bulk.c */
http_handler records_duplicates, records_stats;                                /* records_stats.c */
http_handler records_export_all, records_export_school, records_export_grade;  /* records_export.c */
http_handler records_original;                                                 /* records_original.c */

#endif
