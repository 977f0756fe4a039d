/* postgres_error: what an SQLSTATE, or a connection that failed, means. Pure. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include "lib/auto.h"
#include "persist-svc/providers/postgres.h"

/* What is the server's own trouble: it is waited for, and no task pays. */
static const struct {
    const char *begins;
    enum postgres_trouble trouble;
    const char *which;
} away[] = {
    {"08", POSTGRES_AWAY, "whose connection broke"},
    {"25006", POSTGRES_AWAY, "which only takes reads just now"}, /* a standby, after a failover */
    {"53100", POSTGRES_AWAY, "whose disk is full"},
    {"53200", POSTGRES_AWAY, "which is short of memory"},
    {"53300", POSTGRES_FULL, "which has no room for another connection"},
    {"57P01", POSTGRES_AWAY, "which is being shut down"},
    {"57P02", POSTGRES_AWAY, "which has crashed and is recovering"},
    {"57P03", POSTGRES_AWAY, "which is starting up or shutting down"},
};

static enum postgres_trouble wait_for(enum postgres_trouble trouble, const char *which, struct err *err)
{
    err_set(err, ERR_THROTTLED, "Waiting for PostgreSQL, %s.", which);
    err->retry_after_ms = POSTGRES_AWAY_MS;
    return trouble;
}

/* libpq's own words, which are English: nothing here sets a locale. */
static enum postgres_trouble judge_text(const char *text, struct err *err)
{
    if (strstr(text, "no password supplied")) return postgres_judge("28000", "", err);
    if (strstr(text, "certificate") || strstr(text, "does not support SSL")) {
        err_code(err, ERR_CONFIG, "provider_refused",
                 "PostgreSQL: no encrypted connection can be made: check sslmode and the certificates that DATABASE_URL names");
        return POSTGRES_REFUSES;
    }
    if (strstr(text, "session is read-only") || strstr(text, "in hot standby mode")) return postgres_judge("25006", "", err);
    if (strstr(text, "closed the connection") || strstr(text, "onnection reset")) return postgres_judge("08006", "", err);
    return wait_for(POSTGRES_AWAY, "which cannot be reached: see whether it runs, and DATABASE_URL", err);
}

enum postgres_trouble postgres_judge(const char *sqlstate, const char *text, struct err *err)
{
    if (!*sqlstate) return judge_text(text, err);
    for (size_t i = 0; i < COUNT_OF(away); i++)
        if (strncmp(sqlstate, away[i].begins, strlen(away[i].begins)) == 0) return wait_for(away[i].trouble, away[i].which, err);
    (void)rpc_sql_error("PostgreSQL", sqlstate, err);
    return POSTGRES_REFUSES;
}

static bool is_state(const char *text)
{
    for (int i = 0; i < 5; i++)
        if (!isdigit((unsigned char)text[i]) && !isupper((unsigned char)text[i])) return false;
    return true;
}

void postgres_connect_state(const char *message, char sqlstate[6])
{
    struct err aside;
    sqlstate[0] = '\0';
    for (const char *line = message; *line; line += line[0] == '\n') {
        size_t len = strcspn(line, "\n");
        /* "connection to server … failed: FATAL:  57P03" */
        if (len > 7 && strncmp(line + len - 8, ":  ", 3) == 0 && is_state(line + len - 5)) {
            (void)snprintf(sqlstate, 6, "%.5s", line + len - 5);
            if (postgres_judge(sqlstate, "", &aside) == POSTGRES_REFUSES) return;
        }
        line += len;
    }
}
