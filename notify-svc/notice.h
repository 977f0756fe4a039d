/* notice: what there is to say about a job or a batch that ended, and the words for it (CONTRACT section 6).
 *
 * Pure; any thread.  A notice borrows from the task's body that it was read from. */
#ifndef SHEAF_NOTIFY_SVC_NOTICE_H
#define SHEAF_NOTIFY_SVC_NOTICE_H

#include <jansson.h>
#include <stdint.h>
#include "lib/buf.h"
#include "lib/err.h"

#define NOTICE_EVENT_MAX 96

struct notice {
    enum { NOTICE_JOB, NOTICE_BATCH } about;
    const char *id;                            /* the job's or the batch's */
    const char *owner;                         /* "" when not known */
    const char *mail;                          /* the uploader's verified address, else NULL */
    const char *filename;                      /* of a job */
    const char *state;                         /* of a job: "finished", "failed", "cancelled" */
    const char *error, *code;                  /* of a failed job, else NULL */
    int64_t jobs, finished, failed, cancelled; /* of a batch */
    int64_t ended_ms;                          /* since 1970; 0: not known */
    char event[NOTICE_EVENT_MAX]; /* "<id>.<what>.<run>": the same for every delivery of the same news */
};

/* `id` is the task's job (for a batch's message the batch), `run` its run. ERR_INPUT when the body tells of
 * neither. */
int notice_read(struct notice *notice, const char *id, uint64_t run, const json_t *body, struct err *err);

/* One line without control characters. */
void notice_subject(const struct notice *notice, struct buf *out);
/* Lines end with \n. `app_url` without a slash at its end. */
void notice_text(const struct notice *notice, const char *app_url, struct buf *out);
void notice_html(const struct notice *notice, const char *app_url, struct buf *out);

#endif
