/* supabase_judge: what the answers of PostgREST and of Storage mean. Pure. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <jansson.h>
#include "lib/auto.h"
#include "lib/clock.h"
#include "lib/retry_after.h"
#include "persist-svc/providers/rpc.h"
#include "persist-svc/providers/supabase.h"

#define KEY_TEXT "does not accept the service key: check SUPABASE_SERVICE_ROLE_KEY (it may be revoked, expired or of another project)"

#define ADDRESS_TEXT "does not know the address it was asked at: check SUPABASE_URL"

static json_t *body_of(const struct httpc_answer *answer)
{
    json_t *body = json_loadb(answer->body.data ? answer->body.data : "", answer->body.len, 0, NULL);
    if (json_is_object(body)) return body;
    json_decref(body);
    return NULL;
}

static const char *text_of(const json_t *body, const char *name)
{
    const char *text = json_string_value(json_object_get(body, name));
    return text ? text : "";
}

static int mark(struct err *err, int status)
{
    if (err) err->sys = status;
    return -1;
}

static int unavailable(const char *title, int status, const struct httpc_answer *answer, struct err *err)
{
    /* Where it says how long, nothing is spent by waiting so long. */
    int64_t wait_ms = retry_after_of(answer->headers.data ? answer->headers.data : "", clock_wall_ms());
    if (wait_ms > 0) {
        err_set(err, ERR_THROTTLED, "Waiting for %s, which asked for a pause.", title);
        if (err) err->retry_after_ms = wait_ms;
    } else {
        err_set(err, ERR_UNAVAILABLE, "%s has trouble of its own (HTTP %d).", title, status);
    }
    return mark(err, status);
}

/* ---- PostgREST -------------------------------------------------------------------------------------------- */

static bool is_sqlstate(const char *code)
{
    size_t n = 0;
    for (; code[n]; n++)
        if (!isdigit((unsigned char)code[n]) && !isupper((unsigned char)code[n])) return false;
    return n == 5;
}

/* The database's own outage, though PostgREST gives it another HTTP status than 503, by which a provider's is known: it only takes
 * reads (a disk that is nearly full, a failover), has crashed, is starting up.  As over libpq (postgres_error.c) no task pays for it. */
static bool is_outage(const char *sqlstate)
{
    static const char *const outages[] = {"25006", "57P02", "57P03"};
    for (size_t i = 0; i < COUNT_OF(outages); i++)
        if (strcmp(sqlstate, outages[i]) == 0) return true;
    return false;
}

static int judge_pgrst(const char *code, const struct httpc_answer *answer, struct err *err)
{
    int number = atoi(code + 5);
    if (number <= 3) return unavailable(SUPABASE_RECORDS, answer->status, answer, err);
    if (number >= 300 && number < 400) return err_code(err, ERR_CONFIG, "provider_refused", SUPABASE_RECORDS " " KEY_TEXT " (%s)", code);
    if (number == 202 || number == 205 || number == 106 || number == 201 || number == 203)
        return err_code(err, ERR_CONFIG, "provider_refused", SUPABASE_RECORDS " lacks a table or function of Sheaf's: apply persist-svc/migrations/postgres (%s)", code);
    if (number == 125) return err_code(err, ERR_CONFIG, "provider_refused", SUPABASE_RECORDS " " ADDRESS_TEXT " (%s)", code);
    return err_code(err, ERR_INPUT, "provider_refused", SUPABASE_RECORDS " refused the request (%s)", code);
}

int supabase_judge_records(const struct httpc_answer *answer, void *user, struct err *err)
{
    (void)user;
    if (answer->status / 100 == 2) return 0;
    json_t *body = body_of(answer);
    const char *code = text_of(body, "code");
    int rc, status = is_outage(code) ? 503 : answer->status;
    if (answer->status == 503 && *code == '\0') {
        rc = unavailable(SUPABASE_RECORDS, 503, answer, err);
    } else if (strncmp(code, "PGRST", 5) == 0) {
        rc = judge_pgrst(code, answer, err);
    } else if (answer->status == 401 && strcmp(code, "22023") == 0) { /* the key names a role that does not exist */
        rc = err_code(err, ERR_CONFIG, "provider_refused", SUPABASE_RECORDS " " KEY_TEXT);
    } else if (strncmp(code, "PT", 2) == 0) { /* a function chose the HTTP status itself */
        rc = provider_judge_status(SUPABASE_RECORDS, answer, err);
    } else if (is_sqlstate(code)) {
        rc = rpc_sql_error(SUPABASE_RECORDS, code, err);
    } else {
        rc = provider_judge_status(SUPABASE_RECORDS, answer, err);
    }
    json_decref(body);
    return rc == -1 ? mark(err, status) : 0;
}

/* ---- Storage ------------------------------------------------------------------------------------------------ */

/* Nearly every refusal arrives as HTTP 400; the true status is a text in the body. */
static int true_status(const struct httpc_answer *answer, const json_t *body)
{
    const json_t *said = json_object_get(body, "statusCode");
    int status = json_is_string(said) ? atoi(json_string_value(said)) : (int)json_integer_value(said);
    return status >= 100 && status < 600 ? status : answer->status;
}

int supabase_judge_objects(const struct httpc_answer *answer, void *user, struct err *err)
{
    (void)user;
    if (answer->status / 100 == 2) return 0;
    json_t *body = body_of(answer);
    int status = true_status(answer, body);
    const char *code = text_of(body, "code"), *error = text_of(body, "error");
    bool bucket = strcmp(code, "NoSuchBucket") == 0 || strcmp(error, "Bucket not found") == 0;
    int rc;
    if (bucket)
        rc = err_code(err, ERR_CONFIG, "provider_refused", SUPABASE_OBJECTS " has no bucket \"essay-submissions\": make it in the project (not public)");
    else if (status == 404 && strncmp(text_of(body, "message"), "Route ", 6) == 0)
        rc = err_code(err, ERR_CONFIG, "provider_refused", SUPABASE_OBJECTS " " ADDRESS_TEXT);
    else if (status == 404 && (body || answer->body.len == 0))
        rc = err_code(err, ERR_INPUT, "not_found", "There is no such object.");
    else if (status == 401 || status == 403 || strcmp(code, "InvalidJWT") == 0 || strcmp(code, "InvalidRequest") == 0)
        rc = err_code(err, ERR_CONFIG, "provider_refused", SUPABASE_OBJECTS " " KEY_TEXT);
    else if (status == 413)
        rc = err_code(err, ERR_LIMIT, "too_large", SUPABASE_OBJECTS " does not take a file of this size: raise the bucket's limit");
    else if (status == 415)
        rc = err_code(err, ERR_CONFIG, "provider_refused", SUPABASE_OBJECTS " does not take this kind of file: allow it in the bucket's settings");
    else if (status == 423 || status >= 500)
        rc = unavailable(SUPABASE_OBJECTS, status, answer, err);
    else
        rc = provider_judge_status(SUPABASE_OBJECTS, &(struct httpc_answer){.status = status, .headers = answer->headers}, err);
    json_decref(body);
    return rc == -1 ? mark(err, status) : 0;
}

/* Who says OK to everything (a sign-in page on the way, another site at the address) has stored nothing. */
int supabase_judge_stored(const struct httpc_answer *answer, void *user, struct err *err)
{
    if (supabase_judge_objects(answer, user, err) == -1) return -1;
    json_t *body = body_of(answer);
    const bool receipt = *text_of(body, "Key");
    json_decref(body);
    return receipt ? 0 : err_set(err, ERR_UNAVAILABLE, SUPABASE_OBJECTS " gave no receipt for what it was sent: check SUPABASE_URL");
}
