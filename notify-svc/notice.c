#include "notify-svc/notice.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include "lib/clock.h"

static const char *text_of(const json_t *object, const char *key, const char *otherwise)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text && *text ? text : otherwise;
}

static void read_job(struct notice *n, const json_t *job, const json_t *body)
{
    const json_t *error = json_object_get(job, "error");
    const char *finished = text_of(job, "finished", "");
    n->about = NOTICE_JOB;
    n->mail = text_of(job, "mail", NULL);
    n->filename = text_of(body, "name", "document");
    n->state = text_of(job, "state", "finished");
    if (strcmp(n->state, "failed") == 0) {
        n->error = text_of(error, "text", "The reason is not known.");
        n->code = text_of(error, "code", NULL);
    }
    (void)clock_parse_rfc3339(finished, &n->ended_ms); /* stays 0 */
}

static void read_batch(struct notice *n, const json_t *batch)
{
    n->about = NOTICE_BATCH;
    n->mail = text_of(batch, "mail", NULL);
    n->jobs = json_integer_value(json_object_get(batch, "jobs"));
    n->finished = json_integer_value(json_object_get(batch, "finished"));
    n->failed = json_integer_value(json_object_get(batch, "failed"));
    n->cancelled = json_integer_value(json_object_get(batch, "cancelled"));
}

int notice_read(struct notice *notice, const char *id, uint64_t run, const json_t *body, struct err *err)
{
    const json_t *in = json_object_get(body, "in");
    const json_t *job = json_object_get(in, "job"), *batch = json_object_get(in, "batch");
    struct notice n = {.id = id, .owner = text_of(body, "owner", "")};
    if (json_is_object(batch))
        read_batch(&n, batch);
    else if (json_is_object(job))
        read_job(&n, job, body);
    else
        return err_set(err, ERR_INPUT, "the task tells neither of a job nor of a batch");
    /* A run's number is a moment in microseconds: the date of the news when nothing better is known, so that
     * the message is the same whenever it is made. */
    if (n.ended_ms == 0) n.ended_ms = (int64_t)(run / 1000);
    snprintf(n.event, sizeof n.event, "%.40s.%.12s.%" PRIu64, id, n.about == NOTICE_BATCH ? "batch" : n.state,
             run);
    *notice = n;
    return 0;
}

/* What the outside calls a job's end. */
static const char *status_of(const struct notice *n)
{
    return strcmp(n->state, "finished") == 0 ? "completed" : n->state;
}

static void add_line(struct buf *out, const char *text)
{
    for (; *text; text++) buf_putc(out, (unsigned char)*text < 0x20 || *text == 0x7f ? ' ' : *text);
}

void notice_subject(const struct notice *n, struct buf *out)
{
    if (n->about == NOTICE_BATCH) {
        buf_puts(out, n->jobs == 1 ? "Your essay has been processed" : "Your essays have been processed");
        return;
    }
    add_line(out, n->filename);
    buf_puts(out, ": ");
    add_line(out, status_of(n));
}

static void add_link(const struct notice *n, const char *app_url, struct buf *out)
{
    if (n->about == NOTICE_BATCH)
        buf_printf(out, "%s/review?mode=needs_review&upload_batch_id=%s", app_url, n->id);
    else
        buf_printf(out, "%s/jobs/%s", app_url, n->id);
}

/* The message as pairs of a label and a value, or a sentence without label, so that text and HTML say the
 * same. */
typedef void add_item(struct buf *out, const char *label, const char *value);

static void each_item(const struct notice *n, struct buf *out, add_item *add)
{
    char sentence[120];
    if (n->about == NOTICE_JOB) {
        add(out, "Status", status_of(n));
        add(out, "File", n->filename);
        add(out, "Job", n->id);
        if (n->error) add(out, "Error", n->error);
        return;
    }
    snprintf(sentence, sizeof sentence, "%" PRId64 " of %" PRId64 " essay(s) processed successfully.",
             n->finished, n->jobs);
    add(out, NULL, sentence);
    if (n->failed > 0) {
        snprintf(sentence, sizeof sentence, "%" PRId64 " had errors (see Review page).", n->failed);
        add(out, NULL, sentence);
    }
    if (n->cancelled > 0) {
        snprintf(sentence, sizeof sentence, "%" PRId64 " cancelled.", n->cancelled);
        add(out, NULL, sentence);
    }
}

static void add_text_item(struct buf *out, const char *label, const char *value)
{
    if (label) buf_printf(out, "%s: ", label);
    add_line(out, value);
    buf_putc(out, '\n');
}

void notice_text(const struct notice *n, const char *app_url, struct buf *out)
{
    each_item(n, out, add_text_item);
    buf_putc(out, '\n');
    add_link(n, app_url, out);
    buf_putc(out, '\n');
}

static void add_escaped(struct buf *out, const char *text)
{
    for (; *text; text++) {
        switch (*text) {
        case '&':
            buf_puts(out, "&amp;");
            break;
        case '<':
            buf_puts(out, "&lt;");
            break;
        case '>':
            buf_puts(out, "&gt;");
            break;
        case '"':
            buf_puts(out, "&quot;");
            break;
        case '\'':
            buf_puts(out, "&#39;");
            break;
        default:
            buf_putc(out, (unsigned char)*text < 0x20 || *text == 0x7f ? ' ' : *text);
        }
    }
}

static void add_html_item(struct buf *out, const char *label, const char *value)
{
    buf_puts(out, "<p>");
    if (label) buf_printf(out, "<strong>%s:</strong> ", label);
    add_escaped(out, value);
    buf_puts(out, "</p>\n");
}

void notice_html(const struct notice *n, const char *app_url, struct buf *out)
{
    struct buf link = BUF_INIT;
    add_link(n, app_url, &link);
    buf_puts(out, "<!doctype html>\n<html lang=\"en\"><body>\n");
    each_item(n, out, add_html_item);
    buf_puts(out, "<p><a href=\"");
    if (link.bad)
        out->bad = true;
    else
        add_escaped(out, link.data);
    buf_printf(out, "\">%s</a></p>\n</body></html>\n",
               n->about == NOTICE_BATCH ? "Open the review page" : "Open the job");
    buf_done(&link);
}
