#include "lib/svc.h"
#include "lib/resident.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "lib/buf.h"
#include "lib/clock.h"
#include "lib/health.h"
#include "lib/log.h"

/* A loop that has not turned over for this long is restarted by whoever asks /livez.  Well above the
 * longest wait a loop may legitimately have (a Redis reply of 5 s, a reconnect), well below an hour. */
#define STALL_MS 30000
#define EASE_MS  10000 /* how often memory that is free goes back: seldom enough to cost nothing */
#define TRIMS    2     /* the first of these also give back what only the start read */

struct svc {
    const struct service *service;
    struct settings settings;
    health_t *health;
    int signal_fd;
    atomic_bool stopping;
    char instance[128];
    char why_not[200]; /* what svc_ready() said last; the loop's thread only */
    int64_t ease_at_ms; /* the loop's thread only */
    bool ready;
    int trims; /* how often what only the start needed was given back */
};

static int usage_mistake(const struct service *service, const char *what)
{
    (void)fprintf(stderr, "%s: %s is not an argument; %s takes --help, --print-config, --probe and --version\n",
                  service->name, what, service->name);
    return SVC_EXIT_MISTAKE;
}

static void print_help(const struct service *service)
{
    (void)printf(
        "%s: %s\n\n  --help          this text\n  --print-config  the settings as they would be used\n"
        "  --probe         call each configured service outside once, and say how it went\n"
        "  --version       versions of this program and its libraries\n\n",
        service->name, service->about);
    settings_help(stdout, service->who);
}

static void print_version(const struct service *service)
{
    (void)printf("%s %s\n", service->name, SHEAF_VERSION);
    if (service->versions) (void)printf("%s\n", service->versions());
}

static int exit_code_of(const struct err *err)
{
    return err->kind == ERR_CONFIG || err->kind == ERR_INPUT ? SVC_EXIT_MISTAKE : SVC_EXIT_SYSTEM;
}

static void name_instance(struct svc *svc)
{
    char host[65] = "";
    (void)gethostname(host, sizeof host - 1);
    (void)snprintf(svc->instance, sizeof svc->instance, "%s-%d-%" PRIx64, host[0] ? host : "localhost",
                   (int)getpid(), (uint64_t)clock_wall_ms());
}

/* The signals are blocked before any thread starts, so that every thread inherits it and they arrive
 * nowhere but at the descriptor. */
static int open_signals(struct svc *svc, struct err *err)
{
    sigset_t set;
    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGTERM);
    (void)sigaddset(&set, SIGINT);
    (void)signal(SIGPIPE, SIG_IGN);
    if (sigprocmask(SIG_BLOCK, &set, NULL) == -1) return err_sys(err, ERR_BUG, errno, "sigprocmask");
    svc->signal_fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    if (svc->signal_fd == -1) return err_sys(err, ERR_UNAVAILABLE, errno, "signalfd");
    return 0;
}

/* Everything from the signals to the end of run(), in the order of a start. */
static int serve(struct svc *svc, struct err *err)
{
    const struct settings *s = &svc->settings;
    if (open_signals(svc, err) == -1) return -1;
    svc->health = health_start(s->bind, settings_admin_port(s, svc->service->who), STALL_MS, err);
    if (!svc->health) return -1;
    log_info("starting", F_STR("instance", svc->instance), F_STR("version", SHEAF_VERSION),
             F_INT("admin_port", health_port(svc->health)));
    int rc = svc->service->run(svc, err);
    health_stop(&svc->health);
    return rc;
}

void svc_log_level(const struct settings *settings, const char *wanted)
{
    enum log_level level = LOG_INFO;
    const bool known = wanted && *wanted && log_level_parse(wanted, &level) == 0;
    if (!known) (void)log_level_parse(settings->log_level, &level);
    if (level == log_level()) return;
    log_set_level(LOG_INFO); /* so that the change is told in both directions */
    log_info("log_level", F_STR("now", known ? wanted : settings->log_level));
    log_set_level(level);
}

void svc_probe_say(const char *subject, const char *text, const char *mend)
{
    struct buf line = BUF_INIT;
    buf_puts(&line, "{\"subject\":");
    buf_json_string(&line, subject);
    buf_printf(&line, ",\"verdict\":\"%s\",\"text\":", mend ? "wrong" : "ok");
    buf_json_string(&line, text);
    if (mend) {
        buf_puts(&line, ",\"mend\":");
        buf_json_string(&line, mend);
    }
    if (!line.bad) (void)printf("%s}\n", line.data);
    buf_done(&line);
}

enum start_mode { START_SERVICE, START_PRINT_CONFIG, START_PROBE };

static int start(const struct service *service, enum start_mode mode)
{
    struct svc svc = {.service = service, .signal_fd = -1};
    struct err err = {0};
    enum log_level level = LOG_INFO;

    log_open(service->name, level);
    if (settings_load(&svc.settings, &err) == -1) {
        log_error("settings_refused", F_ERR(&err));
        return exit_code_of(&err);
    }
    if (mode != START_SERVICE) {
        if (mode == START_PRINT_CONFIG)
            settings_print(&svc.settings, stdout, service->who);
        else if (service->probe)
            service->probe(&svc.settings);
        settings_done(&svc.settings);
        return SVC_EXIT_OK;
    }
    (void)log_level_parse(svc.settings.log_level, &level); /* a closed choice: checked already */
    log_set_level(level);
    name_instance(&svc);
    (void)snprintf(svc.why_not, sizeof svc.why_not, "starting");

    int code = SVC_EXIT_OK;
    if (serve(&svc, &err) == -1) {
        log_error("ended", F_ERR(&err));
        code = exit_code_of(&err);
    } else {
        log_info("ended", F_STR("instance", svc.instance));
    }
    if (svc.signal_fd >= 0) close(svc.signal_fd);
    settings_done(&svc.settings);
    return code;
}

int svc_main(const struct service *service, int argc, char **argv)
{
    if (argc == 1) return start(service, START_SERVICE);
    if (argc > 2) return usage_mistake(service, argv[2]);
    if (strcmp(argv[1], "--print-config") == 0) return start(service, START_PRINT_CONFIG);
    if (strcmp(argv[1], SVC_PROBE_ARG) == 0) return start(service, START_PROBE);
    if (strcmp(argv[1], "--help") == 0)
        print_help(service);
    else if (strcmp(argv[1], "--version") == 0)
        print_version(service);
    else
        return usage_mistake(service, argv[1]);
    return SVC_EXIT_OK;
}

const struct settings *svc_settings(const struct svc *svc)
{
    return &svc->settings;
}

const char *svc_name(const struct svc *svc)
{
    return svc->service->name;
}

const char *svc_instance(const struct svc *svc)
{
    return svc->instance;
}

int svc_signal_fd(const struct svc *svc)
{
    return svc->signal_fd;
}

void svc_take_signal(struct svc *svc)
{
    struct signalfd_siginfo info;
    while (read(svc->signal_fd, &info, sizeof info) == (ssize_t)sizeof info) {
        if (!atomic_exchange(&svc->stopping, true)) log_info("stopping", F_INT("signal", info.ssi_signo));
    }
}

bool svc_stopping(const struct svc *svc)
{
    return atomic_load(&svc->stopping);
}

void svc_beat(struct svc *svc)
{
    int64_t now_ms = clock_ms();
    health_beat(svc->health);
    if (now_ms < svc->ease_at_ms) return;
    const bool first = !svc->ease_at_ms;
    svc->ease_at_ms = now_ms + EASE_MS;
    if (first) return;
    /* Not when it became ready: others connect after that, the first call of many a function looks through its library's symbols, and
     * each script is loaded by its first call, some of which come only after a while. */
    if (svc->ready && svc->trims < TRIMS) {
        svc->trims++;
        resident_trim();
    } else {
        resident_ease();
    }
}

void svc_ready(struct svc *svc, const char *why_not)
{
    const char *now = why_not ? why_not : "";
    if (strncmp(svc->why_not, now, sizeof svc->why_not - 1) == 0) return;
    (void)snprintf(svc->why_not, sizeof svc->why_not, "%s", now);
    health_ready(svc->health, why_not);
    if (why_not)
        log_warn("not_ready", F_STR("why", why_not));
    else
        log_info("ready", F_STR("instance", svc->instance));
    svc->ready = !why_not;
}
