/* smtp: mails by an SMTP server, one transfer for each recipient.
 *
 * The claim is taken when the server waits for the message's text, so that what can still fail before (name, TLS, login,
 * recipient) leaves nothing in doubt. Connections are kept for the next mail. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "lib/clock.h"
#include "lib/smtpc.h"
#include "notify-svc/mail_settings.h"
#include "notify-svc/providers/providers.h"

#define SEND_MS   30000 /* until the server waits for the message: greeting, TLS and all; some greet slowly on purpose */
#define KEPT_MOST 4

struct smtp {
    struct mail_server to;
    struct mail_people people; /* for a look alone: a mail says itself who receives it */
    pthread_mutex_t lock; /* guards kept */
    smtpc_t *kept[KEPT_MOST];
    int n_kept;
};

static int smtp_open(void **state, const struct settings *settings, struct err *err)
{
    struct smtp *s = calloc(1, sizeof *s);
    if (!s) return err_set(err, ERR_NOMEM, "out of memory");
    if (mail_people_read(settings, &s->people, err) == -1 || mail_server_read(settings, &s->people.from, &s->to, err) == -1) {
        free(s);
        return -1;
    }
    pthread_mutex_init(&s->lock, NULL);
    *state = s;
    return 0;
}

static void smtp_close(void **state)
{
    struct smtp *s = *state;
    if (!s) return;
    while (s->n_kept) smtpc_destroy(&s->kept[--s->n_kept]);
    pthread_mutex_destroy(&s->lock);
    free(s);
    *state = NULL;
}

static smtpc_t *take(struct smtp *s, struct err *err)
{
    smtpc_t *c = NULL;
    pthread_mutex_lock(&s->lock);
    if (s->n_kept) c = s->kept[--s->n_kept];
    pthread_mutex_unlock(&s->lock);
    return c ? c : smtpc_new(&s->to.server, err);
}

static void put(struct smtp *s, smtpc_t **c)
{
    pthread_mutex_lock(&s->lock);
    if (s->n_kept < KEPT_MOST) {
        s->kept[s->n_kept++] = *c;
        *c = NULL;
    }
    pthread_mutex_unlock(&s->lock);
    smtpc_destroy(c);
}

struct claiming {
    struct claim *claim;
    struct err why; /* of a claim that was not given */
};

static int on_begin(void *user)
{
    struct claiming *c = user;
    return claim_take(c->claim, &c->why);
}

static int smtp_send(void *state, const struct mail *mail, int64_t deadline_ms, struct err *err)
{
    struct smtp *s = state;
    struct claiming claiming = {.claim = mail->claim};
    bool in_doubt;
    int64_t mine_ms = clock_ms() + SEND_MS;
    smtpc_t *c = take(s, err);
    if (!c) return -1;
    const struct smtpc_mail out = {.from = mail->from,
                                   .to = mail->to,
                                   .data = mail->data,
                                   .len = mail->len,
                                   .deadline_ms = deadline_ms < mine_ms ? deadline_ms : mine_ms,
                                   .answer_ms = deadline_ms,
                                   .begin = on_begin,
                                   .user = &claiming};
    int rc = smtpc_send(c, &out, &in_doubt, err);
    put(s, &c);
    if (rc == -1 && claiming.why.kind != ERR_NONE && err) *err = claiming.why;
    if (rc == -1 && !in_doubt) claim_drop(mail->claim);
    return rc;
}

/* As far as RCPT, so that a mailbox that is gone or full shows before a mail is lost on it. */
static int rehearse(struct smtp *s, smtpc_t *c, int64_t deadline_ms, struct err *err)
{
    for (int i = 0; i < s->people.n_to; i++) {
        struct err why = {0};
        const char *to = s->people.to[i].address;
        if (smtpc_rehearse(c, s->people.from.address, to, deadline_ms, &why) == 0) continue;
        err_code(err, why.kind, why.code, "To %.60s: %.130s", to, why.text);
        return -1;
    }
    return 0;
}

static int smtp_probe(void *state, int64_t deadline_ms, char *text, size_t room, struct err *err)
{
    static const char *const how[] = {[SMTPC_PLAIN] = "plain text", [SMTPC_STARTTLS] = "STARTTLS", [SMTPC_TLS] = "TLS"};
    struct smtp *s = state;
    const struct smtpc_server *to = &s->to.server;
    smtpc_t *c = take(s, err);
    if (!c) return -1;
    int rc = smtpc_probe(c, deadline_ms, err);
    if (rc == 0) rc = rehearse(s, c, deadline_ms, err);
    smtpc_destroy(&c); /* with a QUIT */
    if (rc == 0)
        (void)snprintf(text, room, "smtp: %.80s:%d, %s, %s", to->host, to->port, how[to->tls],
                       to->user ? "logged in" : "without a login");
    return rc;
}

const struct channel channel_smtp = {.name = "smtp",
                                     .remote = true,
                                     .per_recipient = true,
                                     .open = smtp_open,
                                     .send = smtp_send,
                                     .probe = smtp_probe,
                                     .close = smtp_close};
