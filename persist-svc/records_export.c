/* records_export: all records of a query as one streamed file; memory does not grow with their number. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "lib/auto.h"
#include "persist-svc/export_csv.h"
#include "persist-svc/export_links.h"
#include "persist-svc/export_xlsx.h"
#include "persist-svc/record.h"
#include "persist-svc/records_http.h"

#define PIECE_BYTES (32 * 1024)
#define LINKED      100 /* records whose originals' addresses are asked for at once */

enum format { FORMAT_CSV, FORMAT_JSONL, FORMAT_XLSX };

static const struct {
    const char *name, *type;
} formats[] = {
    [FORMAT_CSV] = {"csv", "text/csv; charset=utf-8"},
    [FORMAT_JSONL] = {"jsonl", "application/x-ndjson"},
    [FORMAT_XLSX] = {"xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"},
};

struct export
{
    struct http_request *rq;
    const struct record_query *query;
    enum format format;
    xlsx_t *xlsx;
    char address[256]; /* scheme, host and port that people reach the gateway at */
    json_t *waiting; /* records without their links yet */
    struct buf out;
    struct err *err;
};

static int flush(struct export *e)
{
    if (e->out.bad) return err_set(e->err, ERR_NOMEM, "out of memory");
    int rc = http_stream_piece(e->rq, e->out.data, e->out.len);
    buf_clear(&e->out);
    return rc;
}

static int export_begin(void *user, int64_t total)
{
    struct export *e = user;
    AUTO(buf_done) struct buf name = BUF_INIT;
    export_filename(&name, e->query->school, e->query->grade, total, formats[e->format].name);
    if (name.bad) return err_set(e->err, ERR_NOMEM, "out of memory");
    if (e->format == FORMAT_CSV) export_csv_header(&e->out);
    if (e->format == FORMAT_XLSX && !(e->xlsx = export_xlsx_begin(&e->out)))
        return err_set(e->err, ERR_NOMEM, "out of memory");
    return http_stream_head(e->rq, formats[e->format].type, name.data, e->err);
}

static int write_record(struct export *e, const json_t *shown)
{
    if (e->format == FORMAT_CSV) {
        export_csv_row(&e->out, shown, e->address);
    } else if (e->format == FORMAT_XLSX) {
        export_xlsx_row(e->xlsx, &e->out, shown, e->address);
    } else {
        AUTO_FREE char *line = json_dumps(shown, HTTP_JSON);
        if (line) {
            buf_puts(&e->out, line);
            buf_putc(&e->out, '\n');
        } else {
            e->out.bad = true;
        }
    }
    return e->out.len > PIECE_BYTES || e->out.bad ? flush(e) : 0;
}

static int write_waiting(struct export *e)
{
    size_t i;
    json_t *shown;
    int rc = 0;
    export_links(e->rq->stores, e->waiting);
    json_array_foreach(e->waiting, i, shown)
    {
        if (rc == 0) rc = write_record(e, shown);
    }
    json_array_clear(e->waiting);
    return rc;
}

static int export_each(void *user, const json_t *record)
{
    struct export *e = user;
    if (json_array_append_new(e->waiting, record_public(record, true)) == -1) return err_set(e->err, ERR_NOMEM, "out of memory");
    return json_array_size(e->waiting) < LINKED ? 0 : write_waiting(e);
}

/* Approved records, unless another mode is asked for: an export is what goes to the contest's jury. */
static int read_query(struct http_request *rq, struct record_query *query, enum format *format, char batch[64],
                      struct err *err)
{
    char wanted[16], mode[16];
    const char *format_text = http_param(rq, "format", wanted, sizeof wanted, err);
    const char *mode_text = http_param(rq, "mode", mode, sizeof mode, err);
    query->batch = http_param(rq, "batch", batch, 64, err);
    query->owner = rq->owner;
    if (err->kind != ERR_NONE) return -1;
    if (!format_text) format_text = "csv";
    if (!mode_text) mode_text = "approved";
    size_t known = 0;
    while (known < COUNT_OF(formats) && strcmp(format_text, formats[known].name) != 0) known++;
    if (known == COUNT_OF(formats))
        return err_code(err, ERR_INPUT, "bad_request", "format is csv, xlsx or jsonl.");
    *format = (enum format)known;
    if (strcmp(mode_text, "approved") == 0)
        query->mode = RECORDS_APPROVED;
    else if (strcmp(mode_text, "needs_review") == 0)
        query->mode = RECORDS_NEEDS_REVIEW;
    else if (strcmp(mode_text, "all") == 0)
        query->mode = RECORDS_ALL;
    else
        return err_code(err, ERR_INPUT, "bad_request", "mode is approved, needs_review or all.");
    return 0;
}

static void drop(json_t **json)
{
    json_decref(*json);
}

static int export(struct http_request *rq, const char *school, const char *grade, struct err *err)
{
    char batch[64];
    struct record_query query = {.school = school, .grade = grade};
    AUTO(drop) json_t *waiting = json_array();
    struct export e = {.rq = rq, .query = &query, .waiting = waiting, .err = err};
    const struct settings *settings = rq->stores->settings;
    if (read_query(rq, &query, &e.format, batch, err) == -1) return -1;
    if (settings->app_url)
        snprintf(e.address, sizeof e.address, "%s", settings->app_url);
    else
        snprintf(e.address, sizeof e.address, "http://127.0.0.1:%d", settings_gateway_port(settings));

    const struct record_sink sink = {.begin = export_begin, .each = export_each, .user = &e};
    struct err why = {0}; /* a sink that breaks off has said why in *err already */
    int rc = rq->stores->records->list(rq->stores->record_state, &query, &sink, &why);
    if (rc == -1 && err->kind == ERR_NONE) *err = why;
    if (rc == 0) rc = write_waiting(&e);
    if (rc == 0 && e.xlsx) export_xlsx_end(e.xlsx, &e.out);
    if (rc == 0) rc = flush(&e);
    if (rc == 0) http_stream_end(rq);
    export_xlsx_destroy(&e.xlsx);
    buf_done(&e.out);
    return rc;
}

int records_export_all(struct http_request *rq, struct err *err)
{
    return export(rq, NULL, NULL, err);
}

int records_export_school(struct http_request *rq, struct err *err)
{
    return export(rq, rq->path.part[0], NULL, err);
}

int records_export_grade(struct http_request *rq, struct err *err)
{
    return export(rq, rq->path.part[0], rq->path.part[1], err);
}
