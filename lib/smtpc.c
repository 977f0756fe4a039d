#include "lib/smtpc.h"

#include <ctype.h>
#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/buf.h"
#include "lib/clock.h"
#include "lib/curl_once.h"

#define REPLY_S 3600L /* curl's own for one reply, 120 s, would cut off ours */

struct smtpc {
    CURL *curl;
    enum smtpc_tls tls;
    char *url, *user, *password, *ca_file;
    char reason[CURL_ERROR_SIZE];
};

/* One mail while it is sent. */
struct sending {
    const struct smtpc_mail *mail;
    size_t given;
    int64_t until_ms; /* of clock_ms() */
    bool begun, broken_off, too_late;
    char status[SMTPC_STATUS_MAX]; /* of the last reply */
};

static char *copy(const char *text)
{
    return text ? strdup(text) : NULL;
}

/* The path of the URL is what EHLO says. */
static char *address_of(const struct smtpc_server *s)
{
    struct buf b = BUF_INIT;
    const bool v6 = strchr(s->host, ':');
    buf_printf(&b, "%s://%s%s%s:%d/%s", s->tls == SMTPC_TLS ? "smtps" : "smtp", v6 ? "[" : "", s->host, v6 ? "]" : "", s->port,
               s->hello);
    return buf_take(&b, NULL);
}

smtpc_t *smtpc_new(const struct smtpc_server *s, struct err *err)
{
    smtpc_t *c = curl_once() ? calloc(1, sizeof *c) : NULL;
    if (c) {
        c->curl = curl_easy_init();
        c->tls = s->tls;
        c->url = address_of(s);
        c->user = copy(s->user);
        c->password = copy(s->password);
        c->ca_file = copy(s->ca_file);
        if (c->curl && c->url && !c->user == !s->user && !c->password == !s->password && !c->ca_file == !s->ca_file) return c;
    }
    smtpc_destroy(&c);
    err_set(err, ERR_NOMEM, "no memory for an SMTP client");
    return NULL;
}

void smtpc_destroy(smtpc_t **c)
{
    if (!*c) return;
    if ((*c)->curl) curl_easy_cleanup((*c)->curl);
    free((*c)->url);
    free((*c)->user);
    free((*c)->password);
    free((*c)->ca_file);
    free(*c);
    *c = NULL;
}

void smtpc_status(const char *line, size_t len, char out[SMTPC_STATUS_MAX])
{
    size_t n = 3;
    *out = '\0';
    if (len < 3 || !isdigit((unsigned char)line[0]) || !isdigit((unsigned char)line[1]) || !isdigit((unsigned char)line[2])) return;
    if (len > 5 && (line[3] == ' ' || line[3] == '-') && line[4] == line[0] && line[5] == '.')
        for (n = 4; n < len && n < SMTPC_STATUS_MAX - 1 && (isdigit((unsigned char)line[n]) || line[n] == '.');) n++;
    memcpy(out, line, n);
    if (n > 3) out[3] = ' ';
    out[n] = '\0';
}

static size_t on_reply(char *data, size_t size, size_t n, void *user)
{
    struct sending *s = user;
    bool refused = s->status[0] >= '4'; /* behind a refusal comes the answer to QUIT, which says nothing */
    if (!refused) smtpc_status(data, size * n, s->status);
    return size * n;
}

static size_t on_read(char *out, size_t size, size_t n, void *user)
{
    struct sending *s = user;
    if (!s->begun) {
        s->begun = true;
        s->until_ms = s->mail->answer_ms;
        s->broken_off = s->mail->begin && s->mail->begin(s->mail->user) == -1;
    }
    if (s->broken_off) return CURL_READFUNC_ABORT;
    size_t left = s->mail->len - s->given, take = size * n < left ? size * n : left;
    memcpy(out, (const char *)s->mail->data + s->given, take);
    s->given += take;
    return take;
}

static size_t no_data(char *data, size_t size, size_t n, void *user)
{
    (void)data, (void)user;
    return size * n;
}

/* In place of curl's own timeout, which would be one for all that is said. Called once a second at least. */
static int on_progress(void *user, curl_off_t down_all, curl_off_t down, curl_off_t up_all, curl_off_t up)
{
    struct sending *s = user;
    (void)down_all, (void)down, (void)up_all, (void)up;
    s->too_late = clock_ms() >= s->until_ms;
    return s->too_late;
}

static void set_options(smtpc_t *c, struct sending *s)
{
    CURL *curl = c->curl;
    const int64_t left_ms = s->until_ms - clock_ms();
    curl_easy_reset(curl); /* forgets options, keeps the connection */
    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, c->reason);
    curl_easy_setopt(curl, CURLOPT_URL, c->url);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "smtp,smtps");
    curl_easy_setopt(curl, CURLOPT_PROXY, ""); /* proxies of the environment are for HTTP */
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, on_progress);
    curl_easy_setopt(curl, CURLOPT_XFERINFODATA, s);
    curl_easy_setopt(curl, CURLOPT_SERVER_RESPONSE_TIMEOUT, REPLY_S);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, (long)(left_ms < 1 ? 1 : left_ms < INT32_MAX ? left_ms : INT32_MAX)); /* greeting and login, too */
    /* ALL, never TRY, which goes on in clear text, password included, where a server or somebody between hides STARTTLS. */
    curl_easy_setopt(curl, CURLOPT_USE_SSL, (long)(c->tls == SMTPC_PLAIN ? CURLUSESSL_NONE : CURLUSESSL_ALL));
    curl_easy_setopt(curl, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    if (c->ca_file) curl_easy_setopt(curl, CURLOPT_CAINFO, c->ca_file);
    if (c->user) {
        curl_easy_setopt(curl, CURLOPT_USERNAME, c->user);
        curl_easy_setopt(curl, CURLOPT_PASSWORD, c->password ? c->password : "");
    }
    curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, on_reply);
    curl_easy_setopt(curl, CURLOPT_HEADERDATA, s);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, no_data);
}

/* RFC 3463: X.2.2 is a mailbox that is full; 552 without a further code has meant that since RFC 821. */
static bool is_full(const char *status)
{
    return strcmp(status, "552") == 0 || strcmp(status + strcspn(status, "."), ".2.2") == 0;
}

/* What the server said counts more than what curl calls it: one and the same CURLcode stands for 4xx and 5xx. */
static int explain_reply(const struct sending *s, CURLcode code, long reply, struct err *err)
{
    const char *status = s->status[0] ? s->status : "no code";
    if (code == CURLE_LOGIN_DENIED && (reply < 400 || reply >= 500))
        err_code(err, ERR_CONFIG, "provider_refused", "The mail server does not accept the user and password (%s).", status);
    else if (is_full(status) && reply >= 500)
        err_code(err, ERR_INPUT, "provider_refused", "The receiver's mailbox is full (%s): once there is room, kick the message.", status);
    else if (is_full(status))
        err_set(err, ERR_UNAVAILABLE, "The receiver's mailbox is full (%s): there must be room in it first.", status);
    else if (reply >= 500)
        err_code(err, ERR_INPUT, "provider_refused", "The mail server refused the message for this address (%s).", status);
    else
        err_set(err, ERR_UNAVAILABLE, "The mail server cannot take the message now (%s).", status);
    if (err) err->sys = (int)reply;
    return -1;
}

static int explain(const smtpc_t *c, const struct sending *s, CURLcode code, struct err *err)
{
    long reply = 0;
    curl_easy_getinfo(c->curl, CURLINFO_RESPONSE_CODE, &reply);
    if (s->broken_off) return err_set(err, ERR_CANCELLED, "the mail was broken off");
    if (reply >= 400 || code == CURLE_LOGIN_DENIED) return explain_reply(s, code, reply, err);
    if (s->too_late) return err_set(err, ERR_TIMEOUT, "The mail server did not answer in time.");
    const char *why = c->reason[0] ? c->reason : curl_easy_strerror(code);
    switch (code) {
    case CURLE_OUT_OF_MEMORY:
        return err_set(err, ERR_NOMEM, "no memory for a mail");
    case CURLE_USE_SSL_FAILED:
        return err_code(err, ERR_CONFIG, "provider_refused",
                        "The mail server does not offer encryption (STARTTLS), and without it nothing is sent.");
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_URL_MALFORMAT:
        return err_code(err, ERR_CONFIG, "provider_refused", "The mail server: %.150s", why);
    default:
        break;
    }
    return err_set(err, ERR_UNAVAILABLE, "The mail server: %.150s", why);
}

static int run(smtpc_t *c, const struct sending *s, struct err *err)
{
    c->reason[0] = '\0';
    CURLcode code = curl_easy_perform(c->curl);
    return code == CURLE_OK ? 0 : explain(c, s, code, err);
}

static int check_time(int64_t deadline_ms, struct err *err)
{
    return clock_ms() < deadline_ms ? 0 : err_set(err, ERR_TIMEOUT, "the deadline had passed before the mail");
}

int smtpc_send(smtpc_t *c, const struct smtpc_mail *mail, bool *in_doubt, struct err *err)
{
    struct sending s = {.mail = mail, .until_ms = mail->deadline_ms};
    struct err why = {0};
    *in_doubt = false;
    if (check_time(mail->deadline_ms, err) == -1) return -1;
    struct curl_slist *to = curl_slist_append(NULL, mail->to);
    if (!to) return err_set(err, ERR_NOMEM, "no memory for a mail");
    set_options(c, &s);
    curl_easy_setopt(c->curl, CURLOPT_MAIL_FROM, mail->from);
    curl_easy_setopt(c->curl, CURLOPT_MAIL_RCPT, to);
    curl_easy_setopt(c->curl, CURLOPT_UPLOAD, 1L);
    curl_easy_setopt(c->curl, CURLOPT_READFUNCTION, on_read);
    curl_easy_setopt(c->curl, CURLOPT_READDATA, &s);
    int rc = run(c, &s, &why);
    curl_slist_free_all(to);
    *in_doubt = rc == -1 && s.begun && !s.broken_off && why.sys < 400;
    if (rc == -1 && err) *err = why;
    return rc;
}

/* One command, of which libcurl decodes %XX. */
static int say(smtpc_t *c, const char *verb, const char *address, int64_t deadline_ms, struct err *err)
{
    struct sending s = {.until_ms = deadline_ms};
    struct buf command = BUF_INIT;
    long reply = 0;
    if (check_time(deadline_ms, err) == -1) return -1;
    buf_puts(&command, verb);
    if (address) buf_putc(&command, '<');
    for (const char *at = address; at && *at; at++)
        if (*at == '%')
            buf_puts(&command, "%25");
        else
            buf_putc(&command, *at);
    if (address) buf_putc(&command, '>');
    if (command.bad) return err_set(err, ERR_NOMEM, "no memory for a mail");
    set_options(c, &s);
    curl_easy_setopt(c->curl, CURLOPT_NOBODY, 1L);
    curl_easy_setopt(c->curl, CURLOPT_CUSTOMREQUEST, command.data);
    int rc = run(c, &s, err);
    buf_done(&command);
    curl_easy_getinfo(c->curl, CURLINFO_RESPONSE_CODE, &reply);
    return rc == 0 && reply >= 400 ? explain_reply(&s, CURLE_OK, reply, err) : rc; /* 553 is a success to libcurl */
}

int smtpc_probe(smtpc_t *c, int64_t deadline_ms, struct err *err)
{
    return say(c, "NOOP", NULL, deadline_ms, err);
}

int smtpc_rehearse(smtpc_t *c, const char *from, const char *to, int64_t deadline_ms, struct err *err)
{
    if (say(c, "MAIL FROM:", from, deadline_ms, err) == -1 || say(c, "RCPT TO:", to, deadline_ms, err) == -1) return -1;
    return say(c, "RSET", NULL, deadline_ms, err);
}
