#include "lib/settings.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/auto.h"
#include "lib/fault.h"
#include "lib/settings_row.h"

/* A value read from NAME_FILE: room for a service account's JSON, not for a file named by mistake. */
#define VALUE_FILE_MAX 65536

extern char **environ;

const struct setting_row setting_rows[] = {
#define S(field, name, kind, def, min, max, who, help)                                                       \
    {name, SETTING_##kind, offsetof(struct settings, field), def, min, max, who, help},
#include "lib/settings.def"
#undef S
};
const size_t setting_row_count = COUNT_OF(setting_rows);

static void *field_of(struct settings *s, const struct setting_row *row)
{
    return (char *)s + row->offset;
}

/* The value of NAME in the environment; NULL when absent or empty. */
static const char *lookup(char *const *environment, const char *name, const char *suffix)
{
    size_t n = strlen(name), m = strlen(suffix);
    for (; *environment; environment++) {
        const char *entry = *environment;
        if (strncmp(entry, name, n) == 0 && strncmp(entry + n, suffix, m) == 0 && entry[n + m] == '=')
            return entry[n + m + 1] ? entry + n + m + 1 : NULL;
    }
    return NULL;
}

/* Levenshtein's distance in one row of costs; names longer than the row are compared by their beginning. */
static unsigned edit_distance(const char *a, size_t a_len, const char *b)
{
    unsigned row[64];
    size_t b_len = strlen(b);
    if (b_len >= COUNT_OF(row)) b_len = COUNT_OF(row) - 1;
    for (size_t j = 0; j <= b_len; j++) row[j] = (unsigned)j;
    for (size_t i = 1; i <= a_len; i++) {
        unsigned diagonal = row[0];
        row[0] = (unsigned)i;
        for (size_t j = 1; j <= b_len; j++) {
            unsigned best = diagonal + (a[i - 1] != b[j - 1]);
            if (row[j] + 1 < best) best = row[j] + 1;
            if (row[j - 1] + 1 < best) best = row[j - 1] + 1;
            diagonal = row[j];
            row[j] = best;
        }
    }
    return row[b_len];
}

static const char *nearest_name(const char *name, size_t len)
{
    const char *best = "";
    unsigned least = UINT_MAX;
    for (size_t i = 0; i < setting_row_count; i++) {
        unsigned d = edit_distance(name, len, setting_rows[i].name);
        if (d < least) {
            least = d;
            best = setting_rows[i].name;
        }
    }
    return best;
}

static bool is_known(const char *name, size_t len)
{
    for (size_t i = 0; i < setting_row_count; i++) {
        size_t n = strlen(setting_rows[i].name);
        if (len >= n && strncmp(name, setting_rows[i].name, n) == 0 &&
            (len == n || (len == n + 5 && strncmp(name + n, "_FILE", 5) == 0)))
            return true;
    }
    return fault_is_setting(name, len);
}

static int refuse_unknown(char *const *environment, struct err *err)
{
    for (; *environment; environment++) {
        size_t len = strcspn(*environment, "=");
        if (strncmp(*environment, "SHEAF_", 6) != 0 || is_known(*environment, len)) continue;
        return err_set(err, ERR_CONFIG, "%.*s is not a setting; did you mean %s?", len > 60 ? 60 : (int)len,
                       *environment, nearest_name(*environment, len));
    }
    return 0;
}

static int read_value_file(const char *name, const char *path, char **value, struct err *err)
{
    AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd == -1) return err_sys(err, ERR_CONFIG, errno, "%s_FILE: %.80s", name, path);
    AUTO_FREE char *text = malloc(VALUE_FILE_MAX + 1);
    if (!text) return err_set(err, ERR_NOMEM, "%s_FILE: no memory", name);
    size_t len = 0;
    while (len <= VALUE_FILE_MAX) {
        ssize_t n = read(fd, text + len, VALUE_FILE_MAX + 1 - len);
        if (n == -1 && errno == EINTR) continue;
        if (n == -1) return err_sys(err, ERR_CONFIG, errno, "%s_FILE: %.80s", name, path);
        if (n == 0) break;
        len += (size_t)n;
    }
    if (len > VALUE_FILE_MAX)
        return err_set(err, ERR_CONFIG, "%s_FILE: %.80s is longer than 64 KiB", name, path);
    /* Editors and `echo` end a file with a line end that is no part of the value. */
    while (len > 0 && (text[len - 1] == '\n' || text[len - 1] == '\r')) len--;
    text[len] = '\0';
    if (strlen(text) != len) return err_set(err, ERR_CONFIG, "%s_FILE: %.80s is not a text", name, path);
    *value = text;
    text = NULL;
    return 0;
}

static int load_row(struct settings *s, const struct setting_row *row, char *const *environment,
                    struct err *err)
{
    const char *text = lookup(environment, row->name, "");
    const char *path = lookup(environment, row->name, "_FILE");
    if (text && path)
        return err_set(err, ERR_CONFIG, "%s and %s_FILE are both given; leave one out", row->name, row->name);
    AUTO_FREE char *from_file = NULL;
    if (path) {
        if (read_value_file(row->name, path, &from_file, err) == -1) return -1;
        text = from_file[0] ? from_file : NULL;
    }
    if (!text) text = row->def;
    return text ? setting_parse(row, text, field_of(s, row), err) : 0;
}

/* Rules between settings. */
static int check_together(struct settings *s, char *const *environment, struct err *err)
{
    if (lookup(environment, "SHEAF_PORT", "") || lookup(environment, "SHEAF_PORT", "_FILE"))
        s->port_old = SETTING_UNSET; /* SHEAF_PORT wins over PORT */
    if (strchr(s->bind, ':')) /* civetweb, as distributions build it, knows no other addresses than IPv4's */
        return err_set(err, ERR_CONFIG,
                       "SHEAF_BIND=%.60s is an IPv6 address, and the services listen on IPv4 only; "
                       "bind 127.0.0.1, or 0.0.0.0 for every interface",
                       s->bind);
    if (settings_auth_is(s, "none") && !settings_is_loopback(s->bind))
        return err_set(err, ERR_CONFIG,
                       "SHEAF_BIND=%.60s would let anybody in while SHEAF_AUTH=none; "
                       "choose a login with SHEAF_AUTH, or bind 127.0.0.1",
                       s->bind);
    return 0;
}

int settings_load_from(struct settings *s, char *const *environment, struct err *err)
{
    struct settings loaded = {0};
    for (size_t i = 0; i < setting_row_count; i++)
        setting_unset(&setting_rows[i], field_of(&loaded, &setting_rows[i]));
    if (refuse_unknown(environment, err) == -1) goto out;
    for (size_t i = 0; i < setting_row_count; i++) {
        if (load_row(&loaded, &setting_rows[i], environment, err) == -1) goto out;
    }
    if (check_together(&loaded, environment, err) == -1) goto out;
    *s = loaded;
    return 0;
out:
    settings_done(&loaded);
    return -1;
}

int settings_load(struct settings *s, struct err *err)
{
    return settings_load_from(s, environ, err);
}

void settings_done(struct settings *s)
{
    for (size_t i = 0; i < setting_row_count; i++)
        setting_unset(&setting_rows[i], field_of(s, &setting_rows[i]));
}

int settings_gateway_port(const struct settings *s)
{
    return (int)(s->port_old != SETTING_UNSET ? s->port_old : s->port);
}

const char *settings_gateway_host(const struct settings *s)
{
    return strcmp(s->bind, "0.0.0.0") == 0 ? "127.0.0.1" : s->bind;
}

int settings_admin_port(const struct settings *s, unsigned who)
{
    static const unsigned order[] = {W_GATEWAY, W_DISPATCHER, W_OCR, W_LLM, W_PERSIST, W_NOTIFY};
    if (s->admin_port != SETTING_UNSET) return (int)s->admin_port;
    for (size_t i = 0; i < COUNT_OF(order); i++) {
        if (order[i] == who) return (int)(s->port + 1 + (int64_t)i);
    }
    return 0; /* anything else has no place of its own: any free port */
}

const char *settings_ocr(const struct settings *s)
{
    if (s->ocr) return s->ocr;
    bool google = s->google_creds_b64 || s->google_creds_path || s->google_creds_json || s->google_api_key;
    return google ? "google" : "tesseract";
}

const char *settings_llm(const struct settings *s)
{
    if (s->llm) return s->llm;
    if (s->groq_api_key) return "groq";
    return s->openai_api_key || s->openai_base_url ? "openai" : "rules";
}

static bool has_supabase(const struct settings *s)
{
    return s->supabase_url && s->supabase_service_key;
}

const char *settings_records(const struct settings *s)
{
    if (s->records) return s->records;
    if (has_supabase(s)) return "supabase";
    return s->database_url ? "postgres" : "sqlite";
}

const char *settings_objects(const struct settings *s)
{
    if (s->objects) return s->objects;
    if (has_supabase(s)) return "supabase";
    return s->s3_bucket ? "s3" : "folder";
}

const char *settings_auth(const struct settings *s)
{
    if (s->auth) return s->auth;
    return has_supabase(s) ? "supabase" : "none";
}

bool settings_auth_is(const struct settings *s, const char *auth)
{
    return strcmp(settings_auth(s), auth) == 0;
}

const char *settings_notify(const struct settings *s)
{
    if (s->notify) return s->notify;
    bool mail = s->smtp_host || (s->email && s->gmail_password);
    if (s->webhook_url) return mail ? "smtp,webhook" : "webhook";
    return mail ? "smtp" : "outbox";
}

bool settings_is_loopback(const char *address)
{
    struct in_addr v4;
    struct in6_addr v6;
    if (inet_pton(AF_INET, address, &v4) == 1) return ntohl(v4.s_addr) >> 24 == 127;
    if (inet_pton(AF_INET6, address, &v6) == 1) return IN6_IS_ADDR_LOOPBACK(&v6);
    return strcmp(address, "localhost") == 0;
}
