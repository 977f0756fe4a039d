/* message: a mail as RFC 5322 bytes: headers, and the text as plain and as HTML (multipart/alternative).
 *
 * Pure; the same message gives the same bytes.  Nothing that comes from outside can add a header: control
 * characters in one are refused, what is not plain ASCII becomes encoded words (RFC 2047); the bodies are
 * quoted-printable. */
#ifndef SHEAF_NOTIFY_SVC_MESSAGE_H
#define SHEAF_NOTIFY_SVC_MESSAGE_H

#include <stdint.h>
#include "lib/buf.h"
#include "lib/err.h"
#include "notify-svc/mailbox.h"

struct message {
    const struct mailbox *from, *to;
    int n_to;
    const char *subject;     /* UTF-8 */
    const char *id;          /* what stands between the angle brackets of the Message-ID */
    int64_t date_ms;         /* since 1970 */
    const char *text, *html; /* UTF-8, lines end with \n */
};

/* Appends to *out. ERR_INPUT names the header that was refused; ERR_NOMEM. */
int message_render(const struct message *message, struct buf *out, struct err *err);

void message_encoded_words(struct buf *out, const char *text); /* as it stands in a header; folded lines */
void message_quoted_printable(struct buf *out, const char *text);

#endif
