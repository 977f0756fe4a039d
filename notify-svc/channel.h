/* channel: a way for messages to leave, behind a struct of functions. Providers stand in
 * providers/registry.c. */
#ifndef SHEAF_NOTIFY_SVC_CHANNEL_H
#define SHEAF_NOTIFY_SVC_CHANNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "lib/err.h"
#include "lib/settings.h"
#include "notify-svc/claim.h"
#include "notify-svc/mail_settings.h"
#include "notify-svc/notice.h"

/* A message on its way; borrowed for the call. */
struct mail {
    const char *id; /* its Message-ID without brackets: the same each time the same news is sent */
    const char *from, *to; /* addresses; `to` only where the channel is per_recipient, else NULL */
    const struct mailbox *people; /* all who receive it */
    int n_people;
    const char *data;      /* RFC 5322 bytes */
    size_t len;
    const struct notice *notice; /* the same as facts, for channels that are no mail */
    const char *app_url;         /* without a slash at its end */
    struct claim *claim; /* to be taken right before the step that cannot be undone */
};

struct channel {
    const char *name; /* as written in SHEAF_NOTIFY */
    bool instant;     /* nothing is sent, so it costs nothing: much room may be given, and nothing is claimed */
    bool remote;      /* its receiver may be away for hours: tried for SHEAF_NOTIFY_PATIENCE, which spends no attempt */
    bool per_recipient; /* called for each recipient, who each have a claim of their own */
    int (*open)(void **state, const struct settings *settings,
                struct err *err); /* once, before ready; may block */
    /* Any thread, several at once.  Blocks until deadline_ms (clock_ms()) at most.  0: accepted for good,
     * durably.  Takes mail->claim and sends only when that says so; drops it when it knows that nothing arrived. Called
     * again with the same id it does not make a second message where the channel can know that by itself. */
    int (*send)(void *state, const struct mail *mail, int64_t deadline_ms, struct err *err);
    /* For `sheaf doctor`: one real call that sends nothing; says in `text` what it found.  NULL: nobody is called. */
    int (*probe)(void *state, int64_t deadline_ms, char *text, size_t room, struct err *err);
    void (*close)(void **state); /* accepts NULL */
};

/* The channels that SHEAF_NOTIFY lists, open. */
#define CHANNELS_MAX 4
struct channels {
    const struct settings *settings;
    claims_t *claims; /* borrowed; NULL: nothing is claimed */
    struct mail_people people;
    int n;
    const struct channel *channel[CHANNELS_MAX];
    void *state[CHANNELS_MAX];
};
int channels_open(struct channels *channels, const struct settings *settings, claims_t *claims, struct err *err);
/* To all of them (and all recipients), each once however often the task is delivered; mail->claim is made here. -1: *err of one that failed. */
int channels_send(struct channels *channels, const struct mail *mail, const char *job, const struct token *token,
                  int64_t deadline_ms, struct err *err);
void channels_close(struct channels *channels);

const struct channel *channel_find(const char *name, size_t name_len, struct err *err); /* NULL: ERR_CONFIG */

#endif
