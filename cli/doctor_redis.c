#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/doctor.h"
#include "cli/stack.h"
#include "lib/clock.h"
#include "lib/redis.h"

#define WAIT_MS     3000
#define SKEW_MAX_MS 2000

/* "name:value" of INFO's lines; "" when it is not told. */
static const char *info_value(const char *info, const char *name, char *out, size_t room)
{
    size_t n = strlen(name);
    out[0] = '\0';
    for (const char *line = info; line && *line; line = strchr(line, '\n'), line += line != NULL) {
        if (strncmp(line, name, n) != 0 || line[n] != ':') continue;
        (void)snprintf(out, room, "%.*s", (int)strcspn(line + n + 1, "\r\n"), line + n + 1);
        break;
    }
    return out;
}

static void judge_version(const char *info, struct report *report)
{
    char version[32];
    if (atoi(info_value(info, "redis_version", version, sizeof version)) >= 7)
        report_add(report, VERDICT_OK, "redis version", NULL, "%s", version);
    else
        report_add(report, VERDICT_WRONG, "redis version", "install Redis 7.0 or newer", "%s is too old",
                   *version ? version : "an unknown one");
}

static void judge_eviction(const char *info, struct report *report)
{
    char policy[32];
    (void)info_value(info, "maxmemory_policy", policy, sizeof policy);
    if (strcmp(policy, "noeviction") == 0)
        report_add(report, VERDICT_OK, "redis eviction", NULL, "noeviction");
    else if (strncmp(policy, "volatile", 8) == 0)
        report_add(report, VERDICT_WARNING, "redis eviction", "set maxmemory-policy noeviction",
                   "%s: when memory is full, who is alive and remembered uploads are forgotten first",
                   policy);
    else
        report_add(report, VERDICT_WRONG, "redis eviction", "set maxmemory-policy noeviction",
                   "%s: when memory is full, jobs can be lost", *policy ? policy : "unknown");
}

static void judge_memory(const char *info, struct report *report)
{
    char used[32], most[32];
    double used_mib = strtod(info_value(info, "used_memory", used, sizeof used), NULL) / 1048576;
    double most_mib = strtod(info_value(info, "maxmemory", most, sizeof most), NULL) / 1048576;
    if (most_mib <= 0)
        report_add(report, VERDICT_OK, "redis memory", NULL, "%.1f MiB used, no limit set", used_mib);
    else if (used_mib < 0.9 * most_mib)
        report_add(report, VERDICT_OK, "redis memory", NULL, "%.1f of %.0f MiB used", used_mib, most_mib);
    else
        report_add(report, VERDICT_WRONG, "redis memory", "raise maxmemory, or wait until jobs have ended",
                   "%.1f of %.0f MiB used: uploads are refused", used_mib, most_mib);
}

static void judge_persistence(const char *info, struct report *report)
{
    char enabled[8], status[16];
    (void)info_value(info, "aof_enabled", enabled, sizeof enabled);
    (void)info_value(info, "aof_last_write_status", status, sizeof status);
    if (strcmp(enabled, "1") != 0)
        report_add(report, VERDICT_WARNING, "redis AOF",
                   "set appendonly yes; of a managed Redis, ask its operator",
                   "%s: a restart of Redis can lose jobs", *enabled ? "off" : "not told");
    else if (*status && strcmp(status, "ok") != 0)
        report_add(report, VERDICT_WRONG, "redis AOF", "look at the disk of Redis and at its log",
                   "on, but the last write failed");
    else
        report_add(report, VERDICT_OK, "redis AOF", NULL, "on");
}

void doctor_redis_info(const char *info, struct report *report)
{
    judge_version(info, report);
    judge_eviction(info, report);
    judge_memory(info, report);
    judge_persistence(info, report);
}

/* The URL may hold a password, so only what kind it is gets said. */
static void judge_encryption(const char *url, struct report *report)
{
    const char *host = strrchr(url, '@')    ? strrchr(url, '@') + 1
                       : strstr(url, "://") ? strstr(url, "://") + 3
                                            : url;
    char name[128];
    (void)snprintf(name, sizeof name, "%.*s", (int)strcspn(host, ":/"), host);
    if (strncmp(url, "rediss:", 7) == 0)
        report_add(report, VERDICT_OK, "redis TLS", NULL, "encrypted");
    else if (strncmp(url, "unix:", 5) == 0 || settings_is_loopback(name) || host[0] == '[')
        report_add(report, VERDICT_OK, "redis TLS", NULL, "not needed on this machine");
    else
        report_add(report, VERDICT_WARNING, "redis TLS",
                   "use rediss:// unless the network is trusted as a whole", "not encrypted");
}

static void judge_clock(redis_t *redis, struct report *report)
{
    redis_reply_t *reply = NULL;
    struct err err = {0};
    if (redis_do(redis, clock_ms() + WAIT_MS, &reply, &err, "TIME", NULL) == -1) {
        report_add(report, VERDICT_WARNING, "clock", "see whether this user may call TIME",
                   "Redis does not tell its time: %s", err.text);
        return;
    }
    int64_t skew_ms =
        clock_wall_ms() - redis_int(redis_at(reply, 0)) * 1000 - redis_int(redis_at(reply, 1)) / 1000;
    redis_reply_free(reply);
    if (llabs(skew_ms) <= SKEW_MAX_MS)
        report_add(report, VERDICT_OK, "clock", NULL, "%lld ms from that of Redis", (long long)skew_ms);
    else
        report_add(report, VERDICT_WARNING, "clock", "set the clocks by NTP",
                   "%.1f s from that of Redis: the times that people see are wrong", (double)skew_ms / 1000);
}

static const char *mend_of(const struct err *err)
{
    if (err->kind != ERR_CONFIG) return "start it (`sheaf up` brings its own), or see REDIS_URL (rediss:// where it wants TLS)";
    if (strstr(err->text, "ertificate")) return "see SHEAF_REDIS_CA, and whether REDIS_URL names the host as its certificate does";
    return "see user and password in REDIS_URL";
}

static void judge_info(redis_t *redis, struct report *report)
{
    redis_reply_t *reply = NULL;
    struct err err = {0};
    if (redis_do(redis, clock_ms() + WAIT_MS, &reply, &err, "INFO", NULL) == -1) {
        report_add(report, VERDICT_WRONG, "redis", mend_of(&err), "%s", err.text);
        return;
    }
    report_add(report, VERDICT_OK, "redis", NULL, "answers");
    doctor_redis_info(redis_str(reply), report);
    redis_reply_free(reply);
    judge_clock(redis, report);
}

void doctor_redis(const struct cli *cli, struct report *report)
{
    char own[PATH_MAX + 64], var[PATH_MAX];
    const char *url = cli->settings->redis_url;
    struct err err = {0};
    if (!stack_redis_is_given()) {
        stack_redis_url(cli->settings, realpath(cli->settings->var, var) ? var : cli->settings->var, own,
                        sizeof own);
        url = own;
    }
    struct redis_options options = {
        .url = url, .ca_file = cli->settings->redis_ca_file, .name = "sheaf-doctor"};
    redis_t *redis = redis_new(&options, &err);
    if (!redis) {
        report_add(report, VERDICT_WRONG, "redis", "see REDIS_URL", "%s", err.text);
        return;
    }
    judge_encryption(url, report);
    judge_info(redis, report);
    redis_destroy(&redis);
}
