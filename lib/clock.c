#include "lib/clock.h"

#include <stdatomic.h>
#include <stdio.h>
#include <time.h>

typedef int64_t clock_source(void);

/* Atomic, because a test may set it while a thread of the code under test already runs. */
static _Atomic(clock_source *) fake;

static int64_t read_ms(clockid_t id)
{
    struct timespec t;
    (void)clock_gettime(id, &t); /* cannot fail for the two clocks asked for here */
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

int64_t clock_ms(void)
{
    clock_source *source = atomic_load_explicit(&fake, memory_order_relaxed);
    return source ? source() : read_ms(CLOCK_MONOTONIC);
}

int64_t clock_wall_ms(void)
{
    return read_ms(CLOCK_REALTIME);
}

void clock_fake(int64_t (*now_ms)(void))
{
    atomic_store(&fake, now_ms);
}

char *clock_rfc3339(int64_t wall_ms, char out[CLOCK_RFC3339_MAX])
{
    /* Years beyond four digits do not fit the notation; they only come from a broken number. */
    const int64_t last = 253402300799999; /* 9999-12-31T23:59:59.999Z */
    if (wall_ms < 0) wall_ms = 0;
    if (wall_ms > last) wall_ms = last;

    time_t seconds = (time_t)(wall_ms / 1000);
    struct tm tm;
    (void)gmtime_r(&seconds, &tm);
    char date[20];
    (void)strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%S", &tm);
    (void)snprintf(out, CLOCK_RFC3339_MAX, "%s.%03dZ", date, (int)(wall_ms % 1000));
    return out;
}

/* Reads exactly `count` digits; the text is followed digit by digit because sscanf takes signs and blanks. */
static int digits(const char **at, int count, int *value)
{
    int v = 0;
    for (int i = 0; i < count; i++, (*at)++) {
        if (**at < '0' || **at > '9') return -1;
        v = v * 10 + (**at - '0');
    }
    *value = v;
    return 0;
}

static int literal(const char **at, const char *allowed)
{
    for (; *allowed; allowed++) {
        if (**at == *allowed) {
            (*at)++;
            return 0;
        }
    }
    return -1;
}

static int fraction_ms(const char **at, int *ms)
{
    *ms = 0;
    if (**at != '.') return 0;
    (*at)++;
    int scale = 100, n = 0;
    for (; **at >= '0' && **at <= '9'; (*at)++, n++) {
        *ms += (**at - '0') * scale;
        scale /= 10;
    }
    return n > 0 ? 0 : -1;
}

static int offset_minutes(const char **at, int *minutes)
{
    char sign = **at;
    if (literal(at, "Zz") == 0) {
        *minutes = 0;
        return 0;
    }
    int h, m;
    if (literal(at, "+-") || digits(at, 2, &h) || literal(at, ":") || digits(at, 2, &m) || h > 23 || m > 59)
        return -1;
    *minutes = (h * 60 + m) * (sign == '-' ? -1 : 1);
    return 0;
}

static int days_in_month(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return month == 2 && leap ? 29 : days[month - 1];
}

int clock_parse_rfc3339(const char *text, int64_t *wall_ms)
{
    const char *at = text;
    int year, month, day, hour, minute, second, ms, offset;
    if (digits(&at, 4, &year) || literal(&at, "-") || digits(&at, 2, &month) || literal(&at, "-") ||
        digits(&at, 2, &day) || literal(&at, "Tt ") || digits(&at, 2, &hour) || literal(&at, ":") ||
        digits(&at, 2, &minute) || literal(&at, ":") || digits(&at, 2, &second) || fraction_ms(&at, &ms) ||
        offset_minutes(&at, &offset) || *at)
        return -1;
    /* Second 60 is a leap second (RFC 3339 section 5.7); timegm carries it into the next minute. */
    if (month < 1 || month > 12 || day < 1 || day > days_in_month(year, month) || hour > 23 || minute > 59 ||
        second > 60)
        return -1;

    struct tm tm = {.tm_year = year - 1900,
                    .tm_mon = month - 1,
                    .tm_mday = day,
                    .tm_hour = hour,
                    .tm_min = minute,
                    .tm_sec = second};
    *wall_ms = ((int64_t)timegm(&tm) - (int64_t)offset * 60) * 1000 + ms;
    return 0;
}

void clock_cond_init(pthread_cond_t *cond)
{
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(cond, &monotonic);
    pthread_condattr_destroy(&monotonic);
}

int clock_cond_wait(pthread_cond_t *cond, pthread_mutex_t *lock, int64_t until_ms)
{
    int64_t left_ms = until_ms - clock_ms();
    struct timespec until;
    if (left_ms <= 0) return -1;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += (time_t)(left_ms / 1000);
    until.tv_nsec += (long)(left_ms % 1000) * 1000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000;
    }
    pthread_cond_timedwait(cond, lock, &until);
    return 0;
}
