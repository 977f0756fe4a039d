#include "lib/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static void fill(struct err *err, enum err_kind kind, int sys, const char *code, const char *fmt,
                 va_list args)
{
    *err = (struct err){.kind = kind, .sys = sys};
    (void)snprintf(err->code, sizeof err->code, "%s", code);
    (void)vsnprintf(err->text, sizeof err->text, fmt, args);
}

static void wait_for_room(struct err *err)
{
    char text[sizeof err->text];
    err->kind = ERR_THROTTLED;
    err->retry_after_ms = ERR_DISK_MS;
    (void)snprintf(text, sizeof text, "Waiting for room on the disk (%.100s)", err->text);
    memcpy(err->text, text, sizeof text);
}

int err_set(struct err *err, enum err_kind kind, const char *fmt, ...)
{
    if (!err) return -1;
    va_list args;
    va_start(args, fmt);
    fill(err, kind, 0, "", fmt, args);
    va_end(args);
    return -1;
}

int err_code(struct err *err, enum err_kind kind, const char *code, const char *fmt, ...)
{
    if (!err) return -1;
    va_list args;
    va_start(args, fmt);
    fill(err, kind, 0, code, fmt, args);
    va_end(args);
    return -1;
}

int err_sys(struct err *err, enum err_kind kind, int sys, const char *fmt, ...)
{
    if (!err) return -1;
    va_list args;
    va_start(args, fmt);
    fill(err, kind, sys, "", fmt, args);
    va_end(args);
    bool full = kind == ERR_UNAVAILABLE && (sys == ENOSPC || sys == EDQUOT);
    if (full) wait_for_room(err);
    size_t used = strlen(err->text);
    char reason[80];
    if (strerror_r(sys, reason, sizeof reason) != 0) (void)snprintf(reason, sizeof reason, "error %d", sys);
    (void)snprintf(err->text + used, sizeof err->text - used, ": %s", reason);
    return -1;
}

void err_clear(struct err *err)
{
    if (err) *err = (struct err){0};
}

const char *err_kind_name(enum err_kind kind)
{
    static const char *const names[] = {
        [ERR_NONE] = "none",
        [ERR_INPUT] = "input",
        [ERR_LIMIT] = "limit",
        [ERR_TIMEOUT] = "timeout",
        [ERR_UNAVAILABLE] = "unavailable",
        [ERR_THROTTLED] = "throttled",
        [ERR_NOMEM] = "nomem",
        [ERR_CANCELLED] = "cancelled",
        [ERR_CONFIG] = "config",
        [ERR_BUG] = "bug",
    };
    size_t n = sizeof names / sizeof names[0];
    return (size_t)kind < n ? names[kind] : "unknown";
}
