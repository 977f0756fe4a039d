/* smtpc: mails to an SMTP server (RFC 5321), by libcurl.
 *
 * One smtpc_t per thread at a time; it keeps its connection between mails.  One mail goes to one receiver, so that a
 * refusal is about that one alone.  Where TLS is asked for it is demanded: a server that does not offer it gets
 * neither password nor mail.
 */
#ifndef SHEAF_SMTPC_H
#define SHEAF_SMTPC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "lib/err.h"

enum smtpc_tls { SMTPC_PLAIN, SMTPC_STARTTLS, SMTPC_TLS };

struct smtpc_server {
    const char *host;
    int port;
    enum smtpc_tls tls;
    const char *user, *password; /* NULL: no AUTH */
    const char *ca_file;         /* NULL: the system's */
    const char *hello;           /* what EHLO says */
};

struct smtpc_mail {
    const char *from, *to; /* addresses alone, without control characters: mailbox.h */
    const void *data;      /* RFC 5322, lines end with CRLF */
    size_t len;
    int64_t deadline_ms; /* a moment of clock_ms(): until then the server must wait for the message */
    int64_t answer_ms;   /* and until then have answered it; whoever is given up sooner than he answers has the message, and gets it again */
    /* Called once the server waits for the message (354), before its first byte.  -1 breaks off: nothing arrives. */
    int (*begin)(void *user);
    void *user;
};

typedef struct smtpc smtpc_t;
smtpc_t *smtpc_new(const struct smtpc_server *server, struct err *err); /* texts are copied */
void smtpc_destroy(smtpc_t **c);

/* 0: the server has taken the message.  -1: ERR_UNAVAILABLE or ERR_TIMEOUT (no answer, or a 4xx), ERR_INPUT (5xx: about this
 * mail), ERR_CONFIG (login, certificate, no TLS), ERR_CANCELLED (by begin); err->sys is the reply's code, 0 without
 * one.  *in_doubt: the message was said and no answer came, so it may have arrived.  No address is in the text. */
int smtpc_send(smtpc_t *c, const struct smtpc_mail *mail, bool *in_doubt, struct err *err);
/* Connects, says EHLO, STARTTLS, AUTH, NOOP; sends nothing. */
int smtpc_probe(smtpc_t *c, int64_t deadline_ms, struct err *err);
/* Would a mail from one to the other be taken?  Says MAIL, RCPT and RSET, as far as it gets; sends nothing. */
int smtpc_rehearse(smtpc_t *c, const char *from, const char *to, int64_t deadline_ms, struct err *err);

/* Pure: the code of a reply line and, where it has one, the enhanced code (RFC 3463), "550 5.1.1"; "" for other lines. */
#define SMTPC_STATUS_MAX 16
void smtpc_status(const char *line, size_t len, char out[SMTPC_STATUS_MAX]);

#endif
