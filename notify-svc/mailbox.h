/* mailbox: e-mail addresses with and without a name, as people write them in settings, and as they stand in headers.
 *
 * Pure.  What passes here can neither add a header nor a command of SMTP: no control characters, no blanks or
 * brackets in an address. */
#ifndef SHEAF_NOTIFY_SVC_MAILBOX_H
#define SHEAF_NOTIFY_SVC_MAILBOX_H

#include "lib/buf.h"
#include "lib/err.h"

#define MAILBOX_ADDRESS_MAX 255 /* 254 bytes: RFC 5321, erratum 1690 */
#define MAILBOX_NAME_MAX    128
#define MAILBOXES_MAX       10

struct mailbox {
    char address[MAILBOX_ADDRESS_MAX]; /* "a@b.example" */
    char name[MAILBOX_NAME_MAX];       /* UTF-8; "" when there is none */
};

/* "a@b", "<a@b>", "A name <a@b>", "\"Name, A\" <a@b>"; several separated by commas.  How many there are, or -1 with ERR_CONFIG,
 * which begins with `what` (the setting's name). */
int mailbox_list(const char *what, const char *text, struct mailbox *out, int most, struct err *err);

/* As it stands in From: and To:, lines folded; names that need it are quoted, or encoded (RFC 2047). */
void mailbox_header(struct buf *out, const struct mailbox *list, int n);

#endif
