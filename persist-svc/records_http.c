#include "persist-svc/records_http.h"

#include <civetweb.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include "lib/auto.h"
#include "lib/clock.h"
#include "lib/log.h"
#include "lib/metrics.h"
#include "lib/utf8.h"
#include "persist-svc/object_path.h"

struct records_http {
    struct mg_context *context;
    const struct stores *stores;
    atomic_int in_hand;
};

static struct metric requests =
    METRIC_COUNTER1("sheaf_records_requests_total", "requests to the records API", "status");

static const struct {
    const char *method, *pattern;
    http_handler *handle;
} routes[] = {
    {"GET", "/api/records", records_list},
    {"GET", "/api/records/:", records_get},
    {"PATCH", "/api/records/:", records_edit},
    {"GET", "/api/records/:/history", records_history},
    {"POST", "/api/records/:/approve", records_approve},
    {"POST", "/api/records/:/send_for_review", records_send_for_review},
    {"POST", "/api/records/:/delete", records_delete},
    {"POST", "/api/bulk_update_records", records_bulk_update},
    {"POST", "/api/bulk_delete_records", records_bulk_delete},
    {"POST", "/api/scan_duplicates", records_duplicates},
    {"GET", "/api/db_stats", records_stats},
    {"GET", "/api/batches/:/records", records_of_batch},
    {"POST", "/api/batches/:/apply-defaults", records_apply_defaults},
    {"GET", "/export", records_export_all},
    {"GET", "/export/school/:", records_export_school},
    {"GET", "/export/school/:/grade/:", records_export_grade},
    {"GET", "/pdf/*", records_original},
    {"GET", "/internal/records", records_of_job},
};

/* A request whose length can be read in two ways could be two requests to somebody on the way. */
static int check_framing(const struct mg_request_info *info, struct err *err)
{
    int lengths = 0, encodings = 0;
    for (int i = 0; i < info->num_headers; i++) {
        lengths += strcasecmp(info->http_headers[i].name, "Content-Length") == 0;
        encodings += strcasecmp(info->http_headers[i].name, "Transfer-Encoding") == 0;
    }
    if (lengths + encodings > 1)
        return err_code(err, ERR_INPUT, "bad_request", "The request states its length twice.");
    if (info->num_headers == MG_MAX_HEADERS) /* civetweb drops the ones beyond without a word */
        return err_code(err, ERR_INPUT, "bad_request", "The request has too many headers.");
    return 0;
}

/* A name that can stand in the history: UTF-8 without control characters. */
static bool is_name(const char *text)
{
    if (!text || !*text) return false;
    for (const char *c = text; *c; c++)
        if ((unsigned char)*c < 0x20 || *c == 0x7f) return false;
    return utf8_is(text);
}

static int read_identity(struct http_request *rq, struct err *err)
{
    const char *owner = mg_get_header(rq->conn, "X-Sheaf-Owner"),
               *user = mg_get_header(rq->conn, "X-Sheaf-User");
    const char *match = mg_get_header(rq->conn, "If-Match");
    if (!is_uuid(owner))
        return err_code(err, ERR_INPUT, "unauthorized",
                        "The request does not say whose records it is about.");
    snprintf(rq->owner, sizeof rq->owner, "%s", owner);
    if (!is_name(user) || strlen(user) >= sizeof rq->user) user = owner;
    snprintf(rq->user, sizeof rq->user, "%s", user);
    if (match && strcmp(match, "*") != 0) {
        if (strncmp(match, "W/", 2) == 0) match += 2;
        if (*match == '"') match++;
        snprintf(rq->if_match, sizeof rq->if_match, "%.*s", (int)strcspn(match, "\""), match);
        if (!utf8_is(rq->if_match)) *rq->if_match = '\0';
        rq->conditional = true; /* also when nothing is in it: that is no version of any record */
    }
    return 0;
}

/* The handler, or NULL with *err: no such path, or not with this method (then rq->allow lists those there
 * are). */
static http_handler *find_route(struct http_request *rq, const struct mg_request_info *info, struct err *err)
{
    const char *method = rq->head ? "GET" : info->request_method;
    size_t len;
    const char *path = route_path(info->request_uri, &len);
    for (size_t i = 0; i < COUNT_OF(routes); i++) {
        if (!route_matches(routes[i].pattern, path, len, &rq->path)) continue;
        if (strcmp(routes[i].method, method) == 0) return routes[i].handle;
        size_t at = strlen(rq->allow);
        snprintf(rq->allow + at, sizeof rq->allow - at, "%s%s", at ? ", " : "", routes[i].method);
    }
    if (*rq->allow)
        err_code(err, ERR_INPUT, "method_not_allowed", "%.10s is not possible here.", method);
    else
        err_code(err, ERR_INPUT, "not_found", "There is nothing here.");
    return NULL;
}

static int handle(struct http_request *rq, struct err *err)
{
    const struct mg_request_info *info = mg_get_request_info(rq->conn);
    rq->head = strcmp(info->request_method, "HEAD") == 0;
    rq->query = info->query_string;
    http_handler *handler;
    if (check_framing(info, err) == -1) return -1;
    if (!(handler = find_route(rq, info, err))) return -1;
    if (read_identity(rq, err) == -1) return -1;
    return handler(rq, err);
}

static int on_request(struct mg_connection *conn, void *user)
{
    records_http_t *server = user;
    struct http_request rq = {.conn = conn, .stores = server->stores};
    struct err err = {0};
    char status[8];
    atomic_fetch_add(&server->in_hand, 1);
    if (handle(&rq, &err) == -1) {
        if (!rq.answered) http_error(&rq, &err);
        if (rq.status >= 500 || (err.kind != ERR_INPUT && err.kind != ERR_CANCELLED && err.kind != ERR_LIMIT))
            log_warn("records_request_failed", F_INT("status", rq.status), F_ERR(&err));
    }
    snprintf(status, sizeof status, "%d", rq.status);
    metric_add(&requests, status, 1);
    atomic_fetch_sub(&server->in_hand, 1);
    return rq.status ? rq.status : 500;
}

/* What civetweb itself refuses before a handler is asked: a malformed request, headers that are too long. */
static int on_library_error(struct mg_connection *conn, int status, const char *text)
{
    (void)text;
    struct http_request rq = {.conn = conn};
    struct err err = {0};
    err_code(&err, status >= 500 ? ERR_UNAVAILABLE : ERR_INPUT, status == 404 ? "not_found" : "bad_request",
             "The request cannot be understood.");
    http_error(&rq, &err);
    return 0;
}

static int on_library_message(const struct mg_connection *conn, const char *text)
{
    (void)conn;
    log_warn("records_http", F_STR("text", text));
    return 1;
}

records_http_t *records_http_start(const struct stores *stores, const char *address, int port,
                                   struct err *err)
{
    char listen[80], threads[16];
    snprintf(listen, sizeof listen, "%.60s:%d", address, port);
    snprintf(threads, sizeof threads, "%d", STORES_READERS);
    /* No document_root: every path is answered by on_request().  Paths stay as they came, so that a '/' in a
     * school's name can be told from one between names.  Origins are the gateway's affair. */
    /* clang-format off */
    const char *options[] = {
        "listening_ports",             listen,
        "num_threads",                 threads,
        "connection_queue",            "64",
        "request_timeout_ms",          "30000",
        "enable_directory_listing",    "no",
        "enable_keep_alive",           "no",
        "access_control_allow_origin", "",
        "decode_url",                  "no",
        NULL,
    };
    /* clang-format on */
    const struct mg_callbacks callbacks = {.http_error = on_library_error, .log_message = on_library_message};
    char text[160] = "";
    struct mg_error_data why = {.text = text, .text_buffer_size = sizeof text};
    records_http_t *server = calloc(1, sizeof *server);
    if (!server) {
        err_set(err, ERR_NOMEM, "out of memory");
        return NULL;
    }
    server->stores = stores;
    mg_init_library(0);
    struct mg_init_data init = {
        .callbacks = &callbacks, .user_data = server, .configuration_options = options};
    server->context = mg_start2(&init, &why);
    if (!server->context) {
        err_set(err, ERR_UNAVAILABLE, "records API on %s: %s", listen, *text ? text : "cannot listen");
        mg_exit_library();
        free(server);
        return NULL;
    }
    mg_set_request_handler(server->context, "/", on_request, server);
    return server;
}

void records_http_stop(records_http_t **stopped, int64_t wait_ms)
{
    records_http_t *server = *stopped;
    if (!server) return;
    /* mg_stop() breaks answers off, so wait for those that are under way. */
    const int64_t until = clock_ms() + wait_ms;
    const struct timespec pause = {.tv_nsec = 20 * 1000 * 1000};
    while (atomic_load(&server->in_hand) > 0 && clock_ms() < until) nanosleep(&pause, NULL);
    mg_stop(server->context);
    mg_exit_library();
    free(server);
    *stopped = NULL;
}
