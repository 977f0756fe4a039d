/* sheaf submit: sends files, follows them, shows what became of them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/args.h"
#include "cli/rows.h"
#include "cli/send.h"
#include "cli/text.h"
#include "cli/watch.h"
#include "lib/auto.h"

struct submit_options {
    bool wait, no_wait, records;
    const char *priority, *ocr_provider, *retry_for;
};

static int say_ended(void *user, const json_t *job, struct err *err)
{
    (void)user, (void)err;
    struct buf b = BUF_INIT;
    const json_t *error = json_object_get(job, "error");
    size_t records = json_array_size(json_object_get(json_object_get(job, "result"), "submission_ids"));
    text_cell(&b, text_of(job, "status"), 9);
    buf_putc(&b, ' ');
    text_cell(&b, text_of(job, "filename"), 0);
    if (json_is_object(error)) {
        buf_puts(&b, ": ");
        text_cell(&b, text_of(error, "text"), 0);
        buf_printf(&b, " (%s)", text_of(error, "code"));
    } else if (strcmp(text_of(job, "status"), "finished") == 0) {
        buf_printf(&b, ": %zu record%s", records, records == 1 ? "" : "s");
    }
    if (!b.bad) (void)puts(b.data);
    (void)fflush(stdout);
    buf_done(&b);
    return 0;
}

static int show_records(void *api, const json_t *job, struct err *err)
{
    return rows_of_job(api, job, err);
}

static void print_accepted(const struct sent *sent)
{
    size_t i;
    json_t *job;
    json_array_foreach(sent->jobs, i, job)
    {
        struct buf b = BUF_INIT;
        text_cell(&b, text_of(job, "filename"), 0);
        (void)printf("accepted  %s  %s%s\n", text_of(job, "job_id"), b.data,
                     json_is_true(json_object_get(job, "is_duplicate")) ? "  (known already)" : "");
        buf_done(&b);
    }
    if (sent->batch_id[0]) (void)printf("batch     %s\n", sent->batch_id);
    (void)fflush(stdout);
}

static void print_errors(const struct sent *sent)
{
    size_t i;
    json_t *error;
    json_array_foreach(sent->errors, i, error)
    {
        struct buf b = BUF_INIT;
        text_cell(&b, json_string_value(error), 0);
        (void)fprintf(stderr, "refused   %s\n", b.data);
        buf_done(&b);
    }
}

static long count_status(const json_t *jobs, const char *status)
{
    long n = 0;
    for (size_t i = 0; i < json_array_size(jobs); i++)
        n += strcmp(text_of(json_array_get(jobs, i), "status"), status) == 0;
    return n;
}

/* `jobs` is what became of them, or NULL when nobody waited. */
static void print_json(const struct sent *sent, const json_t *jobs)
{
    json_t *o = json_pack("{s:s?, s:O, s:O}", "batch_id", sent->batch_id[0] ? sent->batch_id : NULL, "errors",
                          sent->errors, "jobs", jobs ? jobs : sent->jobs);
    (void)json_object_set_new(o, "total", json_integer((json_int_t)json_array_size(sent->jobs)));
    for (size_t i = 0; jobs && i < 3; i++) {
        static const char *const names[] = {"finished", "failed", "cancelled"};
        (void)json_object_set_new(o, i ? names[i] : "completed", json_integer(count_status(jobs, names[i])));
    }
    text_print_json(o);
    json_decref(o);
}

static bool each_has_a_record(const json_t *jobs)
{
    for (size_t i = 0; i < json_array_size(jobs); i++) {
        const json_t *result = json_object_get(json_array_get(jobs, i), "result");
        if (json_array_size(json_object_get(result, "submission_ids")) == 0) return false;
    }
    return true;
}

/* Nobody answers any more.  What was accepted goes its way all the same, so it is said, unless it was `told` already: nobody need send it again. */
static enum cli_exit broken_off(const struct cli *cli, const struct sent *sent, bool told, const struct err *err)
{
    if (cli->json && json_array_size(sent->jobs) > 0) print_json(sent, NULL);
    if (!cli->json && !told && json_array_size(sent->jobs) > 0) print_accepted(sent);
    return cli_fail(cli, err);
}

/* Waits for the end of what was accepted; the exit code says whether all is well. */
static enum cli_exit follow(const struct cli *cli, api_t *api, const struct submit_options *given,
                            int64_t retry_ms, const struct sent *sent, bool told)
{
    struct err err = {0};
    struct watch_options how = {.batch_id = sent->batch_id,
                                .sent = sent->jobs,
                                .retry_ms = retry_ms,
                                .live = isatty(STDERR_FILENO) == 1,
                                .ended = cli->json ? NULL : given->records ? show_records : say_ended,
                                .user = api};
    json_t *jobs = json_array();
    if (given->records && !cli->json) rows_head();
    if (sent->batch_id[0]) {
        json_decref(jobs);
        if (watch_batch(api, &how, &jobs, &err) == -1) return broken_off(cli, sent, told, &err);
    }
    bool well =
        json_array_size(sent->errors) == 0 && count_status(jobs, "finished") == (long)json_array_size(jobs);
    if (cli->json) print_json(sent, jobs);
    if (given->records && !each_has_a_record(jobs)) well = false;
    json_decref(jobs);
    return well ? CLI_OK : CLI_NO;
}

static enum cli_exit submit(const struct cli *cli, const struct submit_options *given, int64_t retry_ms,
                            int n, char **files)
{
    struct err err = {0};
    struct sent sent = {0};
    struct send_options how = {.files = (const char *const *)files,
                               .n = n,
                               .priority = given->priority,
                               .ocr_provider = given->ocr_provider,
                               .retry_ms = retry_ms,
                               .live = isatty(STDERR_FILENO) == 1};
    AUTO(api_close) api_t *api = api_open(cli, &err);
    if (!api || send_files(cli, api, &how, &sent, &err) == -1) {
        if (!cli->json) print_errors(&sent);
        enum cli_exit failed = broken_off(cli, &sent, false, &err);
        sent_done(&sent);
        return failed;
    }
    bool wait =
        given->wait || given->records || (!given->no_wait && !cli->json && isatty(STDOUT_FILENO) == 1);
    enum cli_exit code = json_array_size(sent.errors) ? CLI_NO : CLI_OK;
    const bool tell = !cli->json && (!wait || (given->wait && !how.live));
    if (tell) print_accepted(&sent);
    if (!cli->json) print_errors(&sent);
    if (wait)
        code = follow(cli, api, given, retry_ms, &sent, tell);
    else if (cli->json)
        print_json(&sent, NULL);
    sent_done(&sent);
    return code;
}

enum cli_exit cmd_submit(struct cli *cli, int argc, char **argv)
{
    struct submit_options given = {.retry_for = "60"};
    enum cli_exit code;
    const struct option options[] = {
        {"--wait", OPT_FLAG, &given.wait, NULL,
         "return when every job has ended, also one that was run again (on a terminal it does so anyway)"},
        {"--no-wait", OPT_FLAG, &given.no_wait, NULL, "return when everything is accepted"},
        {"--records", OPT_FLAG, &given.records, NULL,
         "wait; one line per record as each file ends, exit 1 if one gave none"},
        {"--priority", OPT_TEXT, &given.priority, "P", "as the gateway names it"},
        {"--ocr-provider", OPT_TEXT, &given.ocr_provider, "NAME", "one of those configured"},
        {"--retry-for", OPT_TEXT, &given.retry_for, "SECONDS",
         "how long to go on without an answer (default 60)"},
    };
    int n = args_parse(cli, argc, argv, options, COUNT_OF(options), 1, -1, &code);
    if (n == -1) return code;
    char *end;
    long seconds = strtol(given.retry_for, &end, 10);
    if (*end || seconds < 0 || seconds > 86400)
        return args_mistake(cli, "--retry-for takes seconds, not %s", given.retry_for);
    return submit(cli, &given, seconds * 1000, n, argv);
}
