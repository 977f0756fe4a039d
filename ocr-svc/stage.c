#include "ocr-svc/stage.h"

#include <jansson.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include "lib/auto.h"
#include "lib/blob.h"
#include "lib/clock.h"
#include "lib/log.h"
#include "lib/metrics.h"
#include "ocr-svc/reader.h"

/* Kept back of a task's time for writing its output and answering. */
#define MARGIN_MS 1500

static struct metric pages =
    METRIC_COUNTER1("sheaf_ocr_pages_total", "pages read, by where their words came from", "source");
static struct metric failed_pages =
    METRIC_COUNTER1("sheaf_ocr_pages_failed_total", "pages that could not be read, by code", "code");

int ocr_thread_open(void *shared, const struct stage_type *type, void **thread, struct err *err)
{
    reader_t *r = reader_new(shared, strcmp(type->name, "page") == 0, err);
    if (!r) return -1;
    *thread = r;
    return 0;
}

void ocr_thread_close(void *thread)
{
    reader_t *r = thread;
    reader_destroy(&r);
}

static bool task_cancelled(const void *task)
{
    return stage_cancelled(task);
}

static struct ocr_wait wait_of(const struct stage_task *task)
{
    return (struct ocr_wait){
        .deadline_ms = task->deadline_ms - MARGIN_MS, .cancelled = task_cancelled, .of = task};
}

/* The document as a descriptor: nothing of it passes through our memory. `made`: the token of the PDF that `inspect` made
 * of it; NULL: it is read as it came. */
static int open_document(const reader_t *r, const struct stage_task *task, const char *made, int *fd,
                         struct err *err)
{
    char name[BLOB_NAME_MAX];
    int64_t size;
    *fd = -1;
    if (!reader_needs_document(r)) return 0;
    if (made)
        blob_output_name(name, task->job, "inspect", 0, made);
    else
        blob_upload_name(name, task->job);
    return blob_fd(task->blobs, name, fd, &size, err);
}

/* The pages of a Word document are read from the PDF that it became: put out once, for all replicas. */
static int put_out(const struct stage_task *task, int pdf, struct err *err)
{
    struct stat st;
    if (fstat(pdf, &st) != 0) return err_sys(err, ERR_UNAVAILABLE, errno, "a document made PDF");
    void *data = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_SHARED, pdf, 0);
    if (data == MAP_FAILED) return err_set(err, ERR_NOMEM, "out of memory for a document made PDF");
    int result = stage_output(task, data, (size_t)st.st_size, err);
    munmap(data, (size_t)st.st_size);
    return result;
}

static int inspect(reader_t *r, const struct stage_task *task, json_t **result, struct err *err)
{
    struct ocr_wait wait = wait_of(task);
    struct decode_document document;
    AUTO_CLOSE int fd = -1, pdf = -1;
    if (open_document(r, task, NULL, &fd, err) != 0) return -1;
    if (reader_as_pdf(r, fd, &wait, &pdf, err) != 0) return -1;
    bool made = pdf >= 0;
    if (reader_inspect(r, made ? pdf : fd, &wait, &document, err) != 0) return -1;
    if (made && put_out(task, pdf, err) != 0) return -1;
    *result = json_pack("{s:i,s:s,s:s*}", "fan", document.pages, "kind", decode_kind_name(document.kind), "document",
                        made ? task->token_text : NULL);
    return *result ? 0 : err_set(err, ERR_NOMEM, "out of memory");
}

int ocr_inspect(void *thread, const struct stage_task *task, json_t **result, struct err *err)
{
    struct err why = {0};
    if (inspect(thread, task, result, &why) == 0) return 0;
    /* A time-out may be the document's fault or a busy machine's: it gets a second attempt, and is refused then. */
    if (why.kind == ERR_TIMEOUT && task->token.attempt >= 2) why.kind = ERR_LIMIT;
    if (err) *err = why;
    return -1;
}

/* A time-out may be the page's fault or a busy machine's: the page gets a second attempt, and fails alone
 * then. An unread page among others is flagged for review; a buried task would take the whole job with it. */
static int settle(const struct stage_task *task, struct page *page, struct err *err)
{
    if (err->kind != ERR_TIMEOUT || task->token.attempt < 2) return -1;
    reader_page_failed(page, "timeout");
    return 0;
}

static json_t *page_result(const struct page *page)
{
    if (page->failed[0]) return json_pack("{s:s,s:s}", "source", "none", "failed", page->failed);
    return json_pack("{s:s,s:i,s:f}", "source", page_source_name(page->source), "words", (int)page->n_words,
                     "conf", page_confidence(page));
}

int ocr_page(void *thread, const struct stage_task *task, json_t **result, struct err *err)
{
    reader_t *r = thread;
    struct ocr_wait wait = wait_of(task);
    struct err why = {0};
    const char *made = json_string_value(
        json_object_get(json_object_get(json_object_get(task->body, "in"), "inspect"), "document"));
    AUTO_CLOSE int fd = -1;
    AUTO(page_done) struct page page;
    AUTO(buf_done) struct buf json = BUF_INIT;
    int64_t began = clock_ms();
    page_init(&page, (int)task->index + 1);
    if (open_document(r, task, made, &fd, err) != 0) return -1;
    if (reader_page(r, fd, (int)task->index, &wait, &page, &why) != 0 && settle(task, &page, &why) != 0) {
        if (err) *err = why;
        return -1;
    }
    if (page_write_json(&page, &json, err) != 0) return -1;
    if (stage_cancelled(task)) return err_set(err, ERR_CANCELLED, "not wanted any more");
    if (stage_output(task, json.data, json.len, err) != 0) return -1;
    if (!(*result = page_result(&page))) return err_set(err, ERR_NOMEM, "out of memory");

    if (page.failed[0])
        metric_add(&failed_pages, page.failed, 1);
    else
        metric_add(&pages, page_source_name(page.source), 1);
    log_info("page_read", F_STR("job", task->job), F_INT("page", page.number),
             F_STR("source", page.failed[0] ? page.failed : page_source_name(page.source)),
             F_INT("words", page.n_words), F_REAL("conf", page_confidence(&page)),
             F_INT("ms", clock_ms() - began));
    return 0;
}
