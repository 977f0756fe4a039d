#define _GNU_SOURCE /* pthread_setattr_default_np, dup3 */
#include "gateway/server.h"

#include <arpa/inet.h>
#include <civetweb.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include "gateway/http.h"
#include "gateway/routes.h"
#include "gateway/text.h"
#include "lib/clock.h"
#include "lib/log.h"
#include "lib/metrics.h"

/* civetweb starts its threads with the default size, 8 MiB, which the kernel may back by huge pages. */
#define STACK_BYTES   (512 * 1024)
#define HEADERS_MAX   64 /* civetweb drops what is beyond without a word */
#define LINGER_MS     2000
#define KEEP_ALIVE_MS "1000"
#define STOP_LAST_MS  1000
#define SILENT_S      60 /* for so long, about; then it has a thread like any other */

static struct metric in_flight_now = METRIC_GAUGE("sheaf_http_in_flight", "requests being answered");

struct server {
    struct mg_context *context;
    struct gateway *gateway;
    int taken_from; /* the number that sockets of streams begin with */
    atomic_int in_flight;   /* requests */
    atomic_int connections; /* that have a thread */
    atomic_bool draining, closed;
};

/* civetweb takes a line that begins with a blank (a folded one), a ':' or a byte beyond ASCII for the end of the headers: a
 * Content-Length behind it is not seen, and the body is the next request.  It cuts lines by zeros where they stand, so behind the
 * last one that it saw comes the empty line, or what it left out. */
static bool headers_were_cut(const struct mg_request_info *info)
{
    const char *end = info->num_headers ? info->http_headers[info->num_headers - 1].value : info->http_version;
    end += strlen(end);
    while (!*end) end++;
    return *end != '\r' && *end != '\n';
}

/* "Name : value": of the blank civetweb makes a zero, as of the colon. */
static bool has_blank_before_colon(const struct mg_header *h)
{
    const char *behind = h->name + strlen(h->name) + 1;
    return h->value > behind && !*behind;
}

/* What a front proxy and civetweb could read differently is refused: a second Content-Length or Host, one beside
 * Transfer-Encoding, one that is not a plain number, more headers than are kept, lines that are not taken for headers. */
static const char *ambiguous(const struct mg_request_info *info)
{
    int lengths = 0, encodings = 0, hosts = 0;
    long long n;
    for (int i = 0; i < info->num_headers; i++) {
        const struct mg_header *h = &info->http_headers[i];
        if (has_blank_before_colon(h)) return "A header's name ends in a blank.";
        if (strcasecmp(h->name, "Content-Length") == 0) {
            lengths++;
            if (text_number(h->value, INT64_MAX / 2, &n) == -1) return "Content-Length is not a number.";
        }
        if (strcasecmp(h->name, "Transfer-Encoding") == 0) {
            encodings++;
            /* civetweb takes "identity", which is none any more, for no body, and chunks of HTTP/1.0, which has none, for chunks. */
            if (strcasecmp(h->value, "chunked") != 0 || strcmp(info->http_version, "1.0") == 0)
                return "This Transfer-Encoding is not known here.";
        }
        if (strcasecmp(h->name, "Host") == 0) hosts++;
    }
    if (lengths > 1) return "There are two Content-Lengths.";
    if (lengths && encodings) return "There is a Content-Length beside Transfer-Encoding.";
    if (encodings > 1) return "There are two Transfer-Encodings.";
    if (hosts > 1) return "There are two Hosts.";
    if (info->num_headers >= HEADERS_MAX) return "There are too many headers.";
    return headers_were_cut(info) ? "A line of the headers is malformed." : NULL;
}

/* Is the word one of a list by commas? */
static bool has_option(const char *list, const char *word)
{
    for (size_t len; *list; list += len + (list[len] == ',')) {
        list += strspn(list, " \t");
        len = strcspn(list, ",");
        size_t n = len;
        while (n && (list[n - 1] == ' ' || list[n - 1] == '\t')) n--;
        if (n == strlen(word) && strncasecmp(list, word, n) == 0) return true;
    }
    return false;
}

/* Will civetweb end the connection after this answer?  By this rule, and what it does must be what we say: who is promised that a
 * connection stays loses the next request to it. */
static bool client_ends_it(const char *connection, bool http_1_0)
{
    return connection ? !has_option(connection, "keep-alive") : http_1_0;
}

static void fill(struct request *rq, struct server *server, struct mg_connection *conn)
{
    const struct mg_request_info *info = mg_get_request_info(conn);
    const char *expect = mg_get_header(conn, "Expect"), *connection = mg_get_header(conn, "Connection");
    const char *accept = mg_get_header(conn, "Accept");
    memset(rq, 0, sizeof *rq);
    rq->conn = conn;
    rq->fd = -1;
    rq->server = server;
    rq->holders = 1;
    rq->gateway = server->gateway;
    rq->head = strcmp(info->request_method, "HEAD") == 0;
    rq->method = rq->head ? "GET" : info->request_method;
    rq->path = info->local_uri ? info->local_uri : "/";
    rq->query = info->query_string ? info->query_string : "";
    rq->body_len = mg_get_header(conn, "Transfer-Encoding") ? -1
                   : info->content_length > 0               ? info->content_length
                                                            : 0;
    rq->http_1_0 = strcmp(info->http_version, "1.0") == 0;
    rq->owes_continue = expect && !rq->http_1_0 && strcasecmp(expect, "100-continue") == 0;
    /* A connection has its thread for as long as it is kept, most of the time to no purpose: with three quarters of them in use it is
     * given up after this answer, so that whoever comes next need not wait until somebody's time to ask again is over. */
    const bool crowded = 4 * atomic_load(&server->connections) > 3 * server->gateway->threads;
    /* civetweb ends a connection at trailers, which it does not read. */
    const bool trailers = mg_get_header(conn, "Trailer") != NULL;
    rq->last = client_ends_it(connection, rq->http_1_0) || atomic_load(&server->draining) || crowded || trailers;
    rq->wants_page = accept && strstr(accept, "text/html") && !text_path_under(rq->path, "/api") &&
                     !text_path_under(rq->path, "/upload");
}

/* A refusal that comes before the body is read would be lost: closing a socket with unread bytes resets the
 * connection, and many clients look for the answer only when they have sent all.  So the body is thrown away
 * for a moment; who waits for "100 Continue" sends nothing and needs none of this. */
static void linger(struct request *rq)
{
    char waste[16384];
    const int64_t until = clock_ms() + LINGER_MS;
    if (rq->body_len == rq->body_read || rq->body_ended || rq->owes_continue) return;
    while (http_read(rq, waste, sizeof waste) > 0 && clock_ms() < until) continue;
}

static void serve(struct server *server, struct request *rq, const struct mg_request_info *info)
{
    const char *why = ambiguous(info);
    if (why) {
        rq->last = true;
        rq->owes_continue = true; /* where the body ends is not known: nothing of it is read */
        http_error(rq, 400, "bad_request", "%s", why);
    } else if (atomic_load(&server->closed)) {
        http_error_retry(rq, 503, 1, "unavailable", "This server is being stopped. Please try again.");
    } else {
        routes_serve(rq);
    }
    if (rq->fd == -1 && !rq->status) http_error(rq, 500, "internal", "Nothing was answered.");
}

/* Everything is served from here rather than from a request handler: no other path of civetweb (files,
 * directories, forms, scripts) is ever entered.  1: the request is done. */
static int on_request(struct mg_connection *conn)
{
    const struct mg_request_info *info = mg_get_request_info(conn);
    struct server *server = info->user_data;
    struct request *rq = malloc(sizeof *rq);
    if (!rq) {
        mg_disable_connection_keep_alive(conn);
        return 1;
    }
    fill(rq, server, conn);
    atomic_fetch_add(&server->in_flight, 1);
    metric_add(&in_flight_now, NULL, 1);
    serve(server, rq, info);
    if (rq->fd != -1) { /* it is others' from here on */
        mg_disable_connection_keep_alive(conn);
    } else {
        linger(rq);
        const bool unread = !rq->body_ended && rq->body_len != rq->body_read;
        if (rq->last || rq->body_broken || unread) mg_disable_connection_keep_alive(conn);
    }
    server_release(rq);
    return 1;
}

void server_hold(struct request *rq)
{
    atomic_fetch_add(&rq->holders, 1);
}

void server_release(struct request *rq)
{
    if (atomic_fetch_sub(&rq->holders, 1) > 1) return;
    metric_add(&in_flight_now, NULL, -1);
    atomic_fetch_sub(&rq->server->in_flight, 1);
    free(rq);
}

static int on_connection(const struct mg_connection *conn, void **user)
{
    struct server *server = mg_get_user_context_data(conn);
    (void)user;
    atomic_fetch_add(&server->connections, 1);
    return 0;
}

static void on_closed(const struct mg_connection *conn)
{
    struct server *server = mg_get_user_context_data(conn);
    atomic_fetch_sub(&server->connections, 1);
}

/* What civetweb refuses by itself: malformed request lines, too long headers. */
static int on_error(struct mg_connection *conn, int status, const char *message)
{
    char body[160];
    (void)message; /* may quote the request */
    int len =
        snprintf(body, sizeof body,
                 "{\"success\":false,\"error\":\"The request is malformed.\",\"code\":\"bad_request\"}");
    (void)mg_printf(
        conn,
        "HTTP/1.1 %d %s\r\nContent-Type: application/json; charset=utf-8\r\nContent-Length: %d\r\n"
        "Connection: close\r\nX-Content-Type-Options: nosniff\r\n\r\n%s",
        status, mg_get_response_code_text(conn, status), len, body);
    mg_disable_connection_keep_alive(conn);
    return 0;
}

static int on_log(const struct mg_connection *conn, const char *message)
{
    (void)conn;
    log_debug("civetweb", F_STR("text", message));
    return 1;
}

/* civetweb spends a thread on a connection for as long as it is open, and has no way to give one up.  A stream is open
 * for minutes and mostly silent, so its socket is moved to a higher number and an end of a dead pair put in its
 * place: dup2() does that in one step, and the thread is free when the handler returns.  civetweb does not tell the
 * descriptor; it is the one whose two addresses are the request's, among the low numbers, since what was taken is
 * kept above TAKEN_FROM. */
#define TAKEN_FROM 1024 /* or half of what is allowed */

static bool has_port(int fd, int port)
{
    struct sockaddr_in own;
    socklen_t len = sizeof own;
    return getsockname(fd, (struct sockaddr *)&own, &len) == 0 && own.sin_family == AF_INET && ntohs(own.sin_port) == port;
}

static bool is_socket_of(int fd, const struct mg_request_info *info, int own_port)
{
    struct sockaddr_in peer;
    socklen_t len = sizeof peer;
    char text[INET_ADDRSTRLEN];
    return getpeername(fd, (struct sockaddr *)&peer, &len) == 0 && peer.sin_family == AF_INET && ntohs(peer.sin_port) == info->remote_port &&
           has_port(fd, own_port) && inet_ntop(AF_INET, &peer.sin_addr, text, sizeof text) && strcmp(text, info->remote_addr) == 0;
}

int server_take_socket(struct mg_connection *conn)
{
    const struct mg_request_info *info = mg_get_request_info(conn);
    const struct server *server = info->user_data;
    const int own_port = settings_gateway_port(server->gateway->settings);
    int dead[2], taken = -1;
    for (int fd = 0; fd < server->taken_from && taken == -1; fd++) {
        if (!is_socket_of(fd, info, own_port)) continue;
        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, dead) == -1) return -1;
        close(dead[1]);
        taken = fcntl(fd, F_DUPFD_CLOEXEC, server->taken_from);
        if (taken != -1 && dup3(dead[0], fd, O_CLOEXEC) == -1) {
            close(taken);
            taken = -1;
        }
        close(dead[0]);
        break;
    }
    if (taken != -1) (void)fcntl(taken, F_SETFL, fcntl(taken, F_GETFL) | O_NONBLOCK);
    return taken;
}

/* Browsers open connections ahead of need and say nothing on them: until something is said the kernel keeps them. */
static void wait_for_requests(struct server *server)
{
    const int port = settings_gateway_port(server->gateway->settings), seconds = SILENT_S;
    for (int fd = 0; fd < server->taken_from; fd++) {
        socklen_t len = sizeof(int);
        int listens = 0;
        if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &len) == -1 || !listens || !has_port(fd, port)) continue;
        (void)setsockopt(fd, IPPROTO_TCP, TCP_DEFER_ACCEPT, &seconds, sizeof seconds);
    }
}

/* Streams need descriptors above those that a shell gives. */
static void raise_descriptors(struct server *server)
{
    struct rlimit limit;
    server->taken_from = TAKEN_FROM;
    if (getrlimit(RLIMIT_NOFILE, &limit) == -1) return;
    if (limit.rlim_max < 2 * TAKEN_FROM) server->taken_from = (int)(limit.rlim_max / 2);
    limit.rlim_cur = limit.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &limit);
}

static struct mg_context *listen_on(struct server *server, const char *address)
{
    char threads[16], idle_ms[24];
    const struct settings *s = server->gateway->settings;
    const struct mg_callbacks callbacks = {
        .begin_request = on_request, .http_error = on_error, .log_message = on_log,
        .init_connection = on_connection, .connection_closed = on_closed};
    snprintf(threads, sizeof threads, "%d", server->gateway->threads);
    snprintf(idle_ms, sizeof idle_ms, "%lld", (long long)s->upload_idle_ms);
    const char *options[] = {
        "listening_ports",
        address,
        "num_threads",
        threads,
        "connection_queue",
        "64",
        "listen_backlog",
        "1024", /* a burst beyond it costs each client a second: the first SYN is dropped */
        "max_request_size",
        "16384",
        "request_timeout_ms",
        idle_ms, /* longest pause of a sender or a taker */
        "enable_keep_alive",
        "yes",
        "keep_alive_timeout_ms",
        KEEP_ALIVE_MS,
        "tcp_nodelay",
        "1",
        "decode_url",
        "no", /* routes decode segment by segment */
        "enable_directory_listing",
        "no",
        NULL,
    };
    return mg_start(&callbacks, server, options);
}

server_t *server_start(struct gateway *gateway, struct err *err)
{
    char address[128];
    pthread_attr_t attr;
    struct server *server = calloc(1, sizeof *server);
    if (!server) {
        err_set(err, ERR_NOMEM, "out of memory");
        return NULL;
    }
    server->gateway = gateway;
    snprintf(address, sizeof address, "%s:%d", gateway->settings->bind,
             settings_gateway_port(gateway->settings));
    pthread_attr_init(&attr);
    pthread_attr_setstacksize(&attr, STACK_BYTES);
    (void)pthread_setattr_default_np(&attr);
    pthread_attr_destroy(&attr);
    raise_descriptors(server);
    mg_init_library(MG_FEATURES_DEFAULT);
    server->context = listen_on(server, address);
    if (server->context) wait_for_requests(server);
    if (server->context) return server;
    err_set(err, ERR_UNAVAILABLE, "cannot listen on %s", address);
    mg_exit_library();
    free(server);
    return NULL;
}

int server_in_flight(const server_t *server)
{
    return atomic_load(&server->in_flight);
}

void server_drain(server_t *server)
{
    atomic_store(&server->draining, true);
}

static void wait_idle(struct server *server, int64_t deadline_ms)
{
    const struct timespec tick = {.tv_nsec = 20 * 1000 * 1000};
    while (server_in_flight(server) > 0 && clock_ms() < deadline_ms) nanosleep(&tick, NULL);
}

void server_stop(server_t *s, int64_t deadline_ms)
{
    server_drain(s);
    wait_idle(s, deadline_ms);
    /* Who comes between the last look and mg_stop() gets a 503 instead of a cut connection. */
    atomic_store(&s->closed, true);
    const int64_t last = clock_ms() + STOP_LAST_MS;
    wait_idle(s, last > deadline_ms ? last : deadline_ms);
    if (server_in_flight(s) > 0) log_warn("requests_cut", F_INT("requests", server_in_flight(s)));
    mg_stop(s->context);
    mg_exit_library();
}

void server_destroy(server_t **server)
{
    free(*server);
    *server = NULL;
}
