/* settings: what settings.def says, as a struct.  Filled once at start by settings_load(), constant
 * afterwards, so any thread may read it.  Texts belong to the struct.  A setting without default
 * that was not given is NULL (TEXT, SECRET) or SETTING_UNSET (numbers).
 */
#ifndef SHEAF_SETTINGS_H
#define SHEAF_SETTINGS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include "lib/err.h"

enum settings_who {
    W_GATEWAY = 1,
    W_DISPATCHER = 2,
    W_OCR = 4,
    W_LLM = 8,
    W_PERSIST = 16,
    W_NOTIFY = 32,
    W_CLI = 64,
    W_STAGES = W_OCR | W_LLM | W_PERSIST | W_NOTIFY,
    W_ALL = 127
};

#define SETTING_UNSET INT64_MIN

#define SETTING_C_TEXT   char *
#define SETTING_C_SECRET char *
#define SETTING_C_INT    int64_t
#define SETTING_C_MS     int64_t
#define SETTING_C_BYTES  int64_t
#define SETTING_C_REAL   double
#define SETTING_C_BOOL   bool
struct settings {
#define S(field, name, kind, def, min, max, who, help) SETTING_C_##kind field;
#include "lib/settings.def"
#undef S
};

/* Reads environ.  -1 with a text that names the setting, what was given and what is allowed; an
 * unknown SHEAF_ name is such an error and is answered with the nearest known one.  An empty value
 * counts as not given. */
int settings_load(struct settings *s, struct err *err);
int settings_load_from(struct settings *s, char *const *environment, struct err *err); /* for tests */
void settings_done(struct settings *s);

void settings_help(FILE *out, unsigned who);                          /* name, default, meaning */
void settings_print(const struct settings *s, FILE *out, unsigned who); /* NAME=value, secrets as *** */

/* Ports of a local stack, all derived from SHEAF_PORT so that two stacks can run side by side.
 *   +0 gateway   +1..+6 admin ports (gateway dispatcher ocr llm persist notify)
 *   +10 persist-svc's internal HTTP API   +20 dispatcher (ZeroMQ)   +30 Redis (sheaf up) */
int settings_gateway_port(const struct settings *s);
/* And the address at which this machine reaches it: SHEAF_BIND, or 127.0.0.1 where that is every one. */
const char *settings_gateway_host(const struct settings *s);
int settings_admin_port(const struct settings *s, unsigned who); /* SHEAF_ADMIN_PORT or derived */
#define SETTINGS_RECORDS_PORT_OFFSET    10
#define SETTINGS_DISPATCHER_PORT_OFFSET 20
#define SETTINGS_REDIS_PORT_OFFSET      30

/* Which provider a stage uses: the one that is named, else by what is configured, else the embedded one. */
const char *settings_ocr(const struct settings *s);
const char *settings_records(const struct settings *s);
const char *settings_objects(const struct settings *s);
const char *settings_llm(const struct settings *s);
const char *settings_notify(const struct settings *s); /* a comma list */
/* Likewise, who may call the gateway: SHEAF_AUTH, else supabase with a project and its service key, else none. */
const char *settings_auth(const struct settings *s);
bool settings_auth_is(const struct settings *s, const char *auth);

/* `bind` stands for this machine only. */
bool settings_is_loopback(const char *address);

#endif
