/* sheaf export: records to a file or to standard output. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/api.h"
#include "cli/args.h"
#include "cli/predictions.h"
#include "lib/auto.h"

struct export_options {
    bool predictions;
    const char *batch, *format, *school, *grade, *output;
};

static int write_predictions(api_t *api, const struct export_options *given, FILE *out, struct err *err)
{
    json_t *predictions = NULL;
    if (predictions_collect(api, given->batch, &predictions, err) == -1) return -1;
    int rc = json_dumpf(predictions, out, JSON_INDENT(1)) == 0 && fputc('\n', out) != EOF ? 0 : -1;
    json_decref(predictions);
    return rc == 0 ? 0 : err_sys(err, ERR_LIMIT, errno, "writing");
}

/* /export, /export/school/<s>, /export/school/<s>/grade/<g> with their query. */
static char *export_path(const struct export_options *given)
{
    AUTO_FREE char *school =
        given->school ? api_path("/export/school/", given->school, "") : strdup("/export");
    AUTO_FREE char *before = NULL, *format = NULL;
    struct buf grade = BUF_INIT;
    if (!school) return NULL;
    buf_printf(&grade, "%s%s", school, given->grade ? "/grade/" : "");
    before = grade.bad ? NULL : api_path(grade.data, given->grade ? given->grade : "", "?format=");
    buf_done(&grade);
    if (before) format = api_path(before, given->format, given->batch ? "&batch=" : "");
    return format ? api_path(format, given->batch ? given->batch : "", "") : NULL;
}

static int write_records(api_t *api, const struct export_options *given, FILE *out, struct err *err)
{
    AUTO_FREE char *path = export_path(given);
    return path ? api_download(api, path, out, err) : err_set(err, ERR_NOMEM, "no memory");
}

/* --- the file --- */

#define PART ".part"

/* A file that gets its name when it is whole, so that an export that fails leaves the one before it; `part` is its name meanwhile.  What is no plain
 * file (a pipe, /dev/stdout), or lies where none can be made, is written as it is: `part` is "". */
static FILE *open_output(const char *path, char part[PATH_MAX])
{
    struct stat st;
    bool plain = lstat(path, &st) == -1 || S_ISREG(st.st_mode);
    FILE *file = NULL;
    if (plain && snprintf(part, PATH_MAX, "%s" PART, path) < PATH_MAX) file = fopen(part, "we");
    if (file) return file;
    part[0] = '\0';
    return fopen(path, "we");
}

/* Ends the file and gives it its name, or takes it away where the export failed. */
static int close_output(FILE **file, const char *part, const char *path, int rc, struct err *err)
{
    if (fclose(*file) == EOF && rc == 0) rc = err_sys(err, ERR_LIMIT, errno, "writing");
    *file = NULL;
    if (!*part) return rc;
    if (rc == 0 && rename(part, path) == -1) rc = err_sys(err, ERR_INPUT, errno, "%.120s", path);
    if (rc == -1) (void)unlink(part);
    return rc;
}

enum cli_exit cmd_export(struct cli *cli, int argc, char **argv)
{
    enum cli_exit code;
    struct err err = {0};
    struct export_options given = {.format = "csv"};
    const struct option options[] = {
        {"--predictions", OPT_FLAG, &given.predictions, NULL,
         "all records, with the text of their pages, for the accuracy measure"},
        {"--batch", OPT_TEXT, &given.batch, "ID", "only what this batch brought"},
        {"--format", OPT_TEXT, &given.format, "FORMAT", "csv (default), xlsx or jsonl"},
        {"--school", OPT_TEXT, &given.school, "NAME", "only this school"},
        {"--grade", OPT_TEXT, &given.grade, "GRADE", "only this grade of the school"},
        {"--output", OPT_TEXT, &given.output, "FILE", "instead of standard output"},
    };
    if (args_parse(cli, argc, argv, options, COUNT_OF(options), 0, 0, &code) == -1) return code;
    if (given.grade && !given.school) return args_mistake(cli, "--grade needs --school");
    if (cli->json && !given.predictions) given.format = "jsonl";

    AUTO(api_close) api_t *api = api_open(cli, &err);
    if (!api) return cli_fail(cli, &err);
    char part[PATH_MAX] = "";
    FILE *file = given.output ? open_output(given.output, part) : NULL;
    if (given.output && !file) {
        (void)err_sys(&err, ERR_INPUT, errno, "%.120s", given.output);
        return cli_fail(cli, &err);
    }
    FILE *out = file ? file : stdout;
    int rc =
        given.predictions ? write_predictions(api, &given, out, &err) : write_records(api, &given, out, &err);
    if (rc == 0 && fflush(out) == EOF) rc = err_sys(&err, ERR_LIMIT, errno, "writing");
    if (file) rc = close_output(&file, part, given.output, rc, &err);
    return rc == -1 ? cli_fail(cli, &err) : CLI_OK;
}
