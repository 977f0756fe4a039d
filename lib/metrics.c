#include "lib/metrics.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static _Atomic(struct metric *) listed_metrics;

static void list_once(struct metric *m)
{
    if (atomic_load_explicit(&m->listed, memory_order_acquire) || atomic_exchange(&m->listed, true)) return;
    m->next = atomic_load(&listed_metrics);
    while (!atomic_compare_exchange_weak(&listed_metrics, &m->next, m)) {
    }
}

/* The cell for `label`.  Labels are only ever added, so a reader needs no lock: it compares with what is
 * there and takes the first free cell by compare-and-swap, losing at most a copy to a faster thread. */
static struct metric_cell *find_cell(struct metric *m, const char *label)
{
    struct metric_cell *overflow = &m->cells[METRIC_LABELS_MAX - 1];
    char *mine = NULL;
    if (!label) label = "";
    for (struct metric_cell *c = m->cells; c < overflow && strcmp(label, "other") != 0; c++) {
        const char *seen = atomic_load_explicit(&c->label, memory_order_acquire);
        if (!seen) {
            if (!mine && !(mine = strdup(label))) break;
            if (atomic_compare_exchange_strong(&c->label, &seen, mine)) return c;
        }
        if (strcmp(seen, label) == 0) {
            free(mine);
            return c;
        }
    }
    free(mine);
    atomic_store_explicit(&overflow->label, "other", memory_order_release);
    return overflow;
}

void metric_add(struct metric *m, const char *label, int64_t delta)
{
    list_once(m);
    atomic_fetch_add_explicit(&find_cell(m, label)->value, delta, memory_order_relaxed);
}

void metric_set(struct metric *m, const char *label, int64_t value)
{
    list_once(m);
    atomic_store_explicit(&find_cell(m, label)->value, value, memory_order_relaxed);
}

int64_t metric_get(struct metric *m, const char *label)
{
    if (!label) label = "";
    for (int i = 0; i < METRIC_LABELS_MAX; i++) {
        const char *seen = atomic_load_explicit(&m->cells[i].label, memory_order_acquire);
        if (seen && strcmp(seen, label) == 0)
            return atomic_load_explicit(&m->cells[i].value, memory_order_relaxed);
    }
    return 0;
}

static void render_value(struct buf *out, const char *value, size_t len)
{
    for (const char *end = value + len; value < end; value++) {
        if (*value == '\n') {
            buf_puts(out, "\\n");
            continue;
        }
        if (*value == '"' || *value == '\\') buf_putc(out, '\\');
        buf_putc(out, *value);
    }
}

/* "provider,outcome" with "groq,ok" is two labels. */
static void render_label(struct buf *out, const char *name, const char *value)
{
    buf_putc(out, '{');
    for (;;) {
        size_t name_len = strcspn(name, ","), len = name[name_len] ? strcspn(value, ",") : strlen(value);
        buf_printf(out, "%.*s=\"", (int)name_len, name);
        render_value(out, value, len);
        buf_putc(out, '"');
        if (!name[name_len]) break;
        buf_putc(out, ',');
        name += name_len + 1;
        value += len + (value[len] == ',');
    }
    buf_putc(out, '}');
}

static void render_metric(struct buf *out, struct metric *m)
{
    const char *type = m->kind == METRIC_IS_COUNTER ? "counter" : "gauge";
    buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", m->name, m->help, m->name, type);
    for (int i = 0; i < METRIC_LABELS_MAX; i++) {
        const char *label = atomic_load_explicit(&m->cells[i].label, memory_order_acquire);
        if (!label) continue;
        buf_puts(out, m->name);
        if (m->label) render_label(out, m->label, label);
        buf_printf(out, " %" PRId64 "\n", atomic_load_explicit(&m->cells[i].value, memory_order_relaxed));
    }
}

static void render_process_value(struct buf *out, const char *name, const char *type, const char *help,
                                 double value)
{
    buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n%s %.15g\n", name, help, name, type, name, value);
}

static long open_descriptors(void)
{
    DIR *dir = opendir("/proc/self/fd");
    if (!dir) return -1;
    long n = 0;
    for (struct dirent *e; (e = readdir(dir));) n += e->d_name[0] != '.';
    closedir(dir);
    return n - 1; /* not counting the folder itself, open just now */
}

static long resident_pages(void)
{
    long pages = -1;
    FILE *f = fopen("/proc/self/statm", "re");
    if (!f) return -1;
    if (fscanf(f, "%*d %ld", &pages) != 1) pages = -1;
    (void)fclose(f);
    return pages;
}

/* Seconds since this process started, by the kernel's own record (proc(5), field 22 of stat). */
static double uptime_seconds(void)
{
    char line[1024];
    FILE *f = fopen("/proc/self/stat", "re");
    if (!f) return -1;
    size_t n = fread(line, 1, sizeof line - 1, f);
    (void)fclose(f);
    line[n] = '\0';
    const char *at = strrchr(line, ')'); /* the name in field 2 may hold blanks and brackets */
    for (int field = 2; at && field < 22; field++) at = strchr(at + 1, ' ');
    if (!at) return -1;
    struct timespec now;
    (void)clock_gettime(CLOCK_BOOTTIME, &now);
    double started = strtod(at, NULL) / (double)sysconf(_SC_CLK_TCK);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9 - started;
}

static double cpu_seconds(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void render_process(struct buf *out)
{
    double bytes = (double)resident_pages() * (double)sysconf(_SC_PAGESIZE);
    render_process_value(out, "process_resident_memory_bytes", "gauge", "resident memory", bytes);
    render_process_value(out, "process_open_fds", "gauge", "open descriptors", (double)open_descriptors());
    render_process_value(out, "process_uptime_seconds", "gauge", "time since the start", uptime_seconds());
    render_process_value(out, "process_cpu_seconds_total", "counter", "processor time used", cpu_seconds());
}

void metrics_render(struct buf *out)
{
    for (struct metric *m = atomic_load(&listed_metrics); m; m = m->next) render_metric(out, m);
    render_process(out);
}
