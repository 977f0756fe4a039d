/* stream: GET /api/events: a job or a batch as Server-Sent Events, each of them a whole snapshot.
 *
 * The id of an event is the version of what it shows, so a client that comes back with Last-Event-ID is sent
 * nothing that it has, and everything else at once.  A stream ends when nothing more will happen; who
 * reconnects then gets 204, which tells a browser to stop. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "gateway/events.h"
#include "gateway/routes.h"
#include "gateway/status.h"
#include "lib/auto.h"
#include "lib/clock.h"

#define REREAD_MS  15000 /* also the pulse by which a peer that vanished is noticed */
#define GATHER_MS  250   /* snapshots are not sent more often */
#define LOAD_SHARE 10    /* nor more often than a tenth of the time that reading one took */
#define RETRY_S    5

struct subject {
    char job[ID_TEXT], batch[ID_TEXT];
};

static int read_subject(struct request *rq, const struct subject *s, struct status *status, struct err *err)
{
    return *s->job ? status_read_job(rq->gateway, &rq->caller, s->job, status, err)
                   : status_read_batch(rq->gateway, &rq->caller, s->batch, status, err);
}

static int send_snapshot(struct request *rq, const struct subject *s, const struct status *status)
{
    AUTO(buf_done) struct buf out = BUF_INIT;
    AUTO_FREE char *text = json_dumps(status->json, JSON_COMPACT); /* one line: JSON escapes line ends */
    if (!text) return -1;
    buf_printf(&out, "id: %lld\nevent: %s\ndata: ", (long long)status->version, *s->job ? "job" : "batch");
    buf_puts(&out, text);
    buf_puts(&out, "\n\n");
    return out.bad ? -1 : http_stream_write(rq, out.data, out.len);
}

static int send_pulse(struct request *rq)
{
    return http_stream_write(rq, ": still here\n\n", 14);
}

/* One turn: waits for news, reads, sends. -1: the stream is over. */
static int turn(struct request *rq, const struct subject *s, struct watch *w, int64_t *version,
                int64_t *next_ms)
{
    struct events *e = rq->gateway->events;
    struct status status;
    const int64_t left_ms = identity_left_ms(&rq->caller);
    const enum watch_news news = events_wait(e, w, clock_ms() + (left_ms < REREAD_MS ? left_ms : REREAD_MS));
    if (identity_left_ms(&rq->caller) <= 0) return -1; /* who comes back without a new one gets 401 */
    if (news == WATCH_ENDED || (news == WATCH_CHANGED && !events_pause(e, w, *next_ms))) return -1;
    const int64_t began = clock_ms();
    if (read_subject(rq, s, &status, NULL) == -1)
        return send_pulse(rq); /* the pages say by themselves what is wrong */
    if (!status.json) return -1;
    const bool changed = status.version != *version;
    int rc = changed ? send_snapshot(rq, s, &status) : news == WATCH_QUIET ? send_pulse(rq) : 0;
    *version = status.version;
    json_decref(status.json);
    const int64_t now = clock_ms(), cost = LOAD_SHARE * (now - began);
    *next_ms = now + (cost > GATHER_MS ? cost : GATHER_MS);
    return status.done ? -1 : rc;
}

static void serve(struct request *rq, const struct subject *s, struct watch *w, const struct status *first)
{
    long long seen = -1;
    const char *last = http_header(rq, "Last-Event-ID");
    if (last && text_number(last, INT64_MAX / 2, &seen) == -1) seen = -1;
    if (first->done && seen == first->version) {
        http_answer(rq, 204, NULL, "", 0, "Cache-Control: no-store\r\n");
        return;
    }
    if (http_stream_begin(rq, 200, "text/event-stream; charset=utf-8", -1,
                          "Cache-Control: no-cache\r\nX-Accel-Buffering: no\r\n") == -1)
        return;
    if (http_stream_write(rq, "retry: 2000\n\n", 13) == -1) return;
    if (seen != first->version && send_snapshot(rq, s, first) == -1) return;
    int64_t version = first->version, next_ms = clock_ms() + GATHER_MS;
    bool going = !first->done;
    while (going) going = turn(rq, s, w, &version, &next_ms) == 0;
    http_stream_end(rq);
}

static int which(struct request *rq, struct subject *s)
{
    memset(s, 0, sizeof *s);
    if (http_query(rq, "job_id", s->job, sizeof s->job) == 1) return id_valid(s->job) ? 0 : -1;
    if (http_query(rq, "batch_id", s->batch, sizeof s->batch) == 0)
        (void)http_cookie(rq, "sheaf_batch", s->batch, sizeof s->batch);
    return id_valid(s->batch) ? 0 : -1;
}

void events_serve(struct request *rq)
{
    struct subject s;
    struct status status;
    struct err err = {0};
    if (which(rq, &s) == -1) {
        http_not_found(rq);
        return;
    }
    /* Watched first, then read: what changes in between is not missed. */
    struct watch *w = events_watch(rq->gateway->events, *s.job ? s.job : NULL, *s.batch ? s.batch : NULL);
    if (!w) {
        http_error_retry(rq, 503, RETRY_S, "unavailable",
                         "Enough event streams are open; please ask from time to time.");
        return;
    }
    if (read_subject(rq, &s, &status, &err) == -1) {
        http_fail(rq, &err);
    } else if (!status.json) {
        http_not_found(rq);
    } else {
        serve(rq, &s, w, &status);
        json_decref(status.json);
    }
    events_unwatch(rq->gateway->events, &w);
}
