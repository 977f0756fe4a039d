/* listing: GET /api/v1/jobs: an owner's jobs, newest first, by cursor. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "gateway/newest.h"
#include "gateway/routes.h"
#include "gateway/status.h"
#include "lib/auto.h"
#include "proto/ids.h"

#define LIST_DEFAULT 100
#define SCAN_PAGES   10 /* looked through for a state before an answer is given, with a cursor to go on from */

static bool is_state(const char *text)
{
    static const char *const states[] = {"queued", "started", "finished", "failed", "cancelled"};
    for (size_t i = 0; i < COUNT_OF(states); i++)
        if (strcmp(text, states[i]) == 0) return true;
    return false;
}

/* The jobs of one page that are in that state ("": any), added to `jobs`. */
static int add_page(struct request *rq, const struct newest *entries, int n, const char *state, json_t *jobs,
                    struct err *err)
{
    size_t i;
    json_t *line, *lines = json_array();
    AUTO_FREE const char **ids = calloc((size_t)n + 1, sizeof *ids);
    if (!ids) {
        json_decref(lines);
        return err_set(err, ERR_NOMEM, "out of memory");
    }
    for (int k = 0; k < n; k++) ids[k] = entries[k].member;
    int rc = status_read_lines(rq->gateway, &rq->caller, ids, n, lines, err);
    json_array_foreach(lines, i, line)
    {
        if (!*state || strcmp(json_string_value(json_object_get(line, "status")), state) == 0)
            json_array_append(jobs, line);
    }
    json_decref(lines);
    return rc;
}

void listing_jobs(struct request *rq)
{
    struct newest_wish wish;
    char state[16] = "", set[64], next[NEWEST_CURSOR_MAX];
    int n, rc = 0;
    struct err err = {0};
    if (newest_wish(rq, LIST_DEFAULT, &wish) == -1) return;
    if (http_query(rq, "state", state, sizeof state) == -1 || (*state && !is_state(state))) {
        http_error(rq, 400, "bad_request", "state is queued, started, finished, failed or cancelled.");
        return;
    }
    AUTO_FREE struct newest *entries = calloc((size_t)wish.limit, sizeof *entries);
    json_t *jobs = json_array();
    snprintf(set, sizeof set, "owned:%s", rq->caller.owner);
    if (!entries || !jobs) rc = err_set(&err, ERR_NOMEM, "out of memory");
    memcpy(next, wish.cursor, sizeof next);
    /* A page never holds more than asked for: of each scan only as many are read as may still be given. */
    for (int scan = 0; rc == 0 && scan < SCAN_PAGES && (int)json_array_size(jobs) < wish.limit; scan++) {
        const int room = wish.limit - (int)json_array_size(jobs);
        rc = newest_page(rq->gateway, set, wish.since_ms, next, room, entries, &n, next, &err);
        if (rc == 0) rc = add_page(rq, entries, n, state, jobs, &err);
        if (!*next) break;
    }
    if (rc == -1) {
        json_decref(jobs);
        http_fail(rq, &err);
    } else {
        http_json(rq, 200, json_pack("{s:o,s:s?}", "jobs", jobs, "next_cursor", *next ? next : NULL), NULL);
    }
}
