#include "notify-svc/mail_settings.h"

#include <stdio.h>
#include <string.h>

#define GMAIL_HOST "smtp.gmail.com" /* what the old application had built in */
#define GMAIL_PORT 587
#define TLS_PORT   465 /* RFC 8314: TLS from the first byte */

static const char *account(const struct settings *s)
{
    if (s->smtp_user && strchr(s->smtp_user, '@')) return s->smtp_user;
    return s->email;
}

int mail_people_read(const struct settings *s, struct mail_people *out, struct err *err)
{
    struct mail_people people = {0};
    const char *from = s->from_email ? s->from_email : s->smtp_from ? s->smtp_from : account(s);
    if (mailbox_list("FROM_EMAIL", from ? from : "sheaf@localhost", &people.from, 1, err) == -1) return -1;
    /* Nobody named: whoever set up the account reads its mailbox, which a sender's name alone (noreply@…) need not have. */
    const char *to = s->notify_to ? s->notify_to : account(s) ? account(s) : from ? from : "owner@localhost";
    people.n_to = mailbox_list("SHEAF_NOTIFY_TO", to, people.to, MAILBOXES_MAX, err);
    if (people.n_to == -1) return -1;
    *out = people;
    return 0;
}

static int check_text(const char *name, const char *text, struct err *err)
{
    for (; text && *text; text++)
        if ((unsigned char)*text < 0x20 || *text == 0x7f)
            return err_set(err, ERR_CONFIG, "%s has a line break or another control character", name);
    return 0;
}

/* Google shows an application password in four groups, and people paste them as they see them. */
static int without_blanks(const char *text, char *out, size_t room, struct err *err)
{
    size_t n = 0;
    for (; *text; text++) {
        if (*text == ' ') continue;
        if (n + 1 >= room) return err_set(err, ERR_CONFIG, "GMAIL_PASSWORD is too long");
        out[n++] = *text;
    }
    out[n] = '\0';
    return 0;
}

static int read_gmail(const struct settings *s, struct mail_server *m, struct err *err)
{
    if (!s->email || !s->gmail_password)
        return err_set(err, ERR_CONFIG, "SHEAF_NOTIFY=smtp needs SMTP_HOST, or EMAIL and GMAIL_PASSWORD");
    if (without_blanks(s->gmail_password, m->password, sizeof m->password, err) == -1) return -1;
    m->server = (struct smtpc_server){
        .host = GMAIL_HOST, .port = GMAIL_PORT, .tls = SMTPC_STARTTLS, .user = s->email, .password = m->password};
    return 0;
}

static int read_smtp(const struct settings *s, struct mail_server *m, struct err *err)
{
    m->server = (struct smtpc_server){.host = s->smtp_host,
                                      .port = (int)s->smtp_port,
                                      .tls = s->smtp_port == TLS_PORT ? SMTPC_TLS : s->smtp_use_tls ? SMTPC_STARTTLS : SMTPC_PLAIN,
                                      .user = s->smtp_user,
                                      .password = s->smtp_pass ? s->smtp_pass : s->smtp_password};
    if (m->server.host[strcspn(m->server.host, "/@?#[] \t")])
        return err_set(err, ERR_CONFIG, "SMTP_HOST: \"%.60s\" is not the name of a host", m->server.host);
    if (m->server.user && !m->server.password) return err_set(err, ERR_CONFIG, "SMTP_USER is given without SMTP_PASS");
    if (m->server.password && !m->server.user) return err_set(err, ERR_CONFIG, "SMTP_PASS is given without SMTP_USER");
    if (m->server.tls == SMTPC_PLAIN && m->server.password && !settings_is_loopback(m->server.host))
        return err_set(err, ERR_CONFIG,
                       "SMTP_USE_TLS=no would send the password to %.60s in clear text; leave it out, or the password",
                       m->server.host);
    return 0;
}

int mail_server_read(const struct settings *s, const struct mailbox *from, struct mail_server *out, struct err *err)
{
    if (check_text("SMTP_HOST", s->smtp_host, err) == -1 || check_text("SMTP_USER", s->smtp_user, err) == -1 ||
        check_text("SMTP_PASS", s->smtp_pass, err) == -1 || check_text("SMTP_PASSWORD", s->smtp_password, err) == -1 ||
        check_text("EMAIL", s->email, err) == -1 || check_text("GMAIL_PASSWORD", s->gmail_password, err) == -1)
        return -1;
    if ((s->smtp_host ? read_smtp : read_gmail)(s, out, err) == -1) return -1;
    out->server.ca_file = s->smtp_ca_file;
    /* A host's own name is often none that the world knows, a pod's never: the sender's domain stands for us. */
    const char *domain = strchr(from->address, '@') + 1;
    (void)snprintf(out->hello, sizeof out->hello, "%s", strchr(domain, '.') ? domain : "localhost.localdomain");
    out->server.hello = out->hello;
    return 0;
}
