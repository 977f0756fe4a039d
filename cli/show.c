/* sheaf status, job, jobs, workers: looks at what the gateway tells. */
#include <stdio.h>
#include <string.h>

#include "cli/api.h"
#include "cli/args.h"
#include "cli/ask.h"
#include "cli/text.h"
#include "lib/auto.h"

static void print_line(struct buf *b)
{
    (void)puts(b->bad || !b->data ? "" : b->data);
    buf_done(b);
}

static void print_job_row(const json_t *job)
{
    struct buf b = BUF_INIT;
    const char *message = text_of(job, "status_message");
    const char *error = text_of(json_object_get(job, "error"), "text");
    text_cell(&b, text_of(job, "job_id"), 36);
    buf_puts(&b, "  ");
    text_cell(&b, text_of(job, "status"), 9);
    buf_printf(&b, " %3.0f %%  ", number_of(job, "progress"));
    text_cell(&b, text_of(job, "filename"), 0);
    if (*error || *message) {
        buf_puts(&b, "  ");
        text_cell(&b, *error ? error : message, 0);
    }
    print_line(&b);
}

static void print_batch(const json_t *batch)
{
    size_t i;
    json_t *job;
    (void)printf("%ld jobs: %ld finished, %ld failed, %ld cancelled, %ld under way, %ld waiting%s\n",
                 count_of(batch, "total"), count_of(batch, "completed"), count_of(batch, "failed"),
                 count_of(batch, "cancelled"), count_of(batch, "in_progress"), count_of(batch, "pending"),
                 json_is_true(json_object_get(batch, "done")) ? "; done" : "");
    json_array_foreach(json_object_get(batch, "jobs"), i, job) print_job_row(job);
}

static void print_workers(const json_t *status)
{
    size_t i;
    json_t *stage;
    (void)printf("Redis: %s\n%-10s %-12s %8s %8s %9s %10s\n", text_or(status, "redis", "?"), "STAGE",
                 "SERVICE", "WORKERS", "WAITING", "IN HAND", "OLDEST");
    json_array_foreach(json_object_get(status, "stages"), i, stage)
    {
        struct buf b = BUF_INIT;
        text_cell(&b, text_of(stage, "stage"), 10);
        buf_putc(&b, ' ');
        text_cell(&b, text_of(stage, "service"), 12);
        buf_printf(&b, " %8ld %8ld %9ld %8.1f s", count_of(stage, "workers"), count_of(stage, "waiting"),
                   count_of(stage, "in_flight"), number_of(stage, "oldest_s"));
        if (count_of(stage, "workers") == 0) buf_puts(&b, "  no worker is listening");
        if (json_is_true(json_object_get(stage, "stuck"))) buf_puts(&b, "  stuck");
        if (json_is_true(json_object_get(stage, "paused"))) buf_puts(&b, "  paused");
        print_line(&b);
    }
}

static void print_stage(const json_t *stage)
{
    struct buf b = BUF_INIT;
    const char *key;
    json_t *value;
    buf_puts(&b, "  ");
    text_cell(&b, text_of(stage, "stage"), 10);
    json_object_foreach((json_t *)(uintptr_t)stage, key, value)
    {
        if (json_is_number(value))
            buf_printf(&b, " %s %.6g", key, json_number_value(value));
        else if (json_is_string(value) && strcmp(key, "stage") != 0) {
            buf_printf(&b, " %s ", key);
            text_cell(&b, json_string_value(value), 0);
        }
    }
    print_line(&b);
}

static void print_job(const json_t *job)
{
    static const char *const times[] = {"created_at", "started_at", "finished_at"};
    size_t i;
    json_t *item;
    const json_t *error = json_object_get(job, "error");
    print_job_row(job);
    for (i = 0; i < COUNT_OF(times); i++) (void)printf("  %-12s %s\n", times[i], text_or(job, times[i], "-"));
    json_array_foreach(json_object_get(job, "stages"), i, item) print_stage(item);
    if (json_is_object(error))
        (void)printf("  error %s in %s\n", text_of(error, "code"), text_or(error, "stage", "?"));
    json_array_foreach(json_object_get(json_object_get(job, "result"), "submission_ids"), i, item)(void)
        printf("  record %s\n", json_string_value(item) ? json_string_value(item) : "?");
}

static void print_jobs(const json_t *answer)
{
    size_t i;
    json_t *job;
    json_array_foreach(json_object_get(answer, "jobs"), i, job) print_job_row(job);
}

enum cli_exit cmd_status(struct cli *cli, int argc, char **argv)
{
    enum cli_exit code;
    int n = args_parse(cli, argc, argv, NULL, 0, 0, 1, &code);
    if (n == -1) return code;
    if (n == 0) return ask(cli, "GET", "/api/worker_status", NULL, print_workers);
    AUTO_FREE char *path = api_path("/api/batch_status?batch_id=", argv[0], "");
    return ask(cli, "GET", path, NULL, print_batch);
}

enum cli_exit cmd_workers(struct cli *cli, int argc, char **argv)
{
    enum cli_exit code;
    if (args_parse(cli, argc, argv, NULL, 0, 0, 0, &code) == -1) return code;
    return ask(cli, "GET", "/api/worker_status", NULL, print_workers);
}

enum cli_exit cmd_job(struct cli *cli, int argc, char **argv)
{
    enum cli_exit code;
    if (args_parse(cli, argc, argv, NULL, 0, 1, 1, &code) == -1) return code;
    AUTO_FREE char *path = api_path("/api/job_status/", argv[0], "");
    return ask(cli, "GET", path, NULL, print_job);
}

enum cli_exit cmd_jobs(struct cli *cli, int argc, char **argv)
{
    enum cli_exit code;
    const char *state = "", *limit = "50";
    const struct option options[] = {
        {"--state", OPT_TEXT, &state, "STATE", "only queued, started, finished, failed or cancelled ones"},
        {"--limit", OPT_TEXT, &limit, "N", "how many at most (default 50)"},
    };
    if (args_parse(cli, argc, argv, options, COUNT_OF(options), 0, 0, &code) == -1) return code;
    AUTO_FREE char *count = api_path("/api/v1/jobs?limit=", limit, *state ? "&state=" : "");
    AUTO_FREE char *path = count ? api_path(count, state, "") : NULL;
    return ask(cli, "GET", path, NULL, print_jobs);
}
