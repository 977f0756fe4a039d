#define _GNU_SOURCE /* strptime, timegm */
#include "lib/retry_after.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lib/auto.h"
#include "lib/httpc.h"

#define LONGEST_MS 86400000.0 /* a day: nothing longer is a wait, it is an end */

static int64_t whole_ms(double ms)
{
    return ms < 0 || isnan(ms) ? -1 : (int64_t)ceil(ms < LONGEST_MS ? ms : LONGEST_MS);
}

/* Digits with at most one point; strtod would take "inf", "0x" and blanks. */
static const char *read_decimal(const char *text, double *value)
{
    size_t digits = strspn(text, "0123456789"), len = digits;
    if (text[len] == '.') {
        size_t fraction = strspn(text + len + 1, "0123456789");
        digits += fraction;
        len += 1 + fraction;
    }
    if (digits == 0 || len > 24) return NULL;
    *value = strtod(text, NULL);
    return text + len;
}

static int64_t date_ms(const char *text, int64_t wall_ms)
{
    struct tm t = {0};
    const char *end = strptime(text, "%a, %d %b %Y %H:%M:%S GMT", &t);
    if (!end || *end) return -1;
    double left_ms = (double)timegm(&t) * 1000 - (double)wall_ms;
    return whole_ms(left_ms < 0 ? 0 : left_ms);
}

int64_t retry_after_of(const char *headers, int64_t wall_ms)
{
    char text[64];
    double value;
    const char *end;
    if (httpc_header(headers, "retry-after-ms", text, sizeof text) == 0 && (end = read_decimal(text, &value)) &&
        !*end)
        return whole_ms(value);
    if (httpc_header(headers, "retry-after", text, sizeof text) == -1) return -1;
    end = read_decimal(text, &value);
    return end && !*end ? whole_ms(value * 1000) : date_ms(text, wall_ms);
}

int64_t retry_after_go_ms(const char *text)
{
    /* "ms" stands before "m", so that it is found first. */
    static const struct {
        const char *name;
        double ms;
    } units[] = {{"h", 3600000},   {"ms", 1},          {"m", 60000},      {"s", 1000},
                 {"us", 0.001},    {"\xc2\xb5s", 0.001}, {"\xce\xbcs", 0.001}, {"ns", 0.000001}};
    double sum = 0, value;
    if (!*text) return -1;
    while (*text) {
        size_t i = 0;
        if (!(text = read_decimal(text, &value))) return -1;
        while (i < COUNT_OF(units) && strncmp(text, units[i].name, strlen(units[i].name)) != 0) i++;
        if (i == COUNT_OF(units)) return -1;
        text += strlen(units[i].name);
        sum += value * units[i].ms;
    }
    return whole_ms(sum);
}
