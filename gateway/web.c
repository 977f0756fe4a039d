#include "gateway/web.h"

#include <stdio.h>
#include <string.h>
#include "gateway/routes.h"
#include "lib/auto.h"
#include "lib/digest.h"
#include "lib/embed.h"

/* Adding a file: an EMBED line, a row in the table. */
EMBED(page_index, "gateway/web/index.html");
EMBED(page_job, "gateway/web/job.html");
EMBED(page_review, "gateway/web/review.html");
EMBED(page_sign_in, "gateway/web/sign-in.html");
EMBED(file_api, "gateway/web/api.js");
EMBED(file_app, "gateway/web/app.css");
EMBED(file_batch, "gateway/web/batch.js");
EMBED(file_dashboard, "gateway/web/dashboard.js");
EMBED(file_dom, "gateway/web/dom.js");
EMBED(file_favicon, "gateway/web/favicon.svg");
EMBED(file_file_row, "gateway/web/file-row.js");
EMBED(file_groups, "gateway/web/groups.js");
EMBED(file_job, "gateway/web/job.js");
EMBED(file_live, "gateway/web/live.js");
EMBED(file_record, "gateway/web/record.js");
EMBED(file_review, "gateway/web/review.js");
EMBED(file_toast, "gateway/web/toast.js");
EMBED(file_upload, "gateway/web/upload.js");
EMBED(file_words, "gateway/web/words.js");
EMBED(file_workers, "gateway/web/workers.js");
EMBED(openapi, "gateway/web/openapi.json");

#define HTML "text/html; charset=utf-8"
#define JS   "text/javascript; charset=utf-8"

#define ROW(file, type, symbol)                                                                              \
    {                                                                                                        \
        file, type, symbol, &symbol##_size, ""                                                               \
    }
static struct file {
    const char *name, *type, *data;
    const size_t *size;
    char etag[20]; /* of the content: after an update the browser asks once and gets the new one */
} files[] = {
    ROW("index.html", HTML, page_index),
    ROW("job.html", HTML, page_job),
    ROW("review.html", HTML, page_review),
    ROW("api.js", JS, file_api),
    ROW("app.css", "text/css; charset=utf-8", file_app),
    ROW("batch.js", JS, file_batch),
    ROW("dashboard.js", JS, file_dashboard),
    ROW("dom.js", JS, file_dom),
    ROW("favicon.svg", "image/svg+xml", file_favicon),
    ROW("file-row.js", JS, file_file_row),
    ROW("groups.js", JS, file_groups),
    ROW("toast.js", JS, file_toast),
    ROW("job.js", JS, file_job),
    ROW("live.js", JS, file_live),
    ROW("record.js", JS, file_record),
    ROW("review.js", JS, file_review),
    ROW("upload.js", JS, file_upload),
    ROW("words.js", JS, file_words),
    ROW("workers.js", JS, file_workers),
    ROW("openapi.json", "application/json", openapi),
};

/* The pages bring everything themselves; an image of a page of a document may be a blob made by a script. */
#define SECURITY                                                                                             \
    "Content-Security-Policy: default-src 'self'; img-src 'self' data: blob:; object-src 'self'; base-uri "  \
    "'none'; "                                                                                               \
    "form-action 'self'; frame-ancestors 'none'\r\nReferrer-Policy: same-origin\r\n"                         \
    "Cross-Origin-Opener-Policy: same-origin\r\nCross-Origin-Resource-Policy: same-origin\r\n"

void web_init(void)
{
    char hex[DIGEST_HEX];
    for (size_t i = 0; i < COUNT_OF(files); i++) {
        digest_hex(files[i].data, *files[i].size, hex);
        snprintf(files[i].etag, sizeof files[i].etag, "\"%.16s\"", hex);
    }
}

static void send_file(struct request *rq, const char *name)
{
    char headers[640];
    const char *seen = http_header(rq, "If-None-Match");
    for (size_t i = 0; i < COUNT_OF(files); i++) {
        const struct file *f = &files[i];
        if (strcmp(f->name, name) != 0) continue;
        snprintf(headers, sizeof headers, "ETag: %s\r\nCache-Control: no-cache\r\n" SECURITY, f->etag);
        const bool same = seen && strstr(seen, f->etag);
        http_answer(rq, same ? 304 : 200, f->type, f->data, same ? 0 : *f->size, headers);
        return;
    }
    http_not_found(rq);
}

void web_page(struct request *rq)
{
    send_file(rq, "index.html");
}

void web_review(struct request *rq)
{
    send_file(rq, "review.html");
}

void web_job_page(struct request *rq)
{
    send_file(rq, "job.html");
}

void web_sign_in(struct request *rq, int status)
{
    http_answer(rq, status, HTML, page_sign_in, page_sign_in_size, "WWW-Authenticate: Bearer\r\nCache-Control: no-store\r\n" SECURITY);
}

void web_openapi(struct request *rq)
{
    send_file(rq, "openapi.json");
}

/* The pages themselves are served at their own addresses only. */
void web_static(struct request *rq)
{
    const char *dot = strrchr(rq->arg[0], '.');
    if (dot && strcmp(dot, ".html") != 0 && strcmp(dot, ".json") != 0)
        send_file(rq, rq->arg[0]);
    else
        http_not_found(rq);
}
