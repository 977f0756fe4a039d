/* records_list: pages of records for the review list, for a batch, for a job. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "lib/auto.h"
#include "persist-svc/object_path.h"
#include "persist-svc/record.h"
#include "persist-svc/record_cursor.h"
#include "persist-svc/records_http.h"

#define LIMIT_DEFAULT 100
#define LIMIT_MAX     500
#define BATCH_SHOWN   1000 /* of one batch's records; `total` is of all, and /api/records pages through them */

/* A page is written as text, record by record: the trees of some hundred records would take ten times the
 * room. */
struct page {
    struct buf text; /* {"records":[...], not closed yet */
    int64_t total;
    int limit, n;
    bool more;
    json_t *last; /* the last one that was written; counted */
};

static int page_begin(void *user, int64_t total)
{
    struct page *page = user;
    page->total = total;
    return 0;
}

static void page_done(struct page *page)
{
    buf_done(&page->text);
    json_decref(page->last);
    page->last = NULL;
}

/* One more than asked for is fetched, to know whether there is a next page. */
static int page_add(void *user, const json_t *record)
{
    struct page *page = user;
    if (page->limit && page->n == page->limit) {
        page->more = true;
        return 0;
    }
    json_t *shown = record_public(record, false);
    AUTO_FREE char *text = shown ? json_dumps(shown, HTTP_JSON) : NULL;
    json_decref(shown);
    if (!text) return -1;
    if (page->n++) buf_putc(&page->text, ',');
    buf_puts(&page->text, text);
    json_decref(page->last);
    page->last = json_incref((json_t *)record);
    return page->text.bad ? -1 : 0;
}

static int read_page(struct http_request *rq, struct record_query *query, struct page *page, struct err *err)
{
    const struct record_sink sink = {.begin = page_begin, .each = page_add, .user = page};
    page->limit = query->limit;
    if (query->limit) query->limit++;
    buf_puts(&page->text, "{\"records\":[");
    if (rq->stores->records->list(rq->stores->record_state, query, &sink, err) == -1) {
        if (err->kind == ERR_CANCELLED)
            err_set(err, ERR_NOMEM, "out of memory"); /* the only reason page_add() has */
        page_done(page);
        return -1;
    }
    buf_printf(&page->text, "],\"total\":%lld", (long long)page->total);
    return 0;
}

static int read_limit(const char *text, int *limit, struct err *err)
{
    char *end;
    long n = strtol(text, &end, 10);
    if (*end || n < 1) return err_code(err, ERR_INPUT, "bad_request", "limit is a number from 1.");
    *limit = n > LIMIT_MAX ? LIMIT_MAX : (int)n;
    return 0;
}

static int read_mode(const char *text, struct record_query *query, struct err *err)
{
    if (!text || strcmp(text, "all") == 0)
        query->mode = RECORDS_ALL;
    else if (strcmp(text, "needs_review") == 0)
        query->mode = RECORDS_NEEDS_REVIEW;
    else if (strcmp(text, "approved") == 0)
        query->mode = RECORDS_APPROVED;
    else
        return err_code(err, ERR_INPUT, "bad_request", "mode is needs_review, approved or all.");
    return 0;
}

static void add_cursor(struct page *page)
{
    buf_puts(&page->text, page->more ? "\"" : "null");
    if (!page->more) return;
    record_cursor_write(&page->text, page->last);
    buf_putc(&page->text, '"');
}

int records_list(struct http_request *rq, struct err *err)
{
    char school[ROUTE_TEXT], grade[16], reason[64], batch[64], batch_old[64], text[ROUTE_TEXT], mode[16],
        cursor[RECORD_CURSOR_MAX], limit[16];
    AUTO(record_cursor_done) struct record_cursor after = {0};
    struct record_query query = {
        .owner = rq->owner,
        .school = http_param(rq, "school", school, sizeof school, err),
        .grade = http_param(rq, "grade", grade, sizeof grade, err),
        .reason = http_param(rq, "reason", reason, sizeof reason, err),
        .batch = http_param(rq, "batch", batch, sizeof batch, err),
        .text = http_param(rq, "q", text, sizeof text, err),
        .limit = LIMIT_DEFAULT,
    };
    /* The name that links in the batch's mail use. */
    if (!query.batch) query.batch = http_param(rq, "upload_batch_id", batch_old, sizeof batch_old, err);
    const char *mode_text = http_param(rq, "mode", mode, sizeof mode, err);
    const char *cursor_text = http_param(rq, "cursor", cursor, sizeof cursor, err);
    const char *limit_text = http_param(rq, "limit", limit, sizeof limit, err);
    if (err->kind != ERR_NONE || read_mode(mode_text, &query, err) == -1) return -1;
    if (limit_text && read_limit(limit_text, &query.limit, err) == -1) return -1;
    if (cursor_text && record_cursor_read(cursor_text, &after) == -1)
        return err_code(err, ERR_INPUT, "bad_request", "This cursor was not given by this list.");
    if (cursor_text) query.after = after.id;
    if (after.texts) query.place = &after.place;

    struct page page = {0};
    json_t *groups = NULL;
    if (rq->stores->records->groups(rq->stores->record_state, &query, &groups, err) == -1) return -1;
    int rc = read_page(rq, &query, &page, err);
    AUTO_FREE char *groups_text = json_dumps(groups, HTTP_JSON);
    json_decref(groups);
    if (rc == -1) return -1;
    buf_puts(&page.text, ",\"next_cursor\":");
    add_cursor(&page);
    buf_printf(&page.text, ",\"groups\":%s}", groups_text ? groups_text : "[]");
    rc = groups_text ? http_json_text(rq, 200, &page.text, err) : err_set(err, ERR_NOMEM, "out of memory");
    page_done(&page);
    return rc;
}

static int list_all(struct http_request *rq, struct record_query *query, struct err *err)
{
    struct page page = {0};
    if (read_page(rq, query, &page, err) == -1) return -1;
    buf_putc(&page.text, '}');
    int rc = http_json_text(rq, 200, &page.text, err);
    page_done(&page);
    return rc;
}

int records_of_batch(struct http_request *rq, struct err *err)
{
    struct record_query query = {.owner = rq->owner, .batch = rq->path.part[0], .limit = BATCH_SHOWN};
    return list_all(rq, &query, err);
}

int records_of_job(struct http_request *rq, struct err *err)
{
    char job[64];
    struct record_query query = {.owner = rq->owner, .job = http_param(rq, "job", job, sizeof job, err)};
    if (!query.job) return err_code(err, ERR_INPUT, "bad_request", "Name the job.");
    return list_all(rq, &query, err);
}
