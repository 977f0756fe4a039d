/* What workers are told, and what Redis's answers mean for them.
 *
 * Where a dispatcher's CPU goes (perf, four stages that do nothing, glibc's cache of freed memory off as `sheaf up` has it): a third to the kernel,
 * nearly all of it libzmq's waking and sending; a fifth went to malloc and free, a tenth to printf and scanf.  By callgrind the formatting and a
 * malloc for each word of a reply were what could be spared: without them a task takes 25 thousand instructions, not 45.
 * What is left of malloc is a sixth, in no one place: 7 of 100 libzmq's, whose frames hold what is longer than 32 bytes by an allocation each (a
 * header is, and a body; given our own memory it allocates to remember that); 4 the copies of a result and of what its job is told, which outlive
 * the message and the reply that they came in; 2 the delivery in hold.c.  Pools of these would gain less than they take to read; the cache of
 * freed memory gains 4, and keeps it. */
#include <stdlib.h>
#include <string.h>

#include "dispatcher/body.h"
#include "dispatcher/dispatcher.h"
#include "dispatcher/retry.h"
#include "lib/clock.h"
#include "lib/digest.h"
#include "lib/fault.h"
#include "lib/log.h"

/* ---- saying ------------------------------------------------------------------------------------------ */

int dispatch_send(struct dispatcher *d, const struct bus_peer *peer, struct wire_header *h, const char *body)
{
    h->major = WIRE_MAJOR;
    h->minor = WIRE_MINOR;
    return bus_send(d->socket, peer, h, body, body ? strlen(body) : 0);
}

void dispatch_say_to(struct dispatcher *d, const struct bus_peer *peer, enum wire_command command)
{
    struct wire_header h = {.command = (uint8_t)command};
    (void)dispatch_send(d, peer, &h, NULL); /* a peer that is gone says HELLO when it is back */
}

void dispatch_say(struct dispatcher *d, struct worker *w, enum wire_command command)
{
    if (command == WIRE_DRAIN) w->drained = true;
    dispatch_say_to(d, &w->peer, command);
}

void dispatch_say_all(struct dispatcher *d, enum wire_command command)
{
    for (struct worker *w = d->workers.first; w; w = w->next) dispatch_say(d, w, command);
}

void dispatch_heartbeat(struct dispatcher *d)
{
    struct wire_header h = {.command = WIRE_HEARTBEAT};
    const bool told = d->watch.levels.len && !d->watch.levels.bad;
    for (struct worker *w = d->workers.first; w; w = w->next)
        (void)dispatch_send(d, &w->peer, &h, told ? d->watch.levels.data : NULL);
}

/* About a task: its identity is repeated unchanged. */
static void say_of_task(struct dispatcher *d, const struct bus_peer *peer, const struct wire_header *task,
                        enum wire_command command, uint8_t status)
{
    struct wire_header h = *task;
    h.command = (uint8_t)command;
    h.status = status;
    h.ms_left = h.room_seq = h.room = 0;
    (void)dispatch_send(d, peer, &h, NULL); /* lost with its connection: said again when the worker says it again */
}

/* ---- deliveries --------------------------------------------------------------------------------------- */

void dispatch_left_hand(struct delivery *x)
{
    if (x->worker && x->worker->types[x->row].in_hand) x->worker->types[x->row].in_hand--;
    x->worker = NULL;
}

void dispatch_give_back(struct dispatcher *d, struct delivery *x)
{
    engine_give_back(d->engine, &x->task);
    dispatch_left_hand(x);
    hold_remove(&d->hold, x);
}

void dispatch_cancel(struct dispatcher *d, struct delivery *x)
{
    if (x->worker) {
        say_of_task(d, &x->worker->peer, &x->task, WIRE_CANCEL, 0);
        /* It may go on for a while and keeps its place until the worker states its room again. */
        struct worker_type *t = &x->worker->types[x->row];
        if (t->room) t->room--;
    }
    dispatch_left_hand(x);
    hold_remove(&d->hold, x);
}

void dispatch_end_without_result(struct dispatcher *d, struct delivery *x, enum ending_mode mode, const char *code,
                                 const char *text)
{
    uint32_t random;
    random_bytes(&random, sizeof random);
    struct ending e = {.task = x->task, .row = x->row, .mode = mode};
    if (mode == ENDING_RETRY) e.after_ms = retry_after_ms(x->task.token.attempt, random);
    snprintf(e.code, sizeof e.code, "%s", code);
    snprintf(e.text, sizeof e.text, "%s", text);
    x->state = DELIVERY_ENDING;
    dispatch_left_hand(x);
    engine_end(d->engine, &e);
}

/* Gives a task to the least loaded worker; 0, or -1 when nobody could be given it. */
static int deal(struct dispatcher *d, const struct taken *taken, const char *body, size_t len)
{
    struct worker *w;
    int64_t time_ms = pipeline_time_ms(taken->row, d->settings), now_ms = clock_ms();
    while ((w = workers_least_loaded(&d->workers, taken->row))) {
        struct wire_header h = taken->task;
        h.command = WIRE_TASK;
        h.ms_left = (uint32_t)time_ms;
        FAULT(before_task);
        if (bus_send(d->socket, &w->peer, &h, body, len)) {
            w->types[taken->row].room = 0; /* full or gone: until it says something new */
            continue;
        }
        struct delivery *x = hold_add(&d->hold, &taken->task);
        if (!x) return 0; /* no memory: the result will come all the same, and be committed */
        x->row = taken->row;
        x->worker = w;
        x->about = strdup(taken->about); /* no memory: it is asked for again */
        x->sent_ms = now_ms;
        x->deadline_ms = now_ms + time_ms;
        w->types[taken->row].in_hand++;
        FAULT(after_task);
        return 0;
    }
    return -1;
}

static void on_taken(void *user, const struct taken *taken)
{
    struct dispatcher *d = user;
    struct delivery *old = hold_find(&d->hold, &taken->task);
    if (old) dispatch_cancel(d, old); /* an older delivery that was reclaimed from us while we were frozen */
    body_build(&d->body, taken);
    if (d->body.bad || d->body.len > WIRE_BODY_MAX) {
        struct ending e = {.task = taken->task, .row = taken->row, .mode = ENDING_REFUSED, .code = "too_many_pages",
                           .text = "The document has too many pages to be worked on as one."};
        if (d->body.bad) engine_give_back(d->engine, &taken->task);
        else engine_end(d->engine, &e);
        return;
    }
    if (deal(d, taken, d->body.data, d->body.len)) engine_give_back(d->engine, &taken->task);
}

static void on_ended(void *user, const struct ending *ending, bool accepted, bool buried)
{
    struct dispatcher *d = user;
    char job[ID_TEXT];
    struct delivery *x = hold_find(&d->hold, &ending->task);
    if (x && !token_compare(&x->task.token, &ending->task.token)) {
        dispatch_left_hand(x);
        hold_remove(&d->hold, x);
    }
    if (ending->peer.len)
        say_of_task(d, &ending->peer, &ending->task, WIRE_RESULT_ACK, accepted ? ACK_ACCEPTED : ACK_SUPERSEDED);
    FAULT(result_acknowledged);
    id_from_bytes(ending->task.job, job);
    if (buried)
        log_warn("buried", F_STR("job", job), F_STR("stage", ending->task.type), F_INT("index", ending->task.index),
                 F_STR("code", ending->code), F_STR("text", ending->text));
    else if (ending->mode != ENDING_DONE && accepted)
        log_info("deferred", F_STR("job", job), F_STR("stage", ending->task.type), F_INT("index", ending->task.index),
                 F_INT("attempt", ending->task.token.attempt), F_INT("after_ms", ending->after_ms),
                 F_STR("text", ending->text));
    engine_want_take(d->engine);
}

static void on_renewed(void *user, const struct wire_header *task, enum engine_answer answer)
{
    struct dispatcher *d = user;
    struct delivery *x = hold_find(&d->hold, task);
    if (answer == ANSWER_YES || !x || token_compare(&x->task.token, &task->token)) return;
    if (x->state == DELIVERY_WORKING) dispatch_cancel(d, x);
}

static void on_adopted(void *user, const struct bus_peer *peer, uint32_t hello, const struct wire_header *tasks,
                       const bool *yes, int n)
{
    struct dispatcher *d = user;
    struct worker *w = workers_find(&d->workers, peer);
    struct buf body = BUF_INIT;
    const char *comma = "";
    if (!w) return; /* it said BYE or died meanwhile: the leases end */
    buf_puts(&body, "{\"adopted\":[");
    for (int i = 0; i < n; i++) {
        if (!yes[i]) continue;
        buf_printf(&body, "%s%d", comma, i);
        comma = ",";
        struct delivery *x = hold_find(&d->hold, &tasks[i]);
        if (x && token_compare(&x->task.token, &tasks[i].token)) dispatch_cancel(d, x); /* an older delivery of it */
        x = hold_add(&d->hold, &tasks[i]);
        if (!x) continue; /* ours already */
        x->row = pipeline_find(tasks[i].type);
        x->worker = w;
        x->sent_ms = clock_ms();
        x->deadline_ms = x->sent_ms + pipeline_time_ms(x->row, d->settings);
        x->listed = w->hello_round;
        w->types[x->row].in_hand++;
    }
    buf_puts(&body, "]}");
    struct wire_header h = {.command = WIRE_WELCOME, .status = WELCOME_YES, .room_seq = hello};
    if (!body.bad) (void)dispatch_send(d, peer, &h, body.data);
    FAULT(adopted);
    buf_done(&body);
}

const struct engine_events dispatch_events = {
    .taken = on_taken, .ended = on_ended, .renewed = on_renewed, .adopted = on_adopted};
