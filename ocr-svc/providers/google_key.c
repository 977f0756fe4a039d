/* Credentials of Google Vision, and the grant that turns a service account into a token. */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>
#include "lib/auto.h"
#include "lib/base64.h"
#include "lib/rs256.h"
#include "ocr-svc/providers/google.h"

#define FILE_MAX      65536
#define SCOPE         "https://www.googleapis.com/auth/cloud-vision"
#define TOKEN_URI     "https://oauth2.googleapis.com/token"
#define LIFE_S        3600 /* the most that Google takes */

#define BY_B64  "GOOGLE_CLOUD_VISION_CREDENTIALS_B64"
#define BY_PATH "GOOGLE_APPLICATION_CREDENTIALS"
#define BY_JSON "GOOGLE_CLOUD_VISION_CREDENTIALS_JSON"

void google_key_done(struct google_key *key)
{
    free(key->api_key);
    free(key->email);
    free(key->key_id);
    free(key->private_key);
    free(key->token_uri);
    *key = (struct google_key){0};
}

static char *copy_text(const json_t *object, const char *name, const char *otherwise)
{
    const char *text = json_string_value(json_object_get(object, name));
    if (!text || !*text) text = otherwise;
    return text ? strdup(text) : NULL;
}

/* Some ways into the environment escape the line breaks twice. */
static void unescape_lines(char *pem)
{
    char *to = pem;
    for (const char *from = pem; from && *from;) {
        if (from[0] == '\\' && from[1] == 'n') {
            *to++ = '\n';
            from += 2;
        } else {
            *to++ = *from++;
        }
    }
    if (to) *to = '\0';
}

static int not_json(const char *json, const char *name, struct err *err)
{
    json += strspn(json, " \t\r\n");
    if (*json == '{')
        return err_set(err, ERR_CONFIG,
                       "%s begins like JSON but ends too early: a shell cuts an unquoted value at its first line "
                       "break. Use " BY_PATH ", or base64 in " BY_B64,
                       name);
    return err_set(err, ERR_CONFIG, "%s is not the JSON of a service account", name);
}

int google_key_parse(const char *json, const char *name, struct google_key *key, struct err *err)
{
    json_t *account = json_loads(json, 0, NULL);
    if (!json_is_object(account)) {
        json_decref(account);
        return not_json(json, name, err);
    }
    *key = (struct google_key){.email = copy_text(account, "client_email", NULL),
                               .key_id = copy_text(account, "private_key_id", ""),
                               .private_key = copy_text(account, "private_key", NULL),
                               .token_uri = copy_text(account, "token_uri", TOKEN_URI)};
    json_decref(account);
    if (!key->email || !key->private_key) {
        google_key_done(key);
        return err_set(err, ERR_CONFIG, "%s: client_email or private_key is missing; it must be a service account's",
                       name);
    }
    unescape_lines(key->private_key);
    AUTO(buf_done) struct buf trial = BUF_INIT;
    struct err why;
    if (rs256_sign(key->private_key, "x", 1, &trial, &why) == 0) return 0;
    google_key_done(key);
    return err_set(err, ERR_CONFIG, "%s: %s", name, why.text);
}

static int parse_base64(const char *text, struct google_key *key, struct err *err)
{
    AUTO(buf_done) struct buf json = BUF_INIT;
    if (text[strspn(text, " \t\r\n")] == '{') return google_key_parse(text, BY_B64, key, err); /* meant well */
    if (base64_decode(text, strlen(text), &json) == -1 || strlen(json.data) != json.len)
        return err_set(err, ERR_CONFIG, BY_B64 " is not base64 (or was cut: a shell ends an unquoted value at its "
                                                "first line break; use `base64 -w0`)");
    return google_key_parse(json.data, BY_B64, key, err);
}

static int parse_file(const char *path, struct google_key *key, struct err *err)
{
    AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
    AUTO_FREE char *text = calloc(1, FILE_MAX + 1);
    ssize_t n = fd >= 0 && text ? read(fd, text, FILE_MAX) : -1;
    if (n == -1) return err_sys(err, ERR_CONFIG, errno, BY_PATH ": %.80s", path);
    return google_key_parse(text, BY_PATH, key, err);
}

int google_key_load(const struct settings *s, struct google_key *key, struct err *err)
{
    *key = (struct google_key){0};
    if (s->google_api_key) {
        key->api_key = strdup(s->google_api_key);
        return key->api_key ? 0 : err_set(err, ERR_NOMEM, "a key");
    }
    if (s->google_creds_b64) return parse_base64(s->google_creds_b64, key, err);
    if (s->google_creds_path) return parse_file(s->google_creds_path, key, err);
    if (s->google_creds_json) return google_key_parse(s->google_creds_json, BY_JSON, key, err);
    return err_set(err, ERR_CONFIG, "SHEAF_OCR=google needs credentials: " BY_PATH ", " BY_B64 ", " BY_JSON
                                    " or SHEAF_GOOGLE_API_KEY");
}

static void add_part(struct buf *token, json_t *part)
{
    AUTO_FREE char *text = part ? json_dumps(part, JSON_COMPACT) : NULL;
    json_decref(part);
    if (text)
        base64_url_add(token, text, strlen(text));
    else
        token->bad = true;
}

int google_grant_build(const struct google_key *key, int64_t now_s, struct buf *body, struct err *err)
{
    AUTO(buf_done) struct buf token = BUF_INIT;
    AUTO(buf_done) struct buf signature = BUF_INIT;
    add_part(&token, key->key_id[0] ? json_pack("{s:s,s:s,s:s}", "alg", "RS256", "typ", "JWT", "kid", key->key_id)
                                    : json_pack("{s:s,s:s}", "alg", "RS256", "typ", "JWT"));
    buf_putc(&token, '.');
    /* The audience is where the token is asked for; in production both of Google's habits coincide. */
    add_part(&token, json_pack("{s:s,s:s,s:s,s:I,s:I}", "iss", key->email, "scope", SCOPE, "aud", key->token_uri, "iat",
                               (json_int_t)now_s, "exp", (json_int_t)(now_s + LIFE_S)));
    if (token.bad) return err_set(err, ERR_NOMEM, "a token");
    if (rs256_sign(key->private_key, token.data, token.len, &signature, err) == -1) return -1;
    buf_puts(body, "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion=");
    buf_add(body, token.data, token.len);
    buf_putc(body, '.');
    base64_url_add(body, signature.data, signature.len);
    return body->bad || signature.bad ? err_set(err, ERR_NOMEM, "a token") : 0;
}

static int judge_refusal(int status, const char *error, struct err *err)
{
    static const char *const passing[] = {"internal_failure", "server_error", "temporarily_unavailable"};
    bool again = status == 408 || status == 500 || status == 502 || status == 503 || status == 504;
    for (size_t i = 0; i < COUNT_OF(passing); i++) again = again || strcmp(error, passing[i]) == 0;
    if (again)
        err_set(err, ERR_UNAVAILABLE, GOOGLE_TITLE ": Google's sign-in has trouble of its own (HTTP %d).", status);
    else if (strcmp(error, "invalid_grant") == 0)
        err_code(err, ERR_CONFIG, "provider_refused",
                 GOOGLE_TITLE ": the service account's key is not accepted (invalid_grant): it was deleted, or this "
                              "machine's clock is wrong. Make a new key, or set the clock.");
    else
        err_code(err, ERR_CONFIG, "provider_refused",
                 GOOGLE_TITLE ": Google's sign-in refuses the service account (HTTP %d). Check the credentials.", status);
    if (err) err->sys = status;
    return -1;
}

int google_grant_judge(const struct httpc_answer *answer, void *user, struct err *err)
{
    struct google_grant *grant = user;
    if (answer->status == 429) return provider_judge_status(GOOGLE_TITLE, answer, err);
    json_t *json = json_loadb(answer->body.data, answer->body.len, 0, NULL);
    const json_t *lives = json_object_get(json, "expires_in");
    const char *token = json_string_value(json_object_get(json, "access_token")),
               *error = json_string_value(json_object_get(json, "error"));
    int rc = 0;
    if (answer->status != 200) {
        rc = judge_refusal(answer->status, error ? error : "", err);
    } else if (!token || strpbrk(token, "\r\n")) {
        rc = err_set(err, ERR_UNAVAILABLE, GOOGLE_TITLE ": Google's sign-in gave no token.");
    } else {
        grant->token = strdup(token);
        grant->lives_s = json_is_string(lives) ? atoll(json_string_value(lives)) : json_integer_value(lives);
        if (!grant->token) rc = err_set(err, ERR_NOMEM, "a token");
    }
    json_decref(json);
    return rc;
}
