#include "cli/rows.h"

#include <stdio.h>

#include "cli/text.h"
#include "lib/auto.h"

static void add_row(struct buf *b, const char *const cells[6])
{
    static const int widths[] = {28, 22, 26, 5, 5, 0};
    for (size_t i = 0; i < COUNT_OF(widths); i++) {
        text_cell(b, cells[i], widths[i]);
        buf_puts(b, widths[i] ? "  " : "\n");
    }
}

static void add_record(struct buf *b, const char *filename, const json_t *record)
{
    char words[24];
    const json_t *codes = json_object_get(record, "review_reason_codes");
    struct buf joined = BUF_INIT;
    (void)snprintf(words, sizeof words, "%ld", count_of(record, "word_count"));
    for (size_t i = 0; i < json_array_size(codes); i++)
        buf_printf(&joined, "%s%s", i ? ";" : "", json_string_value(json_array_get(codes, i)));
    if (json_is_string(codes)) buf_puts(&joined, json_string_value(codes));
    add_row(b, (const char *const[]){filename, text_of(record, "student_name"), text_of(record, "school_name"),
                                     text_of(record, "grade"), words, joined.data});
    buf_done(&joined);
}

static int add_record_by_id(struct buf *b, api_t *api, const char *filename, const char *id, struct err *err)
{
    AUTO_FREE char *path = api_path("/api/records/", id ? id : "", "");
    json_t *body = NULL;
    if (!path) return err_set(err, ERR_NOMEM, "no memory");
    if (api_get(api, path, &body, err) == -1) {
        if (err->sys != 404) return -1;
        add_row(b, (const char *const[]){filename, "(deleted)", "", "", "", ""}); /* by somebody, since */
        return 0;
    }
    const json_t *record = json_object_get(body, "record");
    add_record(b, filename, record ? record : body);
    json_decref(body);
    return 0;
}

static int add_job(struct buf *b, api_t *api, const json_t *job, struct err *err)
{
    const json_t *ids = json_object_get(json_object_get(job, "result"), "submission_ids");
    const char *filename = text_of(job, "filename");
    if (json_array_size(ids) == 0)
        add_row(b, (const char *const[]){filename, "(no record)", text_of(json_object_get(job, "error"), "text"), "", "", ""});
    for (size_t i = 0; i < json_array_size(ids); i++)
        if (add_record_by_id(b, api, filename, json_string_value(json_array_get(ids, i)), err) == -1) return -1;
    return b->bad ? err_set(err, ERR_NOMEM, "no memory") : 0;
}

static void say(const struct buf *b)
{
    (void)fwrite(b->data, 1, b->len, stdout);
    (void)fflush(stdout);
}

void rows_head(void)
{
    struct buf b = BUF_INIT;
    add_row(&b, (const char *const[]){"FILE", "STUDENT", "SCHOOL", "GRADE", "WORDS", "TO REVIEW"});
    if (!b.bad) say(&b);
    buf_done(&b);
}

int rows_of_job(api_t *api, const json_t *job, struct err *err)
{
    struct buf b = BUF_INIT;
    int rc = add_job(&b, api, job, err);
    if (rc == 0) say(&b);
    buf_done(&b);
    return rc;
}
