#include "cli/watch.h"

#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "cli/text.h"
#include "lib/auto.h"
#include "lib/clock.h"

#define LOOK_EVERY_MS 300
#define BAR_COLUMNS   20

/* What was drawn last, so that the next picture goes over it. */
struct picture {
    int lines;
};

struct watch {
    api_t *api;
    const struct watch_options *options;
    struct picture picture;
    json_t *ended; /* job id -> the job as it ended */
};

static bool has_ended(const char *status)
{
    return strcmp(status, "finished") == 0 || strcmp(status, "failed") == 0 ||
           strcmp(status, "cancelled") == 0;
}

/* --- the picture --- */

static void terminal_size(int *rows, int *columns)
{
    struct winsize w = {0};
    bool known = ioctl(STDERR_FILENO, TIOCGWINSZ, &w) == 0 && w.ws_row > 3 && w.ws_col > 40;
    *rows = known ? w.ws_row : 24;
    *columns = known ? w.ws_col : 80;
}

static void draw_summary(struct buf *b, const json_t *batch)
{
    long total = count_of(batch, "total"), completed = count_of(batch, "completed"),
         failed = count_of(batch, "failed");
    long cancelled = count_of(batch, "cancelled"), ended = completed + failed + cancelled;
    double left = number_of(batch, "estimated_remaining_seconds");
    text_bar(b, total ? (double)ended / (double)total : 0, BAR_COLUMNS);
    buf_printf(b, " %ld of %ld finished", completed, total);
    if (failed) buf_printf(b, ", %ld failed", failed);
    if (cancelled) buf_printf(b, ", %ld cancelled", cancelled);
    if (ended < total && left >= 1) buf_printf(b, ", about %.0f s to go", left);
    buf_puts(b, "\033[K\n");
}

static void draw_job(struct buf *b, const json_t *job, int columns)
{
    const char *message = text_of(job, "status_message");
    int name = columns - BAR_COLUMNS - 8 - 26;
    text_bar(b, number_of(job, "progress") / 100, BAR_COLUMNS);
    buf_printf(b, " %3.0f %% ", number_of(job, "progress"));
    text_cell(b, text_of(job, "filename"), name > 12 ? name : 12);
    buf_putc(b, ' ');
    text_cell(b, *message ? message : text_of(job, "status"), 24);
    buf_puts(b, "\033[K\n");
}

static void draw(struct picture *p, const json_t *batch)
{
    struct buf b = BUF_INIT;
    int rows, columns, lines = 1;
    size_t i;
    json_t *job;
    terminal_size(&rows, &columns);
    if (p->lines) buf_printf(&b, "\033[%dA", p->lines);
    draw_summary(&b, batch);
    json_array_foreach(json_object_get(batch, "jobs"), i, job)
    {
        if (has_ended(text_of(job, "status")) || lines >= rows - 2) continue;
        draw_job(&b, job, columns);
        lines++;
    }
    buf_puts(&b, "\033[J"); /* the rest of a taller picture */
    if (!b.bad) (void)fwrite(b.data, 1, b.len, stderr);
    buf_done(&b);
    p->lines = lines;
}

static void undraw(struct picture *p)
{
    if (p->lines) (void)fprintf(stderr, "\033[%dA\033[J", p->lines);
    p->lines = 0;
}

/* --- following --- */

/* The whole of a job that has ended since the last look: the batch tells only how it stands. */
static int take_ended(struct watch *w, const char *job_id, struct err *err)
{
    AUTO_FREE char *path = api_path("/api/job_status/", job_id, "");
    json_t *job = NULL;
    if (!path) return err_set(err, ERR_NOMEM, "no memory");
    if (api_get(w->api, path, &job, err) == -1) return -1;
    int rc = 0;
    if (has_ended(text_of(job, "status"))) {
        if (w->options->live) undraw(&w->picture);
        if (w->options->ended) rc = w->options->ended(w->options->user, job, err);
        if (rc == 0) (void)json_object_set(w->ended, job_id, job);
    }
    json_decref(job);
    return rc;
}

/* What somebody had run again since it was taken, and what has ended again by then: a job's last end is what counts. */
static void forget_begun_again(struct watch *w, const json_t *jobs)
{
    size_t i;
    json_t *job;
    json_array_foreach(jobs, i, job)
    {
        const char *id = text_of(job, "job_id");
        const json_t *taken = json_object_get(w->ended, id);
        if (!taken) continue;
        if (!has_ended(text_of(job, "status")) || strcmp(text_of(job, "finished_at"), text_of(taken, "finished_at")) > 0)
            (void)json_object_del(w->ended, id);
    }
}

/* Those of `jobs` that were not told of yet; a status says how each stands, what was sent does not. */
static int take_all_ended(struct watch *w, const json_t *jobs, bool by_status, struct err *err)
{
    size_t i;
    json_t *job;
    int rc = 0;
    json_array_foreach(jobs, i, job)
    {
        const char *id = text_of(job, "job_id");
        if (rc == 0 && (!by_status || has_ended(text_of(job, "status"))) && !json_object_get(w->ended, id))
            rc = take_ended(w, id, err);
    }
    return rc;
}

static int look(struct watch *w, bool *done, struct err *err)
{
    AUTO_FREE char *path = api_path("/api/batch_status?batch_id=", w->options->batch_id, "");
    json_t *batch = NULL;
    int rc = path ? api_get(w->api, path, &batch, err) : err_set(err, ERR_NOMEM, "no memory");
    if (rc == -1) return -1;
    const json_t *jobs = json_object_get(batch, "jobs"), *sent = w->options->sent;
    const bool over = json_is_true(json_object_get(batch, "done"));
    forget_begun_again(w, jobs);
    rc = take_all_ended(w, jobs, true, err);
    if (rc == 0 && over) rc = take_all_ended(w, sent, false, err);
    /* Both: a retry in between makes the batch busy again, a new job is seen before it is counted. */
    *done = rc == 0 && over && json_object_size(w->ended) >= json_array_size(jobs) && json_object_size(w->ended) >= json_array_size(sent);
    if (rc == 0 && w->options->live && !*done) draw(&w->picture, batch);
    json_decref(batch);
    return rc;
}

static int follow(struct watch *w, struct err *err)
{
    const struct timespec pause = {.tv_nsec = LOOK_EVERY_MS * 1000000L};
    int64_t silent_since_ms = 0;
    for (bool done = false;;) {
        int rc = look(w, &done, err);
        bool silent =
            rc == -1 && (err->kind == ERR_UNAVAILABLE || err->kind == ERR_TIMEOUT || api_means_later(err->sys));
        if (done || (rc == -1 && !silent)) return rc;
        if (!silent)
            silent_since_ms = 0;
        else if (!silent_since_ms)
            silent_since_ms = clock_ms();
        else if (clock_ms() - silent_since_ms > w->options->retry_ms)
            return -1;
        (void)nanosleep(&pause, NULL);
    }
}

int watch_batch(api_t *api, const struct watch_options *options, json_t **jobs, struct err *err)
{
    struct watch w = {.api = api, .options = options, .ended = json_object()};
    int rc = follow(&w, err);
    undraw(&w.picture);
    if (rc == 0) {
        const char *id;
        json_t *job;
        *jobs = json_array();
        json_object_foreach(w.ended, id, job)(void) json_array_append(*jobs, job);
    }
    json_decref(w.ended);
    return rc;
}
