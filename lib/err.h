/* err: why something did not work, described once by whoever knows the cause.
 *
 * lib/ and proto/ fill a struct err and never log; the service that decides what the failure means
 * logs it with the job's id.  `text` is written for a person: no secrets, no document content, no
 * student's name.  `code` is one of the stable words of the outside interface ("encrypted",
 * "too_large", ...) or empty.  Functions return 0, or -1 with *err filled; out-parameters are not
 * touched on failure.  Every function accepts err == NULL.
 */
#ifndef SHEAF_ERR_H
#define SHEAF_ERR_H

#include <stdint.h>

enum err_kind {
    ERR_NONE,
    ERR_INPUT,       /* what we were given is wrong and stays wrong: refuse */
    ERR_LIMIT,       /* a named limit was passed: refuse */
    ERR_TIMEOUT,     /* a deadline passed: retry */
    ERR_UNAVAILABLE, /* somebody we need did not answer, or is out of room: retry */
    ERR_THROTTLED,   /* somebody told us to wait retry_after_ms: retry, no attempt spent */
    ERR_NOMEM,       /* out of memory: retry */
    ERR_CANCELLED,   /* nobody wants the answer any more */
    ERR_CONFIG,      /* a setting or credential is wrong: a person must act */
    ERR_BUG          /* cannot happen; says where */
};

struct err {
    enum err_kind kind;
    int sys;                /* errno, or the library's own number; 0 when there is none */
    int64_t retry_after_ms; /* ERR_THROTTLED only */
    char code[24];
    char text[200];
};

/* Each fills *err (if any) and returns -1, so that callers can `return err_set(...)`. */
int err_set(struct err *err, enum err_kind kind, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
int err_code(struct err *err, enum err_kind kind, const char *code, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
/* Appends ": strerror(sys)".  A full disk (ENOSPC, EDQUOT) is nobody's fault and waited for: it makes ERR_UNAVAILABLE
 * ERR_THROTTLED, with the reason said first. */
#define ERR_DISK_MS 5000 /* until a full disk is tried again */
int err_sys(struct err *err, enum err_kind kind, int sys, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

void err_clear(struct err *err);
const char *err_kind_name(enum err_kind kind); /* "input", "limit", ... for logs and metrics */

#endif
