#include "lib/httpc.h"

#include <curl/curl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lib/clock.h"
#include "lib/curl_once.h"
#include "lib/netaddr.h"

#define CONNECT_MS         3000
#define EARLY_MS           5 /* curl rounds: its time is up a moment before ours */
#define MAX_HEADER_BYTES   (64 * 1024)
#define DEFAULT_MAX_ANSWER (16u << 20)

struct httpc {
    CURL *curl;
    char reason[CURL_ERROR_SIZE];
};

/* One call while it runs: what curl's callbacks need. */
struct call {
    CURL *curl;
    const struct httpc_request *request;
    const struct httpc_sink *sink;
    struct buf headers;
    size_t received, max_bytes; /* 0: no cap */
    int64_t moved_ms; /* when the last piece of a body had been given, or the head or a piece been taken; 0: nothing yet */
    bool head_given, too_long, broken_off, not_public, too_late;
};

httpc_t *httpc_new(struct err *err)
{
    struct httpc *c = curl_once() ? calloc(1, sizeof *c) : NULL;
    if (c) c->curl = curl_easy_init();
    if (c && c->curl) return c;
    free(c);
    (void)err_set(err, ERR_NOMEM, "no memory for an HTTP client");
    return NULL;
}

void httpc_destroy(httpc_t **c)
{
    if (!*c) return;
    curl_easy_cleanup((*c)->curl);
    free(*c);
    *c = NULL;
}

/* Hands the header block to the sink once the blank line ends the final answer (interim ones are 1xx). */
static bool end_of_head(struct call *call)
{
    long status = 0;
    curl_easy_getinfo(call->curl, CURLINFO_RESPONSE_CODE, &status);
    if (status < 200) return true;
    call->head_given = true;
    call->moved_ms = clock_ms();
    buf_add(&call->headers, "", 0);
    if (call->headers.bad) return false;
    if (call->sink->head && call->sink->head(call->sink->user, (int)status, call->headers.data) == -1) {
        call->broken_off = true;
        return false;
    }
    return true;
}

static size_t on_header(char *data, size_t size, size_t n, void *user)
{
    struct call *call = user;
    size_t len = size * n, text = len;
    if (call->head_given) return len; /* trailers of a chunked answer: nobody asked for them */
    while (text > 0 && (data[text - 1] == '\r' || data[text - 1] == '\n')) text--;
    if (text == 0) return end_of_head(call) ? len : 0;
    if (strncmp(data, "HTTP/", 5) == 0) {
        buf_clear(&call->headers); /* the status line begins the next answer after an interim one */
        return len;
    }
    if (call->headers.len + len > MAX_HEADER_BYTES) {
        call->too_long = true;
        return 0;
    }
    buf_add(&call->headers, data, text);
    buf_putc(&call->headers, '\n');
    return len;
}

static size_t on_data(char *data, size_t size, size_t n, void *user)
{
    struct call *call = user;
    size_t len = size * n;
    call->received += len;
    if (call->max_bytes && call->received > call->max_bytes) {
        call->too_long = true;
        return 0;
    }
    if (call->sink->data && call->sink->data(call->sink->user, data, len) == -1) {
        call->broken_off = true;
        return 0;
    }
    call->moved_ms = clock_ms();
    return len;
}

/* Called once a second at least. What is timed here has no timeout of curl's, which would be the whole answer's. */
static int on_progress(void *user, curl_off_t down_all, curl_off_t down, curl_off_t up_all, curl_off_t up)
{
    struct call *call = user;
    const struct httpc_request *r = call->request;
    const int64_t until_ms = call->moved_ms ? call->moved_ms + r->idle_ms : r->deadline_ms;
    (void)down_all, (void)down, (void)up_all, (void)up;
    call->too_late = r->idle_ms && clock_ms() > until_ms;
    call->broken_off |= r->go_on && !r->go_on(r->go_on_user);
    return call->too_late || call->broken_off;
}

static size_t on_read(char *out, size_t size, size_t n, void *user)
{
    struct call *call = user;
    int64_t got = call->request->read_body(call->request->read_user, out, size * n);
    call->moved_ms = clock_ms();
    if (got >= 0) return (size_t)got;
    call->broken_off = true;
    return CURL_READFUNC_ABORT;
}

/* curl asks for the body's start alone. */
static int on_rewind(void *user, curl_off_t offset, int origin)
{
    const struct call *call = user;
    bool start = offset == 0 && origin == SEEK_SET;
    return start && call->request->rewind_body(call->request->read_user) == 0 ? CURL_SEEKFUNC_OK : CURL_SEEKFUNC_FAIL;
}

/* Proxies named in the environment are for the world outside; calls to this machine never go through one. */
static bool is_this_machine(const char *url)
{
    static const char *const prefixes[] = {"http://127.", "http://localhost", "http://[::1]"};
    for (size_t i = 0; i < sizeof prefixes / sizeof prefixes[0]; i++) {
        if (strncasecmp(url, prefixes[i], strlen(prefixes[i])) == 0) return true;
    }
    return false;
}

/* Without its first line, curl announces larger bodies with Expect: 100-continue and waits up to a second for an
 * interim answer that not every server gives.  A signature would cover it as it stands there, and be wrong. */
static int header_list(const char *const *headers, bool signed_by_curl, struct curl_slist **list)
{
    *list = NULL;
    for (const char *line = signed_by_curl ? NULL : "Expect:"; line || (headers && *headers); line = NULL) {
        struct curl_slist *longer = curl_slist_append(*list, line ? line : *headers++);
        if (!longer) {
            curl_slist_free_all(*list);
            return -1;
        }
        *list = longer;
    }
    return 0;
}

static void set_body(CURL *curl, struct call *call)
{
    const struct httpc_request *r = call->request;
    if (r->read_body) {
        curl_easy_setopt(curl, CURLOPT_POST, 1L);
        curl_easy_setopt(curl, CURLOPT_READFUNCTION, on_read);
        curl_easy_setopt(curl, CURLOPT_READDATA, call);
        curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)r->body_len);
        if (r->rewind_body) {
            curl_easy_setopt(curl, CURLOPT_SEEKFUNCTION, on_rewind);
            curl_easy_setopt(curl, CURLOPT_SEEKDATA, call);
        } else {
            curl_easy_setopt(curl, CURLOPT_FRESH_CONNECT, 1L);
        }
    } else if (r->body || r->body_len) {
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, r->body);
        curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)r->body_len);
    } else if (strcmp(r->method, "HEAD") == 0) {
        curl_easy_setopt(curl, CURLOPT_NOBODY, 1L);
    } else if (strcmp(r->method, "GET") != 0) {
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS,
                         ""); /* says Content-Length: 0, which servers want of a POST */
        curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE, 0L);
    }
    curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, r->method);
}

static void set_signature(CURL *curl, const struct httpc_aws *aws)
{
    char provider[80];
    (void)snprintf(provider, sizeof provider, "aws:amz:%.40s:s3", aws->region);
    curl_easy_setopt(curl, CURLOPT_AWS_SIGV4, provider);
    curl_easy_setopt(curl, CURLOPT_USERNAME, aws->key_id);
    curl_easy_setopt(curl, CURLOPT_PASSWORD, aws->secret);
    curl_easy_setopt(curl, CURLOPT_PATH_AS_IS, 1L);             /* what is signed is what is sent */
    curl_easy_setopt(curl, CURLOPT_EXPECT_100_TIMEOUT_MS, 1L); /* in place of the header that header_list() leaves out */
}

/* Behind the name's resolution, so that no name can lead to where its address may not. */
static curl_socket_t open_public(void *user, curlsocktype purpose, struct curl_sockaddr *address)
{
    struct call *call = user;
    (void)purpose;
    if (netaddr_is_public(&address->addr)) return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
    call->not_public = true;
    return CURL_SOCKET_BAD;
}

static void set_options(struct httpc *c, struct call *call, struct curl_slist *headers, int64_t left_ms)
{
    CURL *curl = c->curl;
    curl_easy_reset(curl); /* forgets options, keeps connections */
    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, c->reason);
    curl_easy_setopt(curl, CURLOPT_URL, call->request->url);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    /* Where TLS can ask for it; among ourselves, without TLS, HTTP/1.1. */
    curl_easy_setopt(curl, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
    if (call->request->idle_ms || call->request->go_on) {
        curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
        curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, on_progress);
        curl_easy_setopt(curl, CURLOPT_XFERINFODATA, call);
    }
    if (!call->request->idle_ms) curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)left_ms);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, (long)(left_ms < CONNECT_MS ? left_ms : CONNECT_MS));
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(curl, CURLOPT_HEADERDATA, call);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_data);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, call);
    curl_easy_setopt(curl, CURLOPT_USERAGENT, "sheaf");
    if (is_this_machine(call->request->url)) curl_easy_setopt(curl, CURLOPT_PROXY, "");
    if (call->request->ca_file) curl_easy_setopt(curl, CURLOPT_CAINFO, call->request->ca_file);
    if (call->request->aws) set_signature(curl, call->request->aws);
    if (call->request->public_only) {
        curl_easy_setopt(curl, CURLOPT_PROXY, ""); /* which would resolve the name itself */
        curl_easy_setopt(curl, CURLOPT_OPENSOCKETFUNCTION, open_public);
        curl_easy_setopt(curl, CURLOPT_OPENSOCKETDATA, call);
    }
    set_body(curl, call);
}

static int explain(const struct httpc *c, const struct call *call, CURLcode code, struct err *err)
{
    const char *why = c->reason[0] ? c->reason : curl_easy_strerror(code);
    if (call->too_long)
        return err_set(err, ERR_LIMIT, "the answer is longer than %zu bytes", call->max_bytes);
    if (call->broken_off) return err_set(err, ERR_CANCELLED, "the call was broken off");
    if (call->too_late) return err_set(err, ERR_TIMEOUT, "no full answer in time");
    if (call->not_public) return err_set(err, ERR_CONFIG, "the address is of a private network, which is not called");
    switch (code) {
    case CURLE_OPERATION_TIMEDOUT:
        /* curl says the same when only connecting took too long. */
        if (clock_ms() < call->request->deadline_ms - EARLY_MS) break;
        return err_set(err, ERR_TIMEOUT, "no full answer in time");
    case CURLE_OUT_OF_MEMORY:
        return err_set(err, ERR_NOMEM, "no memory for an HTTP call");
    case CURLE_URL_MALFORMAT:
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
        err_set(err, ERR_CONFIG, "%.150s", why);
        if (err) err->sys = (int)code;
        return -1;
    default:
        break;
    }
    err_set(err, ERR_UNAVAILABLE, "%.150s", why);
    if (err) err->sys = (int)code;
    return -1;
}

static int run(struct httpc *c, struct call *call, struct err *err)
{
    int64_t left_ms = call->request->deadline_ms - clock_ms();
    if (left_ms <= 0) return err_set(err, ERR_TIMEOUT, "the deadline had passed before the call");
    if (left_ms > INT32_MAX) left_ms = INT32_MAX;
    struct curl_slist *headers;
    if (header_list(call->request->headers, call->request->aws, &headers) == -1) return err_set(err, ERR_NOMEM, "no memory for an HTTP call");

    call->curl = c->curl;
    c->reason[0] = '\0';
    set_options(c, call, headers, left_ms);
    CURLcode code = curl_easy_perform(c->curl);
    curl_slist_free_all(headers);
    buf_done(&call->headers);
    return code == CURLE_OK ? 0 : explain(c, call, code, err);
}

int httpc_stream(httpc_t *c, const struct httpc_request *request, const struct httpc_sink *sink,
                 struct err *err)
{
    struct call call = {.request = request, .sink = sink, .max_bytes = request->max_answer_bytes};
    return run(c, &call, err);
}

static int keep_head(void *user, int status, const char *headers)
{
    struct httpc_answer *answer = user;
    answer->status = status;
    buf_puts(&answer->headers, headers);
    return answer->headers.bad ? -1 : 0;
}

static int keep_data(void *user, const void *data, size_t len)
{
    struct httpc_answer *answer = user;
    buf_add(&answer->body, data, len);
    return answer->body.bad ? -1 : 0;
}

int httpc_call(httpc_t *c, const struct httpc_request *request, struct httpc_answer *answer, struct err *err)
{
    struct httpc_answer got = {0};
    struct httpc_sink sink = {.head = keep_head, .data = keep_data, .user = &got};
    struct call call = {.request = request, .sink = &sink, .max_bytes = request->max_answer_bytes};
    if (!call.max_bytes) call.max_bytes = DEFAULT_MAX_ANSWER;
    buf_add(&got.body, "", 0); /* so that an answer without a body is an empty text */
    int rc = run(c, &call, err);
    if (got.body.bad || got.headers.bad) rc = err_set(err, ERR_NOMEM, "no memory for an answer");
    if (rc == 0)
        *answer = got;
    else
        httpc_answer_done(&got);
    return rc;
}

void httpc_answer_done(struct httpc_answer *answer)
{
    buf_done(&answer->body);
    buf_done(&answer->headers);
    answer->status = 0;
}

int httpc_header(const char *headers, const char *name, char *out, size_t out_len)
{
    size_t n = strlen(name);
    for (const char *line = headers; line && *line; line = strchr(line, '\n'), line += line != NULL) {
        if (strncasecmp(line, name, n) != 0 || line[n] != ':') continue;
        const char *value = line + n + 1;
        value += strspn(value, " \t");
        size_t len = strcspn(value, "\n");
        while (len > 0 && (value[len - 1] == ' ' || value[len - 1] == '\t' || value[len - 1] == '\r')) len--;
        (void)snprintf(out, out_len, "%.*s", (int)len, value);
        return 0;
    }
    return -1;
}

bool httpc_nobody_there(const struct err *err)
{
    if (err->kind != ERR_UNAVAILABLE) return false;
    return err->sys == CURLE_COULDNT_RESOLVE_HOST || err->sys == CURLE_COULDNT_CONNECT || err->sys == CURLE_OPERATION_TIMEDOUT;
}
