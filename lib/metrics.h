/* metrics: counters and gauges of one process in Prometheus text form.
 *
 * A metric is declared once, as a static struct, and registers itself at first use:
 *     static struct metric uploads = METRIC_COUNTER("sheaf_uploads_total", "files accepted");
 *     metric_add(&uploads, NULL, 1);
 * With one label:  METRIC_COUNTER1("sheaf_tasks_total", "tasks by outcome", "outcome")
 *     metric_add(&tasks, "done", 1);
 * With two:  METRIC_COUNTER1("sheaf_calls_total", "calls", "provider,outcome")
 *     metric_add(&calls, "groq,ok", 1);
 * Label values come from small closed sets (never ids); at most 64 per metric, the rest count under
 * "other".  Together with the log this is the only global state.  Any thread, no lock on the hot
 * path once a label value was seen.
 */
#ifndef SHEAF_METRICS_H
#define SHEAF_METRICS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include "lib/buf.h"

#define METRIC_LABELS_MAX 64

struct metric_cell {
    _Atomic(const char *) label; /* owned; NULL while the cell is free */
    _Atomic int64_t value;
};

struct metric {
    const char *name, *help, *label;
    enum { METRIC_IS_COUNTER, METRIC_IS_GAUGE } kind;
    struct metric_cell cells[METRIC_LABELS_MAX];
    struct metric *next;
    atomic_bool listed;
};

#define METRIC_COUNTER(n, h)     {.name = (n), .help = (h), .kind = METRIC_IS_COUNTER}
#define METRIC_COUNTER1(n, h, l) {.name = (n), .help = (h), .label = (l), .kind = METRIC_IS_COUNTER}
#define METRIC_GAUGE(n, h)       {.name = (n), .help = (h), .kind = METRIC_IS_GAUGE}
#define METRIC_GAUGE1(n, h, l)   {.name = (n), .help = (h), .label = (l), .kind = METRIC_IS_GAUGE}

void metric_add(struct metric *m, const char *label, int64_t delta); /* label NULL for metrics without one */
void metric_set(struct metric *m, const char *label, int64_t value);
int64_t metric_get(struct metric *m, const char *label);
void metrics_render(struct buf *out); /* all listed metrics, and process_* (memory, descriptors, uptime) */

#endif
