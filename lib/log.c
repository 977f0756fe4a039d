#include "lib/log.h"

#include <inttypes.h>
#include <math.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include "lib/buf.h"
#include "lib/clock.h"

static const char *const level_names[] = {"error", "warn", "info", "debug"};

static struct {
    char svc[32]; /* written once by log_open(), before threads */
    atomic_int level;
} log_state = {.level = LOG_INFO};

void log_open(const char *svc, enum log_level level)
{
    strncpy(log_state.svc, svc, sizeof log_state.svc - 1);
    log_set_level(level);
}

void log_set_level(enum log_level level)
{
    atomic_store_explicit(&log_state.level, (int)level, memory_order_relaxed);
}

enum log_level log_level(void)
{
    return (enum log_level)atomic_load_explicit(&log_state.level, memory_order_relaxed);
}

int log_level_parse(const char *name, enum log_level *level)
{
    for (int i = LOG_ERROR; i <= LOG_DEBUG; i++) {
        if (strcmp(name, level_names[i]) != 0) continue;
        *level = (enum log_level)i;
        return 0;
    }
    return -1;
}

static void add_text(struct buf *line, const char *name, const char *text)
{
    buf_putc(line, ',');
    buf_json_string(line, name);
    buf_putc(line, ':');
    if (text)
        buf_json_string(line, text);
    else
        buf_puts(line, "null");
}

static void add_err(struct buf *line, const struct err *err)
{
    if (!err) return;
    add_text(line, "err_kind", err_kind_name(err->kind));
    if (err->code[0]) add_text(line, "err_code", err->code);
    add_text(line, "err", err->text);
}

static void add_number(struct buf *line, const struct log_field *f)
{
    buf_putc(line, ',');
    buf_json_string(line, f->name);
    if (f->kind == LOG_FIELD_INT)
        buf_printf(line, ":%" PRId64, f->num);
    else if (isfinite(f->real))
        buf_printf(line, ":%.6g", f->real);
    else
        buf_puts(line, ":null"); /* JSON knows no NaN */
}

static void add_field(struct buf *line, const struct log_field *f)
{
    switch (f->kind) {
    case LOG_FIELD_STR:
        add_text(line, f->name, f->str);
        break;
    case LOG_FIELD_ERR:
        add_err(line, f->err);
        break;
    case LOG_FIELD_INT:
    case LOG_FIELD_REAL:
        add_number(line, f);
        break;
    }
}

void log_event(enum log_level level, const char *event, const struct log_field *fields, int n)
{
    if (level > log_level()) return;
    char ts[CLOCK_RFC3339_MAX];
    struct buf line = BUF_INIT;
    buf_printf(&line, "{\"ts\":\"%s\",\"level\":\"%s\"", clock_rfc3339(clock_wall_ms(), ts),
               level_names[level]);
    add_text(&line, "svc", log_state.svc);
    add_text(&line, "event", event);
    for (int i = 0; i < n; i++) add_field(&line, &fields[i]);
    buf_puts(&line, "}\n");
    /* A line that cannot be written, or has no memory, is lost: nobody is left to tell. */
    if (!line.bad && write(STDERR_FILENO, line.data, line.len) == -1) (void)0;
    buf_done(&line);
}
