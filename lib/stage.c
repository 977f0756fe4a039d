#include "lib/stage.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/log.h"
#include "lib/stage_loop.h"
#include "lib/stage_room.h"

#define STOP_WAIT_MS 1000 /* for work threads that were just told to stop */

const struct stage_timing stage_timing = {.heartbeat_ms = 1000,
                                          .silent_ms = 2500,
                                          .resend_ms = 2000,
                                          .reoffer_ms = 5000,
                                          .refused_ms = 10000,
                                          .overrun_ms = 5000,
                                          .lookup_ms = 5000};

struct metric stage_tasks =
    METRIC_COUNTER1("sheaf_stage_tasks_total", "tasks by how they ended here", "outcome");
static struct metric milliseconds =
    METRIC_COUNTER1("sheaf_stage_milliseconds_total", "time that work functions took, by task type", "type");
static struct metric in_hand =
    METRIC_GAUGE("sheaf_stage_in_hand", "tasks in work and results not acknowledged yet");
static struct metric working = METRIC_GAUGE1("sheaf_stage_working", "tasks in work, by task type", "type");
static struct metric links_up = METRIC_GAUGE("sheaf_links", "dispatchers that room is given to");

/* Results */

static void log_failure(const struct stage_inner *work)
{
    char job[ID_TEXT];
    id_from_bytes(work->task.job, job);
    log_warn("task_failed", F_STR("job", job), F_STR("type", work->task.type),
             F_INT("index", work->task.index), F_STR("outcome", wire_outcome_name(work->outcome)),
             F_INT("attempt", work->task.token.attempt), F_INT("ms", work->took_ms), F_ERR(&work->err));
}

/* Puts what came out into the hold; true when it is to be said. */
static bool keep_result(struct stage *s, struct stage_inner *work)
{
    struct held *h = work->held;
    metric_add(&milliseconds, s->service->types[work->type].name, work->took_ms);
    if (!h) return false;
    if (!work->outcome && h->state == HELD_WORKING) stage_hold_drop(&s->hold, h);
    if (!stage_hold_finish(&s->hold, h, work->outcome, &work->answer, work->answer_len)) return false;
    metric_add(&stage_tasks, wire_outcome_name(work->outcome), 1);
    if (work->outcome != OUTCOME_DONE) log_failure(work);
    return true;
}

static bool can_be_said(const struct stage *s, const struct held *h)
{
    enum link_state state = s->links[h->link].state;
    return h->state == HELD_RESULT && h->confirmed && (state == LINK_LIVE || state == LINK_DRAINING);
}

/* All that came out since the last turn: first the room that it frees, then one RESULT each, which states it.
 */
static void take_results(struct stage *s, int64_t now_ms)
{
    struct stage_inner *all = stage_pool_take(s->pool);
    for (struct stage_inner *w = all; w; w = w->next) {
        if (!keep_result(s, w)) w->held = NULL;
    }
    stage_rooms_divide(s);
    while (all) {
        struct stage_inner *next = all->next;
        if (all->held && can_be_said(s, all->held)) (void)stage_say_result(s, all->held, now_ms);
        stage_inner_free(all);
        all = next;
    }
}

static void say_results_again(struct stage *s, int64_t now_ms)
{
    for (struct held *h = s->hold.first; h; h = h->next) {
        if (!can_be_said(s, h) || (h->said_ms && now_ms - h->said_ms < s->timing->resend_ms)) continue;
        if (stage_say_result(s, h, now_ms) != 0) return; /* full: the next tick goes on */
    }
}

static void say_progress(struct stage *s)
{
    for (struct held *h = s->hold.first; h; h = h->next) {
        if (h->state != HELD_WORKING || !h->work || !h->confirmed || s->links[h->link].state != LINK_LIVE)
            continue;
        uint64_t progress = atomic_load_explicit(&h->work->progress, memory_order_relaxed);
        if (progress != h->progress_said && stage_say_progress(s, h, progress) == 0)
            h->progress_said = progress;
    }
}

/* Closing */

static void begin_closing(struct stage *s, int64_t now_ms)
{
    s->closing = true;
    s->close_by_ms = now_ms + svc_settings(s->svc)->drain_ms;
}

/* A work function that ignores its deadline cannot be stopped; the rest of the process can.  The task is
 * answered now, so that somebody else may try, and the thread is left behind. */
static void give_up_on(struct stage *s, struct held *h, int64_t now_ms)
{
    struct stage_inner *work = h->work;
    struct err err = {0};
    char job[ID_TEXT];
    id_from_bytes(h->task.job, job);
    log_error("work_overran", F_STR("job", job), F_STR("type", h->task.type), F_INT("index", h->task.index),
              F_INT("late_ms", now_ms - work->deadline_ms));
    err_code(&err, ERR_TIMEOUT, "timeout", "the step did not stop when its time was up");
    size_t len = 0;
    char *answer = stage_answer_of_err(&err, &len);
    work->held = NULL;
    if (stage_hold_finish(&s->hold, h, OUTCOME_RETRY, &answer, len))
        metric_add(&stage_tasks, wire_outcome_name(OUTCOME_RETRY), 1);
    free(answer);
}

static void watch_deadlines(struct stage *s, int64_t now_ms)
{
    bool found = false;
    for (struct held *h = s->hold.first, *next; h; h = next) {
        next = h->next;
        if (!h->work || !atomic_load_explicit(&h->work->begun, memory_order_relaxed)) continue;
        if (now_ms - h->work->deadline_ms < s->timing->overrun_ms) continue;
        give_up_on(s, h, now_ms);
        found = true;
    }
    if (!found) return;
    s->overran = true;
    begin_closing(s, now_ms);
    /* The others have their time. */
    for (struct held *h = s->hold.first; h; h = h->next) {
        if (!h->work) continue;
        int64_t until_ms = h->work->deadline_ms + s->timing->overrun_ms;
        if (until_ms > s->close_by_ms) s->close_by_ms = until_ms;
    }
}

/* What is left when the time is up: given to somebody else. */
static void hand_back_rest(struct stage *s)
{
    for (struct held *h = s->hold.first, *next; h; h = next) {
        next = h->next;
        struct stage_link *link = &s->links[h->link];
        if (h->state == HELD_WORKING && h->confirmed &&
            (link->state == LINK_LIVE || link->state == LINK_DRAINING))
            (void)stage_say_handed_back(link, &h->task, h->type);
        if (h->state == HELD_WORKING) stage_hold_drop(&s->hold, h);
    }
}

/* The loop */

static void wait_turn(struct stage *s, int64_t now_ms)
{
    struct bus_item items[STAGE_LINKS_MAX + 2];
    int n = 0, fds;
    for (int i = 0; i < s->n_links; i++) {
        /* A HELLO goes out the moment the connection stands, not with the tick after it. */
        if (s->links[i].state != LINK_FREE)
            items[n++] = (struct bus_item){
                .socket = s->links[i].socket, .fd = -1, .events = s->links[i].hello_due ? POLLOUT : 0};
    }
    fds = n;
    items[n++] = (struct bus_item){.fd = svc_signal_fd(s->svc), .events = POLLIN};
    items[n++] = (struct bus_item){.fd = s->event_fd, .events = POLLIN};
    int64_t wait_ms = s->next_tick_ms - now_ms;
    if (bus_wait(items, n, wait_ms > 0 ? wait_ms : 0) == 0) return;
    if (items[fds].revents) svc_take_signal(s->svc);
    if (items[fds + 1].revents) {
        uint64_t count;
        (void)!read(s->event_fd, &count, sizeof(count)); /* it only wakes: who wrote is asked in any case */
    }
}

static void tell_ready(struct stage *s)
{
    const char *why_not = NULL;
    if (s->overran)
        why_not = "a step ignored its deadline; ending to be restarted";
    else if (s->closing)
        why_not = "draining";
    else if (s->n_links == 0)
        why_not = "no dispatcher is known";
    else if (stage_links_live(s) == 0)
        why_not = "no dispatcher answers";
    svc_ready(s->svc, why_not);
}

static void tick(struct stage *s, int64_t now_ms)
{
    struct err err = {0};
    if (stage_links_follow(s, &err) == -1) log_error("link_not_opened", F_ERR(&err));
    stage_links_tick(s, now_ms);
    watch_deadlines(s, now_ms);
    say_results_again(s, now_ms);
    if (now_ms >= s->next_progress_ms) {
        say_progress(s);
        s->next_progress_ms = now_ms + s->timing->heartbeat_ms;
    }
    metric_set(&in_hand, NULL, (int64_t)s->hold.n);
    for (int i = 0; i < s->service->n_types; i++)
        metric_set(&working, s->service->types[i].name, s->hold.types[i].working);
    metric_set(&links_up, NULL, stage_links_live(s));
    /* With nothing in hand only heartbeats are due, and they may be a little late. */
    s->next_tick_ms =
        now_ms + s->timing->heartbeat_ms / (s->hold.n || stage_links_live(s) < s->n_links ? 10 : 4);
}

static void turn(struct stage *s)
{
    wait_turn(s, clock_ms());
    if (svc_stopping(s->svc) && !s->closing) begin_closing(s, clock_ms());
    for (int i = 0; i < s->n_links; i++) {
        if (s->links[i].state != LINK_FREE) stage_hear(s, &s->links[i]);
    }
    int64_t now_ms = clock_ms();
    take_results(s, now_ms);
    if (now_ms >= s->next_tick_ms) tick(s, now_ms);
    stage_links_greet(s, now_ms);
    stage_rooms_divide(s);
    stage_rooms_state(s);
    svc_beat(s->svc);
    tell_ready(s);
}

static bool is_over(const struct stage *s)
{
    return s->closing && (s->hold.n == 0 || clock_ms() >= s->close_by_ms);
}

/* Start and end */

static int check_service(const struct stage_service *service, struct err *err)
{
    if (service->n_types < 1 || service->n_types > STAGE_TYPES_MAX)
        return err_set(err, ERR_BUG, "a stage service has 1 to %d types", STAGE_TYPES_MAX);
    for (int i = 0; i < service->n_types; i++) {
        const struct stage_type *t = &service->types[i];
        if (strlen(t->name) >= WIRE_TYPE || t->threads < 1 || t->room < t->threads || t->room > WIRE_ROOM_MAX)
            return err_set(err, ERR_BUG, "type %s: 1 <= threads <= room <= %d", t->name, WIRE_ROOM_MAX);
    }
    return 0;
}

/* The end of a long instance is what differs: the pod's random part, the process, its start. */
static void name_routing_id(struct stage *s)
{
    const char *instance = svc_instance(s->svc);
    size_t len = strlen(instance);
    snprintf(s->routing_id, sizeof(s->routing_id), "%s",
             len > BUS_PEER_MAX ? instance + len - BUS_PEER_MAX : instance);
    for (int i = 0; i < s->service->n_types; i++)
        s->spread[i] = stage_room_spread(instance, s->service->types[i].name);
}

static int start_names(struct stage *s, struct err *err)
{
    const struct settings *settings = svc_settings(s->svc);
    char here[64];
    snprintf(here, sizeof(here), "tcp://127.0.0.1:%d",
             settings_gateway_port(settings) + SETTINGS_DISPATCHER_PORT_OFFSET);
    s->names = stage_names_start(settings->dispatchers ? settings->dispatchers : here, s->timing->lookup_ms,
                                 s->event_fd, err);
    /* What is known without a look-up must be right: better to end than to wait for ever. */
    return s->names ? stage_links_follow(s, err) : -1;
}

static void beat(void *svc)
{
    svc_beat(svc);
}

static int start(struct stage *s, struct err *err)
{
    const struct settings *settings = svc_settings(s->svc);
    s->plain_ok = settings->wire_plain;
    s->event_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (s->event_fd == -1) return err_sys(err, ERR_UNAVAILABLE, errno, "eventfd");
    if (check_service(s->service, err) == -1 || stage_hold_init(&s->hold, err) == -1 || bus_init(err) == -1)
        return -1;
    name_routing_id(s);
    s->blobs = blob_open(settings, err);
    if (!s->blobs || start_names(s, err) == -1) return -1;
    s->pool = stage_pool_start(s->service, s->shared, settings, s->blobs, s->event_fd, beat, s->svc, err);
    return s->pool ? 0 : -1;
}

/* Work threads that do not stop still use what would be freed, and a destructor of the service would pull the
 * floor from under them: the process ends here, after all that could be said was said. */
static void exit_around_work(const struct stage *s)
{
    int code = s->overran ? SVC_EXIT_SYSTEM : SVC_EXIT_OK;
    log_warn("work_left_behind", F_INT("exit", code), F_STR("instance", svc_instance(s->svc)));
    _exit(code);
}

static void end(struct stage *s)
{
    hand_back_rest(s);
    stage_links_close(s);
    bus_done(); /* sends what is on its way, for as long as sockets linger */
    if (!stage_pool_stop(&s->pool, s->overran ? 0 : STOP_WAIT_MS)) exit_around_work(s);
    stage_names_stop(&s->names);
    blob_close(&s->blobs);
    stage_hold_done(&s->hold);
    if (s->event_fd >= 0) close(s->event_fd);
}

int stage_run_with(struct svc *svc, const struct stage_service *service, void *shared,
                   const struct stage_timing *timing, struct err *err)
{
    struct stage *s = calloc(1, sizeof(*s));
    if (!s) return err_set(err, ERR_NOMEM, "the stage");
    s->svc = svc;
    s->service = service;
    s->timing = timing;
    s->shared = shared;
    s->event_fd = -1;
    int rc = start(s, err);
    if (rc == 0) {
        while (!is_over(s)) turn(s);
        if (s->overran)
            rc = err_set(err, ERR_TIMEOUT, "a step ignored its deadline by %" PRId64 " ms",
                         timing->overrun_ms);
    }
    end(s);
    free(s);
    return rc;
}

int stage_run(struct svc *svc, const struct stage_service *service, void *shared, struct err *err)
{
    return stage_run_with(svc, service, shared, &stage_timing, err);
}
