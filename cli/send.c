#include "cli/send.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "cli/multipart.h"
#include "cli/text.h"
#include "lib/auto.h"
#include "lib/clock.h"
#include "lib/digest.h"

#define WAIT_FIRST_MS   500
#define WAIT_LAST_MS    5000
#define REQUEST_MS      600000 /* without anything that moves: a slow line takes as long as it needs */
#define PART_HEAD_BYTES 1024 /* what a part needs beside its file, generously */
#define SHOW_EVERY_MS   100

static void sleep_ms(int64_t ms)
{
    struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = (ms % 1000) * 1000000};
    (void)nanosleep(&t, NULL);
}

/* A file's name may be no UTF-8, or be cut within a character. */
static void add_error(struct sent *sent, const char *text)
{
    struct buf b = BUF_INIT;
    text_cell(&b, text, 0);
    (void)json_array_append_new(sent->errors, json_string(b.bad ? "refused" : b.data));
    buf_done(&b);
}

/* --- one request --- */

struct sending {
    multipart_t *body;
    bool live;
    int64_t shown_ms;
};

static int64_t read_and_show(void *user, void *out, size_t room)
{
    struct sending *s = user;
    int64_t n = multipart_read(s->body, out, room), now = clock_ms();
    if (s->live && now - s->shown_ms >= SHOW_EVERY_MS) {
        s->shown_ms = now;
        (void)fprintf(stderr, "\rsending %3d %%\033[K",
                      (int)(multipart_sent(s->body) * 100 / multipart_length(s->body)));
    }
    return n;
}

static void end_show(const struct sending *s)
{
    if (s->live) (void)fprintf(stderr, "\r\033[K");
}

/* How long a request is repeated: from the first time that there was no answer, however long that one took. */
struct patience {
    int64_t retry_ms, give_up_ms, wait_ms;
};

static bool is_worth_repeating(int rc, const struct api_answer *answer, const struct err *err)
{
    if (rc == -1) return err->kind == ERR_UNAVAILABLE || err->kind == ERR_TIMEOUT;
    return api_means_later(answer->status);
}

/* Waits, and drops the answer, when it means "later" and there is time left; false: it is the last one. */
static bool try_again(struct patience *p, int rc, struct api_answer *answer, const struct err *err)
{
    if (!is_worth_repeating(rc, answer, err)) return false;
    const bool first = !p->give_up_ms;
    if (first) {
        p->give_up_ms = clock_ms() + p->retry_ms;
        p->wait_ms = WAIT_FIRST_MS;
    }
    int64_t pause_ms = rc == 0 && answer->retry_after_ms ? answer->retry_after_ms : p->wait_ms;
    if (clock_ms() + pause_ms >= p->give_up_ms) return false;
    if (first) (void)fprintf(stderr, "%s; trying again\n", rc == -1 ? err->text : "the gateway has no room just now");
    if (rc == 0) api_answer_done(answer);
    sleep_ms(pause_ms);
    p->wait_ms = p->wait_ms * 2 > WAIT_LAST_MS ? WAIT_LAST_MS : p->wait_ms * 2;
    return true;
}

/* Until there is an answer that is none of "later", or the time is up. */
static int upload_until_answered(api_t *api, struct sending *s, int64_t retry_ms, struct api_answer *answer,
                                 struct err *err)
{
    unsigned char random[16];
    char key[64] = "Idempotency-Key: ";
    random_bytes(random, sizeof random);
    for (size_t i = 0, n = strlen(key); i < sizeof random; i++)
        n += (size_t)snprintf(key + n, sizeof key - n, "%02x", random[i]);
    const char *headers[] = {multipart_header(s->body), key, "Accept: application/json", NULL};
    struct patience patience = {.retry_ms = retry_ms};
    int rc;
    do {
        multipart_rewind(s->body);
        struct httpc_request r = {.method = "POST",
                                  .headers = headers,
                                  .body_len = multipart_length(s->body),
                                  .read_body = read_and_show,
                                  .read_user = s,
                                  .deadline_ms = clock_ms() + REQUEST_MS,
                                  .idle_ms = REQUEST_MS};
        rc = api_call(api, "/upload", &r, answer, err);
        end_show(s);
    } while (try_again(&patience, rc, answer, err));
    return rc;
}

static void keep_answer(struct sent *sent, const struct api_answer *answer)
{
    json_t *errors = json_object_get(answer->body, "errors");
    (void)json_array_extend(sent->jobs, json_object_get(answer->body, "job_ids"));
    if (json_array_size(errors) > 0) {
        (void)json_array_extend(sent->errors, errors);
    } else if (answer->status / 100 != 2) {
        struct err err;
        (void)api_refusal(answer, &err);
        add_error(sent, err.text);
    }
    if (answer->status / 100 == 2 && !sent->batch_id[0])
        (void)snprintf(sent->batch_id, sizeof sent->batch_id, "%s", text_of(answer->body, "batch_id"));
}

static int add_fields(multipart_t *body, const struct send_options *o, const char *batch_id, struct err *err)
{
    if (batch_id[0] && multipart_add_text(body, "batch_id", batch_id, err) == -1) return -1;
    if (o->priority && multipart_add_text(body, "priority", o->priority, err) == -1) return -1;
    if (o->ocr_provider && multipart_add_text(body, "ocr_provider", o->ocr_provider, err) == -1) return -1;
    return 0;
}

/* Files first...last-1 in one request. A file that cannot be read is told and left out. */
static int send_group(api_t *api, const struct send_options *o, int first, int last, struct sent *sent,
                      struct err *err)
{
    AUTO(multipart_destroy) multipart_t *body = multipart_new(err);
    int files = 0;
    if (!body || add_fields(body, o, sent->batch_id, err) == -1) return -1;
    for (int i = first; i < last; i++) {
        struct err why;
        if (multipart_add_file(body, "files", o->files[i], &why) == 0)
            files++;
        else
            add_error(sent, why.text);
    }
    if (files == 0) return 0;
    struct sending sending = {.body = body, .live = o->live};
    struct api_answer answer = {0};
    if (upload_until_answered(api, &sending, o->retry_ms, &answer, err) == -1) return -1;
    keep_answer(sent, &answer);
    api_answer_done(&answer);
    return 0;
}

/* --- many requests --- */

static int64_t size_of(const char *path)
{
    struct stat st;
    return (stat(path, &st) == 0 ? (int64_t)st.st_size : 0) + PART_HEAD_BYTES;
}

/* How far the group that begins at `first` goes under the limits of one request; one file at least, since
 * it is for the gateway to refuse one that is too large. */
static int group_end(const struct settings *s, const struct send_options *o, int first)
{
    int64_t bytes = size_of(o->files[first]);
    int last = first + 1;
    for (; last < o->n && last - first < s->max_files; last++) {
        bytes += size_of(o->files[last]);
        if (bytes > s->max_request_bytes) break;
    }
    return last;
}

/* What one request does not hold goes into a batch that is opened beforehand and closed at the end.  One that was opened and not told of
 * stays empty, and closes itself. */
static int open_batch(api_t *api, const struct send_options *o, struct sent *sent, struct err *err)
{
    static const char *const headers[] = {"Content-Type: application/json", "Accept: application/json", NULL};
    char text[40];
    struct httpc_request r = {.method = "POST", .headers = headers, .body = text};
    struct patience patience = {.retry_ms = o->retry_ms};
    struct api_answer answer = {0};
    r.body_len = (size_t)snprintf(text, sizeof text, "{\"expected\":%d}", o->n);
    int rc;
    do rc = api_call(api, "/api/batches", &r, &answer, err);
    while (try_again(&patience, rc, &answer, err));
    if (rc == -1) return -1;
    if (answer.status / 100 != 2)
        rc = api_refusal(&answer, err);
    else
        (void)snprintf(sent->batch_id, sizeof sent->batch_id, "%s", text_of(answer.body, "batch_id"));
    api_answer_done(&answer);
    return rc;
}

/* Not answered or refused (409: all expected files came, so it has closed itself) is no harm: an open batch
 * closes by itself in the end. */
static void close_batch(api_t *api, const struct sent *sent)
{
    AUTO_FREE char *path = api_path("/api/batches/", sent->batch_id, "/close");
    json_t *body = NULL;
    if (path) (void)api_post(api, path, NULL, &body, NULL);
    json_decref(body);
}

int send_files(const struct cli *cli, api_t *api, const struct send_options *o, struct sent *sent,
               struct err *err)
{
    *sent = (struct sent){.jobs = json_array(), .errors = json_array()};
    bool many = group_end(cli->settings, o, 0) < o->n;
    if (many && open_batch(api, o, sent, err) == -1) return -1;
    for (int first = 0, last; first < o->n; first = last) {
        last = group_end(cli->settings, o, first);
        if (send_group(api, o, first, last, sent, err) == -1) return -1;
    }
    if (many) close_batch(api, sent);
    if (json_array_size(sent->jobs) == 0) sent->batch_id[0] = '\0';
    return 0;
}

void sent_done(struct sent *sent)
{
    json_decref(sent->jobs);
    json_decref(sent->errors);
    *sent = (struct sent){0};
}
