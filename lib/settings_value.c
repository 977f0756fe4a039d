#include "lib/settings_row.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct unit {
    const char *name;
    int64_t factor;
};

static const struct unit time_units[] = {{"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}, {NULL, 0}};
static const struct unit byte_units[] = {
    {"", 1}, {"KiB", 1024}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {NULL, 0}};
static const struct unit no_units[] = {{"", 1}, {NULL, 0}};

static const struct unit *units_of(enum setting_kind kind)
{
    return kind == SETTING_MS ? time_units : kind == SETTING_BYTES ? byte_units : no_units;
}

static const char *notation(enum setting_kind kind)
{
    switch (kind) {
    case SETTING_MS:
        return "a time with its unit (500ms, 10s, 5m, 2h)";
    case SETTING_BYTES:
        return "a number of bytes (4096, 512KiB, 25MiB, 1GiB)";
    case SETTING_REAL:
        return "a number";
    case SETTING_BOOL:
        return "yes or no";
    default:
        return "a whole number";
    }
}

static int parse_whole(const char *text, const struct unit *units, int64_t *value)
{
    if (!strchr("-0123456789", text[0])) return -1; /* strtoll would skip blanks */
    char *end;
    errno = 0;
    long long n = strtoll(text, &end, 10);
    if (errno || end == text) return -1;
    for (const struct unit *u = units; u->name; u++) {
        if (strcmp(end, u->name) == 0) return __builtin_mul_overflow(n, u->factor, value) ? -1 : 0;
    }
    return -1;
}

static int parse_real(const char *text, double *value)
{
    if (!strchr("-.0123456789", text[0])) return -1;
    char *end;
    double v = strtod(text, &end);
    if (end == text || *end || !isfinite(v)) return -1;
    *value = v;
    return 0;
}

static int parse_bool(const char *text, bool *value)
{
    static const char *const yes[] = {"yes", "true", "1", "on"}, *const no[] = {"no", "false", "0", "off"};
    for (int i = 0; i < 4; i++) {
        if (strcasecmp(text, yes[i]) == 0 || strcasecmp(text, no[i]) == 0) {
            *value = strcasecmp(text, yes[i]) == 0;
            return 0;
        }
    }
    return -1;
}

static bool is_choice(const char *choices, const char *word, size_t len)
{
    for (const char *at = choices;; at++) {
        size_t n = strcspn(at, "|");
        if (n == len && strncmp(at, word, n) == 0) return true;
        at += n;
        if (!*at) return false;
    }
}

static int check_choice(const struct setting_row *row, const char *text, struct err *err)
{
    if (!row->min || row->kind != SETTING_TEXT) return 0;
    bool list = row->max && strcmp(row->max, "list") == 0;
    for (const char *at = text;; at++) {
        size_t n = list ? strcspn(at, ",") : strlen(at);
        if (!is_choice(row->min, at, n))
            return err_set(err, ERR_CONFIG, "%s: \"%.40s\" is not one of %s%s", row->name, text, row->min,
                           list ? " (or several, with commas between)" : "");
        at += n;
        if (!*at) return 0;
    }
}

static int set_text(const struct setting_row *row, const char *text, char **field, struct err *err)
{
    if (check_choice(row, text, err) == -1) return -1;
    char *copy = strdup(text);
    if (!copy) return err_set(err, ERR_NOMEM, "%s: no memory", row->name);
    free(*field);
    *field = copy;
    return 0;
}

static int out_of_range(const struct setting_row *row, const char *text, struct err *err)
{
    if (row->min && row->max)
        return err_set(err, ERR_CONFIG, "%s: %.40s is not between %s and %s", row->name, text, row->min,
                       row->max);
    return err_set(err, ERR_CONFIG, "%s: %.40s is %s", row->name, text, row->min ? "too small" : "too large");
}

static int set_whole(const struct setting_row *row, const char *text, int64_t *field, struct err *err)
{
    int64_t value, limit;
    if (parse_whole(text, units_of(row->kind), &value) == -1)
        return err_set(err, ERR_CONFIG, "%s: \"%.40s\" is not %s", row->name, text, notation(row->kind));
    if (row->min && parse_whole(row->min, units_of(row->kind), &limit) == 0 && value < limit)
        return out_of_range(row, text, err);
    if (row->max && parse_whole(row->max, units_of(row->kind), &limit) == 0 && value > limit)
        return out_of_range(row, text, err);
    *field = value;
    return 0;
}

static int set_real(const struct setting_row *row, const char *text, double *field, struct err *err)
{
    double value, limit;
    if (parse_real(text, &value) == -1)
        return err_set(err, ERR_CONFIG, "%s: \"%.40s\" is not %s", row->name, text, notation(row->kind));
    if ((row->min && parse_real(row->min, &limit) == 0 && value < limit) ||
        (row->max && parse_real(row->max, &limit) == 0 && value > limit))
        return out_of_range(row, text, err);
    *field = value;
    return 0;
}

int setting_parse(const struct setting_row *row, const char *text, void *field, struct err *err)
{
    switch (row->kind) {
    case SETTING_TEXT:
    case SETTING_SECRET:
        return set_text(row, text, field, err);
    case SETTING_REAL:
        return set_real(row, text, field, err);
    case SETTING_BOOL:
        if (parse_bool(text, field) == 0) return 0;
        return err_set(err, ERR_CONFIG, "%s: \"%.40s\" is not %s", row->name, text, notation(row->kind));
    default:
        return set_whole(row, text, field, err);
    }
}

void setting_unset(const struct setting_row *row, void *field)
{
    switch (row->kind) {
    case SETTING_TEXT:
    case SETTING_SECRET:
        free(*(char **)field);
        *(char **)field = NULL;
        break;
    case SETTING_REAL:
        *(double *)field = NAN;
        break;
    case SETTING_BOOL:
        *(bool *)field = false;
        break;
    default:
        *(int64_t *)field = SETTING_UNSET;
    }
}

/* In the largest unit that leaves a whole number: 25s, not 25000ms. */
static void write_whole(int64_t value, const struct unit *units, FILE *out)
{
    const struct unit *best = units;
    if (value == SETTING_UNSET) return;
    for (const struct unit *u = units; u->name && value != 0; u++) {
        if (value % u->factor == 0) best = u;
    }
    (void)fprintf(out, "%" PRId64 "%s", value / best->factor, best->name);
}

void setting_write(const struct setting_row *row, const void *field, FILE *out)
{
    switch (row->kind) {
    case SETTING_TEXT:
        (void)fprintf(out, "%s", *(char *const *)field ? *(char *const *)field : "");
        break;
    case SETTING_SECRET:
        (void)fprintf(out, "%s", *(char *const *)field ? "***" : "");
        break;
    case SETTING_REAL:
        if (isfinite(*(const double *)field)) (void)fprintf(out, "%g", *(const double *)field);
        break;
    case SETTING_BOOL:
        (void)fprintf(out, "%s", *(const bool *)field ? "yes" : "no");
        break;
    default:
        write_whole(*(const int64_t *)field, units_of(row->kind), out);
    }
}
