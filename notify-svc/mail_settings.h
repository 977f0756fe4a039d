/* mail_settings: what the environment's many names say about mail (CONTRACT section 3): who sends, who receives, by
 * which server.  Pure. */
#ifndef SHEAF_NOTIFY_SVC_MAIL_SETTINGS_H
#define SHEAF_NOTIFY_SVC_MAIL_SETTINGS_H

#include "lib/settings.h"
#include "lib/smtpc.h"
#include "notify-svc/mailbox.h"

struct mail_people {
    struct mailbox from, to[MAILBOXES_MAX];
    int n_to;
};

/* ERR_CONFIG names the setting that is no address. */
int mail_people_read(const struct settings *settings, struct mail_people *out, struct err *err);

/* The server borrows from `settings` and from its own place in memory. */
struct mail_server {
    struct smtpc_server server;
    char password[256], hello[MAILBOX_ADDRESS_MAX];
};

/* SMTP_HOST and its kin, else EMAIL with GMAIL_PASSWORD at Gmail.  ERR_CONFIG when neither is given, when a value has
 * control characters, or when a password would go in clear text over a network. */
int mail_server_read(const struct settings *settings, const struct mailbox *from, struct mail_server *out, struct err *err);

#endif
