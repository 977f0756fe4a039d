#include "gateway/intake.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "gateway/batch.h"
#include "lib/fault.h"
#include "lib/metrics.h"

#define FIELD_MAX 512 /* bytes of a field's value */

static struct metric refused =
    METRIC_COUNTER1("sheaf_upload_refused_total", "files and requests refused at upload, by code", "code");
static struct metric bytes_in =
    METRIC_COUNTER("sheaf_upload_bytes_total", "bytes of files written to the blob store");

enum part { PART_NONE, PART_FIELD, PART_FILE, PART_BAD_FILE };

struct intake {
    struct gateway *gateway;
    struct multipart_sink sink;
    struct intake_options options;
    char owner[37];
    struct intake_file *files;
    int n_files, n_parts; /* good ones; all that were begun */
    json_t *errors;
    char bad_code[24];
    struct err err;
    int shard; /* -1 until it had to be chosen */
    bool given_away;

    /* the part at hand */
    enum part part;
    bool nameless; /* a browser's empty file field, as long as nothing is in it */
    char field[MULTIPART_NAME_MAX], value[FIELD_MAX + 1];
    size_t value_len;
    struct intake_file file;
    char head[SNIFF_BYTES];
    size_t head_len;
    blob_writer_t *writer;
    digest_t *digest;
};

/* --- options --- */

static int option_batch(struct intake *in, const char *value, struct err *err)
{
    if (!id_valid(value) || id_shard(value) >= (unsigned)in->gateway->settings->shards)
        return err_code(err, ERR_INPUT, "not_found", "There is no such batch.");
    if (*in->options.batch && strcmp(in->options.batch, value) != 0)
        return err_code(err, ERR_INPUT, "bad_request", "The request names two batches.");
    if (in->shard >= 0 && (unsigned)in->shard != id_shard(value))
        return err_code(err, ERR_INPUT, "bad_request",
                        "Name batch_id before the files, or as ?batch_id= in the address.");
    snprintf(in->options.batch, sizeof in->options.batch, "%s", value);
    return 0;
}

static int option_key(struct intake *in, const char *value, struct err *err)
{
    const size_t len = strlen(value);
    for (size_t i = 0; i < len; i++)
        if (value[i] < 0x21 || value[i] > 0x7e)
            return err_code(err, ERR_INPUT, "bad_request",
                            "An idempotency key is plain ASCII without spaces.");
    if (len > INTAKE_KEY_MAX)
        return err_code(err, ERR_INPUT, "bad_request", "An idempotency key has at most %d characters.",
                        INTAKE_KEY_MAX);
    if (*in->options.key && strcmp(in->options.key, value) != 0)
        return err_code(err, ERR_INPUT, "bad_request", "The request has two idempotency keys.");
    if (in->shard >= 0 && !*in->options.batch && in->gateway->settings->shards > 1)
        return err_code(err, ERR_INPUT, "bad_request",
                        "Name idempotency_key before the files, or in the Idempotency-Key header.");
    snprintf(in->options.key, sizeof in->options.key, "%s", value);
    return 0;
}

static int option_class(struct intake *in, const char *value, struct err *err)
{
    static const char *const names[] = {
        [INTAKE_HIGH] = "high", [INTAKE_NORMAL] = "normal", [INTAKE_LOW] = "low"};
    for (int i = INTAKE_HIGH; i <= INTAKE_LOW; i++) {
        if (strcmp(value, names[i]) != 0) continue;
        in->options.class = (enum intake_class)i;
        return 0;
    }
    return err_code(err, ERR_INPUT, "bad_request", "priority is high, normal or low.");
}

static int option_ocr(struct intake *in, const char *value, struct err *err)
{
    const char *configured = settings_ocr(in->gateway->settings);
    if (strcmp(value, configured) != 0)
        return err_code(err, ERR_INPUT, "bad_request", "ocr_provider: only %s is configured.", configured);
    return 0;
}

int intake_option(struct intake *in, const char *name, const char *value, struct err *err)
{
    static const struct {
        const char *name;
        int (*take)(struct intake *in, const char *value, struct err *err);
    } known[] = {{"batch_id", option_batch},
                 {"idempotency_key", option_key},
                 {"priority", option_class},
                 {"ocr_provider", option_ocr}};
    if (!*value) return 0;
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (strcmp(name, known[i].name) == 0) return known[i].take(in, value, err);
    return 0; /* upload_mode and whatever else a form sends */
}

/* Everything of one request lives in one shard, since one script call opens it: the batch's, else one that a
 * repetition with the same key finds again. */
unsigned intake_shard(struct intake *in)
{
    const struct settings *s = in->gateway->settings;
    if (in->shard >= 0) return (unsigned)in->shard;
    if (s->shards == 1) {
        in->shard = 0;
    } else if (*in->options.batch) {
        in->shard = (int)id_shard(in->options.batch);
    } else if (*in->options.key) {
        char text[40 + INTAKE_KEY_MAX], hex[DIGEST_HEX];
        const int len = snprintf(text, sizeof text, "%s:%s", in->owner, in->options.key);
        digest_hex(text, (size_t)len, hex);
        hex[7] = '\0';
        in->shard = (int)(strtoul(hex, NULL, 16) % (unsigned long)s->shards);
    } else {
        in->shard = (int)batch_any_shard(s);
    }
    return (unsigned)in->shard;
}

/* --- one file --- */

static void leave_file(struct intake *in)
{
    blob_abort(&in->writer);
    if (in->digest) digest_end(&in->digest, NULL);
    in->part = PART_BAD_FILE;
}

/* The file is refused, the request goes on. */
static int refuse_file(struct intake *in, const char *code, const char *why)
{
    char text[FILENAME_BYTES + 160];
    leave_file(in);
    snprintf(text, sizeof text, "%s: %s", in->file.name, why);
    json_array_append_new(in->errors, json_string(text));
    metric_add(&refused, code, 1);
    /* Of several reasons the one with a status of its own stands for all. */
    if (!*in->bad_code || strcmp(code, "too_large") == 0)
        snprintf(in->bad_code, sizeof in->bad_code, "%s", code);
    return 0;
}

static int open_blob(struct intake *in)
{
    char name[BLOB_NAME_MAX];
    batch_new_id(intake_shard(in), in->file.id);
    in->digest = digest_new();
    if (!in->digest) return err_set(&in->err, ERR_NOMEM, "out of memory");
    in->writer = blob_create(in->gateway->blobs, blob_upload_name(name, in->file.id), &in->err);
    return in->writer ? 0 : -1;
}

static int write_blob(struct intake *in, const void *data, size_t len)
{
    digest_add(in->digest, data, len);
    metric_add(&bytes_in, NULL, (int64_t)len);
    return blob_write(in->writer, data, len, &in->err);
}

/* Enough of the file is known to say what it is: begin to store it, or refuse it. */
static int judge(struct intake *in)
{
    const enum sniff_type type = sniff(in->head, in->head_len);
    if (type == SNIFF_UNKNOWN)
        return refuse_file(in, "unsupported_type",
                           "This is not a PDF, PNG, JPEG, TIFF, WebP, HEIC or Word file, whatever its name says.");
    in->file.mime = sniff_mime(type);
    return open_blob(in) == 0 ? write_blob(in, in->head, in->head_len) : -1;
}

static int too_large(struct intake *in)
{
    const int64_t max = in->gateway->settings->max_file_bytes;
    char why[80];
    snprintf(why, sizeof why, "The file is larger than %.4g MiB.", (double)max / (1024 * 1024));
    /* A file a little too large is read over, for the sake of the good ones that may follow; not a huge one.
     */
    if (in->file.size > 2 * max)
        return err_code(&in->err, ERR_LIMIT, "too_large", "%s: %s", in->file.name, why);
    return in->part == PART_FILE ? refuse_file(in, "too_large", why) : 0;
}

static int count_file(struct intake *in)
{
    const int max = (int)in->gateway->settings->max_files;
    if (in->n_parts++ < max) return 0;
    return err_code(&in->err, ERR_LIMIT, "too_many_files", "There are more than %d files in one request.", max);
}

static int file_data(struct intake *in, const char *data, size_t len)
{
    if (in->nameless && in->file.size == 0 && count_file(in) == -1) return -1;
    in->file.size += (int64_t)len;
    if (in->file.size > in->gateway->settings->max_file_bytes) return too_large(in);
    if (in->part == PART_BAD_FILE) return 0;
    if (in->writer) return write_blob(in, data, len);
    const size_t room = sizeof in->head - in->head_len, take = len < room ? len : room;
    memcpy(in->head + in->head_len, data, take);
    in->head_len += take;
    if (in->head_len < sizeof in->head) return 0;
    if (judge(in) == -1) return -1;
    return in->writer && take < len ? write_blob(in, data + take, len - take) : 0;
}

static int file_end(struct intake *in)
{
    if (in->part == PART_BAD_FILE) return 0;
    if (in->file.size == 0 && in->nameless) return 0;
    if (in->file.size == 0) return refuse_file(in, "empty_file", "The file is empty.");
    if (!in->writer && judge(in) == -1) return -1;
    if (!in->writer) return 0;
    if (blob_commit(&in->writer, &in->err) == -1) return -1;
    FAULT(upload_stored);
    digest_end(&in->digest, in->file.digest);
    in->files[in->n_files++] = in->file;
    return 0;
}

/* --- the parser's calls --- */

static int on_begin(void *user, const struct multipart_part *part)
{
    struct intake *in = user;
    snprintf(in->field, sizeof in->field, "%s", part->name);
    in->value_len = 0;
    in->part = part->filename ? PART_FILE : PART_FIELD;
    if (!part->filename) return 0;
    in->nameless = !*part->filename;
    if (!in->nameless && count_file(in) == -1) return -1;
    in->file = (struct intake_file){0};
    in->head_len = 0;
    filename_clean(part->filename, in->file.name);
    if (in->n_files % 16 == 0) {
        struct intake_file *more = realloc(in->files, (size_t)(in->n_files + 16) * sizeof *more);
        if (!more) return err_set(&in->err, ERR_NOMEM, "out of memory");
        in->files = more;
    }
    return 0;
}

static int on_data(void *user, const void *data, size_t len)
{
    struct intake *in = user;
    if (in->part != PART_FIELD) return file_data(in, data, len);
    if (in->value_len + len > FIELD_MAX)
        return err_code(&in->err, ERR_INPUT, "bad_request", "The field %.60s is too long.", in->field);
    memcpy(in->value + in->value_len, data, len);
    in->value_len += len;
    return 0;
}

static int on_end(void *user)
{
    struct intake *in = user;
    const enum part part = in->part;
    int rc;
    if (part == PART_FIELD) {
        in->value[in->value_len] = '\0';
        rc = intake_option(in, in->field, in->value, &in->err);
    } else {
        rc = file_end(in);
    }
    in->part = PART_NONE;
    return rc;
}

/* --- the whole --- */

struct intake *intake_new(struct gateway *g, const char *owner)
{
    struct intake *in = calloc(1, sizeof *in);
    if (!in) return NULL;
    in->gateway = g;
    in->shard = -1;
    in->options.class = INTAKE_NORMAL;
    in->sink = (struct multipart_sink){on_begin, on_data, on_end, in};
    in->errors = json_array();
    snprintf(in->owner, sizeof in->owner, "%s", owner);
    return in;
}

void intake_destroy(struct intake **intake)
{
    struct intake *in = *intake;
    char name[BLOB_NAME_MAX];
    if (!in) return;
    leave_file(in);
    /* A blob that cannot be dropped now is swept by its age. */
    for (int i = 0; i < in->n_files && !in->given_away; i++)
        (void)blob_drop(in->gateway->blobs, blob_upload_name(name, in->files[i].id), NULL);
    if (*in->err.code) metric_add(&refused, in->err.code, 1);
    json_decref(in->errors);
    free(in->files);
    free(in);
    *intake = NULL;
}

void intake_give_away(struct intake *in)
{
    in->given_away = true;
}

const struct multipart_sink *intake_sink(struct intake *in)
{
    return &in->sink;
}

const struct err *intake_error(const struct intake *in)
{
    return &in->err;
}

const struct intake_options *intake_options(const struct intake *in)
{
    return &in->options;
}

const struct intake_file *intake_files(const struct intake *in, int *n)
{
    *n = in->n_files;
    return in->files;
}

json_t *intake_errors(const struct intake *in)
{
    return in->errors;
}

const char *intake_bad_code(const struct intake *in)
{
    return in->bad_code;
}
