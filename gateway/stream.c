/* stream: GET /api/events: a job or a batch as Server-Sent Events, each of them a whole snapshot.
 *
 * The id of an event is the version of what it shows, so a client that comes back with Last-Event-ID is sent
 * nothing that it has, and everything else at once.  Here a stream only begins: what can be refused is refused, and
 * the socket goes to streams.c.  Who reconnects to what has ended gets 204, which tells a browser to stop. */
#include <string.h>
#include "gateway/answers.h"
#include "gateway/routes.h"
#include "gateway/streams.h"

#define RETRY_S 5

static int which(struct request *rq, enum answer_kind *kind, char id[ID_TEXT])
{
    *kind = ANSWER_JOB;
    int given = http_query(rq, "job_id", id, ID_TEXT);
    if (given == 0) {
        *kind = ANSWER_BATCH;
        given = http_query(rq, "batch_id", id, ID_TEXT);
        if (given == 0) given = http_cookie(rq, "sheaf_batch", id, ID_TEXT);
    }
    return given == 1 && id_valid(id) ? 0 : -1;
}

static void begin(struct request *rq, enum answer_kind kind, const char id[ID_TEXT], int64_t seen)
{
    struct streams *s = rq->gateway->streams;
    if (!streams_reserve(s)) {
        http_error_retry(rq, 503, RETRY_S, "unavailable",
                         "Enough event streams are open; please ask from time to time.");
        return;
    }
    const int fd = http_detach(rq, "text/event-stream; charset=utf-8",
                               "Cache-Control: no-cache\r\nX-Accel-Buffering: no\r\n", "retry: 2000\n\n");
    if (fd == -1)
        streams_cancel(s); /* the client has gone */
    else
        streams_add(s, fd, &rq->caller, kind, id, seen);
}

void events_serve(struct request *rq)
{
    char id[ID_TEXT];
    enum answer_kind kind;
    struct answer answer;
    struct err err = {0};
    long long seen = -1;
    const char *last = http_header(rq, "Last-Event-ID");
    if (which(rq, &kind, id) == -1) {
        http_not_found(rq);
        return;
    }
    if (last && text_number(last, INT64_MAX / 2, &seen) == -1) seen = -1;
    const int found = answers_get(rq->gateway, &rq->caller, kind, id, &answer, &err);
    if (found == -1)
        http_fail(rq, &err);
    else if (!found)
        http_not_found(rq);
    else if (answer.done && seen == answer.version)
        http_answer(rq, 204, NULL, "", 0, "Cache-Control: no-store\r\n");
    else
        begin(rq, kind, id, seen);
    if (found == 1) answer_done(&answer);
}
