/* s3_judge: what the answers of an S3 server mean. Pure. */
#include <stdio.h>
#include <string.h>
#include "persist-svc/providers/s3.h"

/* The text of <Code> in an error's XML; "" when there is none. */
static void code_of(const struct httpc_answer *answer, char out[48])
{
    const char *begin = answer->body.data ? strstr(answer->body.data, "<Code>") : NULL;
    const char *end = begin ? strstr(begin, "</Code>") : NULL;
    out[0] = '\0';
    if (end) (void)snprintf(out, 48, "%.*s", (int)(end - begin - 6), begin + 6);
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
    {"EntityTooLarge", ERR_LIMIT, "S3 does not take a file of this size"},
    {"BadDigest", ERR_UNAVAILABLE, "S3: the file arrived damaged"},
    {"XAmzContentSHA256Mismatch", ERR_UNAVAILABLE, "S3: the file arrived damaged"},
    {"RequestTimeout", ERR_UNAVAILABLE, "S3: the connection was too slow"},
};

int s3_judge(const struct httpc_answer *answer, void *user, struct err *err)
{
    (void)user;
    char code[48];
    if (answer->status / 100 == 2) return 0;
    code_of(answer, code);
    if (answer->status == 404 && !*code) strcpy(code, "NoSuchKey");
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < sizeof rows / sizeof *rows; i++) {
        if (strcmp(code, rows[i].code) != 0) continue;
        if (rows[i].kind == ERR_INPUT)
            rc = err_code(err, ERR_INPUT, "not_found", "%s", rows[i].text);
        else if (rows[i].kind == ERR_LIMIT)
            rc = err_code(err, ERR_LIMIT, "too_large", "%s", rows[i].text);
        else
            rc = err_code(err, rows[i].kind, rows[i].kind == ERR_CONFIG ? "provider_refused" : "", "%s", rows[i].text);
    }
    if (rc == 0) rc = provider_judge_status(S3_TITLE, answer, err);
    if (err) err->sys = answer->status;
    return rc;
}
