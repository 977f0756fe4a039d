/* What the answers of an S3 server mean. Pure. */
#include <stdio.h>
#include <string.h>
#include "lib/auto.h"
#include "lib/clock.h"
#include "lib/s3.h"

/* The text of the first element `name` from `xml` on, as long as it ends before `end` (NULL: anywhere); false when there is none. */
static bool element(const char *xml, const char *name, const char *end, char *out, size_t room)
{
    char open[32], close[32];
    (void)snprintf(open, sizeof open, "<%s>", name);
    (void)snprintf(close, sizeof close, "</%s>", name);
    const char *from = xml ? strstr(xml, open) : NULL, *to = from ? strstr(from, close) : NULL;
    if (!to || (end && to > end)) return false;
    from += strlen(open);
    return snprintf(out, room, "%.*s", (int)(to - from), from) < (int)room;
}

static const struct {
    const char *code;
    enum err_kind kind;
    const char *text;
} rows[] = {
    {"NoSuchKey", ERR_INPUT, "There is no such object."},
    {"NoSuchBucket", ERR_CONFIG, "S3 has no such bucket: check SHEAF_S3_BUCKET and SHEAF_S3_REGION"},
    {"InvalidAccessKeyId", ERR_CONFIG, "S3 does not know the key: check AWS_ACCESS_KEY_ID"},
    {"SignatureDoesNotMatch", ERR_CONFIG, "S3 does not accept the signature: check AWS_SECRET_ACCESS_KEY and SHEAF_S3_REGION"},
    {"ExpiredToken", ERR_CONFIG, "S3: the session token has expired: renew AWS_SESSION_TOKEN"},
    {"AccessDenied", ERR_CONFIG, "S3 does not allow this key to do that: check the bucket's policy"},
    {"RequestTimeTooSkewed", ERR_CONFIG, "S3: this machine's clock is wrong by more than 15 minutes"},
    {"AuthorizationHeaderMalformed", ERR_CONFIG, "S3: wrong region: check SHEAF_S3_REGION"},
    {"PermanentRedirect", ERR_CONFIG, "S3: the bucket is in another region: check SHEAF_S3_REGION and SHEAF_S3_ENDPOINT"},
    {"OperationAborted", ERR_UNAVAILABLE, "S3: two changed the bucket at once"},
    {"EntityTooLarge", ERR_LIMIT, "S3 does not take a file of this size"},
    {"BadDigest", ERR_UNAVAILABLE, "S3: the file arrived damaged"},
    {"XAmzContentSHA256Mismatch", ERR_UNAVAILABLE, "S3: the file arrived damaged"},
    {"RequestTimeout", ERR_UNAVAILABLE, "S3: the connection was too slow"},
};

static int judge_code(const char *code, struct err *err)
{
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        if (strcmp(code, rows[i].code) != 0) continue;
        const char *stable = rows[i].kind == ERR_CONFIG ? "provider_refused" : rows[i].kind == ERR_LIMIT ? "too_large"
                             : rows[i].kind == ERR_INPUT ? "not_found" : "";
        return err_code(err, rows[i].kind, stable, "%s", rows[i].text);
    }
    return 0;
}

int s3_judge(const struct httpc_answer *answer, void *user, struct err *err)
{
    (void)user;
    char code[48] = "";
    /* A call about many objects may fail for some of them and still be a 200. */
    const char *error = answer->body.data ? strstr(answer->body.data, "<Error>") : NULL;
    if (answer->status / 100 == 2 && !error) return 0;
    (void)element(error, "Code", NULL, code, sizeof code);
    if (answer->status == 404 && !*code) strcpy(code, "NoSuchKey");     /* the answer to a HEAD has no body */
    int rc = judge_code(code, err);
    if (rc == 0 && answer->status / 100 == 2) rc = err_set(err, ERR_UNAVAILABLE, S3_TITLE " could not do all that it was asked");
    if (rc == 0) rc = provider_judge_status(S3_TITLE, answer, err);
    if (err) err->sys = answer->status;
    return rc;
}

int s3_list_read(const char *xml, int (*each)(void *user, const struct s3_entry *entry), void *user)
{
    char key[S3_KEY_MAX], at[40];
    if (!strstr(xml, "<ListBucketResult")) return -1;
    for (const char *one = xml; (one = strstr(one, "<Contents>")); one++) {
        const char *end = strstr(one, "</Contents>");
        struct s3_entry entry = {.key = key};
        if (!end) return -1;
        /* One that is longer than ours, or has characters that ours do not have, is none of ours. */
        if (!element(one, "Key", end, key, sizeof key) || strchr(key, '&')) continue;
        if (!element(one, "LastModified", end, at, sizeof at) || clock_parse_rfc3339(at, &entry.modified_ms) == -1) entry.modified_ms = 0;
        if (each(user, &entry) == -1) return -1;
    }
    return 0;
}
