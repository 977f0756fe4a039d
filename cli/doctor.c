#include "cli/doctor.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>

#include "cli/api.h"
#include "cli/args.h"
#include "cli/stack.h"
#include "cli/text.h"
#include "lib/auto.h"
#include "lib/clock.h"

#define PROBE_MS       2000
#define DISK_LOW_MIB   1024
#define DISK_WRONG_MIB 100

static const char *const verdict_names[] = {"ok", "warning", "wrong"};

void report_add(struct report *report, enum verdict verdict, const char *subject, const char *mend,
                const char *fmt, ...)
{
    char text[256];
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    report->wrong += verdict == VERDICT_WRONG;
    (void)json_array_append_new(report->findings,
                                json_pack("{s:s, s:s, s:s, s:s?}", "subject", subject, "verdict",
                                          verdict_names[verdict], "text", text, "mend", mend));
}

/* --- the services of this machine --- */

static void look_at_service(const struct settings *settings, httpc_t *client, int position,
                            struct report *report)
{
    char url[128];
    const char *name = stack_service_name(position);
    struct httpc_answer answer = {0};
    struct err err = {0};
    const unsigned who = stack_service_who(position);
    int port = settings_admin_port(settings, who);
    (void)snprintf(url, sizeof url, "http://%.80s:%d/readyz", who == W_GATEWAY ? settings_gateway_host(settings) : "127.0.0.1", port);
    struct httpc_request r = {
        .method = "GET", .url = url, .deadline_ms = clock_ms() + PROBE_MS, .max_answer_bytes = 65536};
    if (httpc_call(client, &r, &answer, &err) == -1) {
        report_add(report, VERDICT_WRONG, name, "start it: `sheaf up`; its last words are in SHEAF_VAR/log",
                   "%s", err.text);
        return;
    }
    answer.body.data[strcspn(answer.body.data, "\r\n")] = '\0';
    if (answer.status == 200)
        report_add(report, VERDICT_OK, name, NULL, "ready, port %d", port);
    else
        report_add(report, VERDICT_WRONG, name, "mend what it waits for", "not ready: %.150s",
                   answer.body.data);
    httpc_answer_done(&answer);
}

static void look_at_services(const struct cli *cli, struct report *report)
{
    struct err err = {0};
    httpc_t *client = httpc_new(&err);
    if (!client) {
        report_add(report, VERDICT_WRONG, "services", "free some memory", "%s", err.text);
        return;
    }
    for (int i = 0; stack_service_name(i); i++) look_at_service(cli->settings, client, i, report);
    httpc_destroy(&client);
}

/* --- the stages, as the gateway sees them --- */

static void look_at_stage(const json_t *stage, struct report *report)
{
    char subject[48];
    long waiting = count_of(stage, "waiting");
    (void)snprintf(subject, sizeof subject, "stage %.30s", text_of(stage, "stage"));
    if (count_of(stage, "workers") == 0)
        report_add(report, VERDICT_WRONG, subject, "start its service", "no worker is listening; %ld wait",
                   waiting);
    else if (json_is_true(json_object_get(stage, "stuck")))
        report_add(report, VERDICT_WRONG, subject, "see the log of its service", "stuck for %.0f s, %ld wait",
                   number_of(stage, "oldest_s"), waiting);
}

static void look_at_gateway(const struct cli *cli, struct report *report)
{
    struct err err = {0};
    json_t *status = NULL, *stage;
    size_t i;
    AUTO(api_close) api_t *api = api_open(cli, &err);
    if (!api || api_get(api, "/api/worker_status", &status, &err) == -1) {
        if (err.sys == 401)
            report_add(report, VERDICT_WARNING, "gateway's address", "put a token into SHEAF_SERVICE_TOKEN, then look again",
                       "answers, and asks who is calling: the stages were not looked at");
        else
            report_add(report, VERDICT_WRONG, "gateway's address",
                       "start the stack, or see SHEAF_URL and SHEAF_PORT", "%s", err.text);
        return;
    }
    report_add(report, VERDICT_OK, "gateway's address", NULL, "answers");
    json_array_foreach(json_object_get(status, "stages"), i, stage) look_at_stage(stage, report);
    json_decref(status);
}

/* --- this machine --- */

static void look_at_disk(const struct cli *cli, struct report *report)
{
    struct statvfs fs;
    const char *var = cli->settings->var;
    if (statvfs(var, &fs) == -1) {
        bool missing = errno == ENOENT;
        report_add(report, missing ? VERDICT_OK : VERDICT_WRONG, "disk", missing ? NULL : "see SHEAF_VAR",
                   "%.100s: %s", var, missing ? "not made yet" : strerror(errno));
        return;
    }
    double mib = (double)fs.f_bavail * (double)fs.f_frsize / 1048576;
    enum verdict v = mib < DISK_WRONG_MIB ? VERDICT_WRONG : mib < DISK_LOW_MIB ? VERDICT_WARNING : VERDICT_OK;
    report_add(report, v, "disk", v == VERDICT_OK ? NULL : "make room, or move SHEAF_VAR",
               "%.0f MiB free for %.100s", mib, var);
}

static bool is_reported(const struct report *report, const char *subject)
{
    size_t i;
    json_t *f;
    json_array_foreach(report->findings, i, f)
        if (strcmp(text_of(f, "subject"), subject) == 0) return true;
    return false;
}

/* Of what is built in, and called nobody, the choice is said. */
static void look_at_providers(const struct cli *cli, struct report *report)
{
    const struct settings *s = cli->settings;
    const struct {
        const char *stage, *choice;
    } chosen[] = {
        {"recognition", settings_ocr(s)},
        {"extraction", settings_llm(s)},
        {"records", settings_records(s)},
        {"objects", settings_objects(s)},
        {"messages", settings_notify(s)},
    };
    for (size_t i = 0; i < COUNT_OF(chosen); i++) {
        if (is_reported(report, chosen[i].stage)) continue;
        bool null = strcmp(chosen[i].choice, "null") == 0;
        report_add(report, null ? VERDICT_WARNING : VERDICT_OK, chosen[i].stage,
                   null ? "choose another unless this is a trial" : NULL, "%s%s", chosen[i].choice,
                   null ? ": does nothing" : "");
    }
}

static void print_report(const struct report *report)
{
    size_t i;
    json_t *f;
    json_array_foreach(report->findings, i, f)
    {
        struct buf b = BUF_INIT;
        text_cell(&b, text_of(f, "verdict"), 8);
        text_cell(&b, text_of(f, "subject"), 18);
        text_cell(&b, text_of(f, "text"), 0);
        if (*text_of(f, "mend")) buf_printf(&b, "\n%26s→ %s", "", text_of(f, "mend"));
        if (!b.bad) (void)puts(b.data);
        buf_done(&b);
    }
    (void)printf(report->wrong ? "\n%d thing%s wrong\n" : "\nnothing is wrong\n", report->wrong,
                 report->wrong == 1 ? " is" : "s are");
}

enum cli_exit cmd_doctor(struct cli *cli, int argc, char **argv)
{
    enum cli_exit code;
    struct report report = {.findings = json_array()};
    if (args_parse(cli, argc, argv, NULL, 0, 0, 0, &code) == -1) {
        json_decref(report.findings);
        return code;
    }
    doctor_redis(cli, &report);
    /* Elsewhere than on this machine, the services' own ports are not for us. */
    if (!cli->settings->url) look_at_services(cli, &report);
    look_at_gateway(cli, &report);
    doctor_providers(cli, &report);
    look_at_providers(cli, &report);
    look_at_disk(cli, &report);
    if (cli->json)
        text_print_json(report.findings);
    else
        print_report(&report);
    json_decref(report.findings);
    return report.wrong ? CLI_NO : CLI_OK;
}
