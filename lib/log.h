/* log: one JSON line an event on standard error.
 *
 *     log_info("job_finished", F_STR("job", id), F_INT("ms", took));
 *
 * writes {"ts":"...","level":"info","svc":"dispatcher","event":"job_finished","job":"...","ms":12}.
 * `event` is a fixed word that can be grepped.  Levels: error (someone must act), warn (we coped),
 * info (a state changed), debug.  Only services log; lib/ and proto/ fill struct err.  Never log
 * document text, student names, prompts, keys or tokens.  Any thread; a line is one write(2).
 */
#ifndef SHEAF_LOG_H
#define SHEAF_LOG_H

#include <stdint.h>
#include "lib/err.h"

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };

struct log_field {
    const char *name;
    enum { LOG_FIELD_STR, LOG_FIELD_INT, LOG_FIELD_REAL, LOG_FIELD_ERR } kind;
    const char *str;
    int64_t num;
    double real;
    const struct err *err;
};

#define F_STR(n, v)  ((struct log_field){.name = (n), .kind = LOG_FIELD_STR, .str = (v)})
#define F_INT(n, v)  ((struct log_field){.name = (n), .kind = LOG_FIELD_INT, .num = (int64_t)(v)})
#define F_REAL(n, v) ((struct log_field){.name = (n), .kind = LOG_FIELD_REAL, .real = (v)})
#define F_ERR(e)     ((struct log_field){.name = "err", .kind = LOG_FIELD_ERR, .err = (e)}) /* err_kind, err_code, err */

void log_open(const char *svc, enum log_level level);
void log_set_level(enum log_level level);
enum log_level log_level(void);
int log_level_parse(const char *name, enum log_level *level);
void log_event(enum log_level level, const char *event, const struct log_field *fields, int n);

#define LOG_FIELDS_(...) ((const struct log_field[]){__VA_ARGS__})
#define LOG_(level, event, ...)                                                                              \
    log_event(level, event, LOG_FIELDS_(__VA_ARGS__), (int)(sizeof(LOG_FIELDS_(__VA_ARGS__)) / sizeof(struct log_field)))
/* At least one field each: an event without one says too little. */
#define log_error(event, ...) LOG_(LOG_ERROR, event, __VA_ARGS__)
#define log_warn(event, ...)  LOG_(LOG_WARN, event, __VA_ARGS__)
#define log_info(event, ...)  LOG_(LOG_INFO, event, __VA_ARGS__)
#define log_debug(event, ...) LOG_(LOG_DEBUG, event, __VA_ARGS__)

#endif
