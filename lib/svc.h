/* svc: the skeleton that all six services share.  main.c of a service is
 *     int main(int argc, char **argv) { return svc_main(&service, argc, argv); }
 *
 * Order of a start: arguments (--help, --print-config, --probe, --version; others are refused), settings,
 * log, signals, health port, service->run().  run() opens what it needs, calls svc_ready(), loops until
 * svc_stopping(), drains, closes and returns.  SIGTERM and SIGINT arrive as events on svc_signal_fd()
 * (a signalfd: the signals are blocked in every thread), SIGPIPE is ignored.
 *
 * Exit codes, after s6: 0 done, 100 your mistake (arguments, settings, a Redis that may not be
 * used), 111 the system's (no memory, a port in use, an unreachable dependency at start).
 */
#ifndef SHEAF_SVC_H
#define SHEAF_SVC_H

#include <stdbool.h>
#include <stdint.h>
#include "lib/err.h"
#include "lib/settings.h"

#define SVC_EXIT_OK      0
#define SVC_EXIT_MISTAKE 100
#define SVC_EXIT_SYSTEM  111
#define SHEAF_VERSION    "0.1.0"

struct svc; /* this process: settings, health, signals */

struct service {
    const char *name;  /* "ocr-svc" */
    const char *about; /* one sentence for --help */
    enum settings_who who;
    /* Runs until told to stop. 0, or -1 with *err: ERR_CONFIG and ERR_INPUT exit with 100, the rest with 111. */
    int (*run)(struct svc *svc, struct err *err);
    const char *(*versions)(void); /* extra text for --version (library versions); may be NULL */
    /* For --probe, which `sheaf doctor` runs: one real, free call to each service outside that is configured,
     * each told with svc_probe_say().  NULL: there are none. */
    void (*probe)(const struct settings *settings);
};

int svc_main(const struct service *service, int argc, char **argv);

#define SVC_PROBE_ARG "--probe"
/* One finding on standard output as a JSON line {subject, verdict: "ok"│"wrong", text, mend}. `mend` NULL: all is well. */
void svc_probe_say(const char *subject, const char *text, const char *mend);

const struct settings *svc_settings(const struct svc *svc);
const char *svc_name(const struct svc *svc);
const char *svc_instance(const struct svc *svc); /* "<host>-<pid>-<start time in hex>": new at every start */
int svc_signal_fd(const struct svc *svc);        /* readable when a signal waits: then call svc_take_signal() */
void svc_take_signal(struct svc *svc);           /* reads what waits; after it svc_stopping() may be true */
bool svc_stopping(const struct svc *svc);        /* SIGTERM or SIGINT came; any thread */
void svc_beat(struct svc *svc);                  /* the loop turned over: health_beat(), every 10 s resident_ease(), the first times resident_trim() */
void svc_ready(struct svc *svc, const char *why_not); /* NULL: ready. Logs the change, not every call */

/* A level of the log that an operator wants now; NULL or "": the configured one. Logs the change. */
void svc_log_level(const struct settings *settings, const char *wanted);

#endif
