/* What workers say: one function per message. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "dispatcher/dispatcher.h"
#include "dispatcher/presence.h"
#include "dispatcher/retry.h"
#include "lib/buf.h"
#include "lib/clock.h"
#include "lib/digest.h"
#include "lib/fault.h"
#include "lib/log.h"
#include "lib/metrics.h"
#include "lib/utf8.h"

#define RECEIVE_MOST 2000 /* messages a turn, so that Redis and the clock get their share */
#define HOLDS_MAX    48   /* in one HELLO (PROTOCOL.md) */

static struct metric dropped = METRIC_COUNTER1("sheaf_wire_dropped_total", "messages dropped by reason", "reason");
static struct metric known_workers = METRIC_GAUGE("sheaf_workers", "workers connected to this dispatcher");

struct message {
    struct bus_peer from;
    struct wire_header h;
    const char *body;
    size_t body_len;
    struct worker *worker; /* NULL only for HELLO and BYE */
};

static json_t *parse_object(const struct message *m)
{
    json_t *object = m->body_len ? json_loadb(m->body, m->body_len, 0, NULL) : json_object();
    if (json_is_object(object)) return object;
    json_decref(object);
    metric_add(&dropped, "body", 1);
    return NULL;
}

/* A text that is too long ends before the character that does not fit: half of one would make no JSON of what it goes into. */
static void copy_text(char *out, size_t size, const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    if (!text) text = "";
    snprintf(out, size, "%.*s", (int)utf8_fit(text, size - 1), text);
}

static uint16_t small(const json_t *value)
{
    json_int_t n = json_integer_value(value);
    return n < 0 ? 0 : n > WIRE_ROOM_MAX ? WIRE_ROOM_MAX : (uint16_t)n;
}

/* One of HELLO's holds. False when it makes no sense. */
static bool parse_hold(const json_t *item, struct wire_header *task)
{
    const char *type = json_string_value(json_object_get(item, "type"));
    const char *entry = json_string_value(json_object_get(item, "entry"));
    const char *job = json_string_value(json_object_get(item, "job"));
    json_int_t shard = json_integer_value(json_object_get(item, "shard"));
    *task = (struct wire_header){.major = WIRE_MAJOR, .minor = WIRE_MINOR};
    if (!type || !entry || !job || !id_valid(job) || pipeline_find(type) < 0 || shard < 0 || shard > 255) return false;
    if (!entry_parse(entry, &task->entry)) return false;
    snprintf(task->type, sizeof task->type, "%s", type);
    id_to_bytes(job, task->job);
    task->shard = (uint8_t)shard;
    task->index = (uint32_t)json_integer_value(json_object_get(item, "index"));
    task->token = (struct token){(uint64_t)json_integer_value(json_object_get(item, "run")),
                                 (uint32_t)json_integer_value(json_object_get(item, "attempt")),
                                 (uint32_t)json_integer_value(json_object_get(item, "delivery"))};
    return true;
}

/* Marks what the HELLO lists, and collects all of it for adoption: what is ours already is simply confirmed. Positions
 * are kept, so an unreadable one stands as a task that no Redis knows. */
static int list_holds(struct dispatcher *d, struct worker *w, const json_t *holds, struct wire_header tasks[HOLDS_MAX])
{
    int n = 0;
    size_t i;
    json_t *item;
    json_array_foreach(holds, i, item)
    {
        if (n == HOLDS_MAX) break;
        if (!parse_hold(item, &tasks[n])) strcpy(tasks[n].type, "notify");
        struct delivery *x = hold_find(&d->hold, &tasks[n]);
        if (x && x->worker == w) x->listed = w->hello_round;
        n++;
    }
    return n;
}

/* After a complete round of HELLOs: a TASK that was sent well before and is not listed was lost with its connection. */
static void give_back_unlisted(struct dispatcher *d, struct worker *w)
{
    int64_t before_ms = clock_ms() - 2000;
    for (struct delivery *x = d->hold.first, *next; x; x = next) {
        next = x->next;
        if (x->worker == w && x->state == DELIVERY_WORKING && x->listed != w->hello_round && x->sent_ms < before_ms)
            dispatch_give_back(d, x);
    }
}

static void welcome(struct dispatcher *d, const struct message *m, bool complete)
{
    char body[160];
    snprintf(body, sizeof body, "{\"dispatcher\":\"%s\"%s}", svc_instance(d->svc), complete ? ",\"adopted\":[]" : "");
    struct wire_header h = {.command = WIRE_WELCOME, .status = WELCOME_YES, .room_seq = m->h.room_seq};
    (void)dispatch_send(d, &m->from, &h, body);
}

static void hear_hello(struct dispatcher *d, struct message *m)
{
    json_t *hello = parse_object(m);
    if (!hello) return;
    bool is_new = !m->worker;
    struct worker *w = m->worker ? m->worker : workers_add(&d->workers, &m->from, clock_ms());
    if (!w) {
        json_decref(hello);
        return; /* no memory: it says HELLO again */
    }
    copy_text(w->instance, sizeof w->instance, hello, "instance");
    copy_text(w->service, sizeof w->service, hello, "service");
    copy_text(w->host, sizeof w->host, hello, "host");
    copy_text(w->version, sizeof w->version, hello, "version");
    const char *type;
    json_t *stated;
    json_object_foreach(json_object_get(hello, "types"), type, stated)
    {
        int row = pipeline_find(type);
        if (row < 0) continue;
        worker_state_hello(w, row, m->h.room_seq, small(json_object_get(stated, "room")), small(json_object_get(stated, "total")));
        copy_text(w->types[row].via, sizeof w->types[row].via, stated, "via");
    }
    if (json_integer_value(json_object_get(hello, "part")) == 0) w->hello_round++;
    w->drained = false;
    struct wire_header tasks[HOLDS_MAX];
    int n = list_holds(d, w, json_object_get(hello, "holds"), tasks);
    FAULT(hello_heard);
    welcome(d, m, n == 0);
    if (n) engine_adopt(d->engine, &m->from, m->h.room_seq, tasks, n);
    if (!json_is_true(json_object_get(hello, "more"))) give_back_unlisted(d, w);
    json_decref(hello);
    if (is_new) {
        metric_add(&known_workers, NULL, 1);
        log_info("worker_up", F_STR("worker", w->instance), F_STR("service", w->service), F_STR("host", w->host));
        d->timers.presence_ms = 0; /* let everybody know at once */
    }
    if (d->workers_drained || d->drain_until_ms) dispatch_say(d, w, WIRE_DRAIN);
    engine_want_take(d->engine);
}

static void state_room(struct dispatcher *d, const struct message *m)
{
    int row = pipeline_find(m->h.type);
    if (row < 0) return;
    worker_state_room(m->worker, row, m->h.room_seq, m->h.room);
    engine_want_take(d->engine);
}

static void hear_credit(struct dispatcher *d, struct message *m)
{
    state_room(d, m);
}

/* What a RESULT that is not done says: {"code","text","after_ms"}. */
static void read_failure(const struct message *m, struct ending *e)
{
    uint32_t random;
    json_t *said = parse_object(m);
    random_bytes(&random, sizeof random);
    copy_text(e->code, sizeof e->code, said, "code");
    copy_text(e->text, sizeof e->text, said, "text");
    int64_t told_ms = json_integer_value(json_object_get(said, "after_ms"));
    if (e->mode == ENDING_RETRY) e->after_ms = retry_after_ms(m->h.token.attempt, random);
    if (e->mode == ENDING_THROTTLED) e->after_ms = throttle_after_ms(told_ms, random);
    json_decref(said);
}

static void read_result(const struct message *m, struct ending *e)
{
    struct err err;
    if (pipeline_opens(e->row, m->body, e->opens, &err)) {
        e->mode = ENDING_REFUSED; /* our own service is wrong; trying again would not mend it */
        snprintf(e->code, sizeof e->code, "internal");
        snprintf(e->text, sizeof e->text, "The stage gave an answer that makes no sense.");
        return;
    }
    e->result = strdup(m->body);
}

static void hear_result(struct dispatcher *d, struct message *m)
{
    static const enum ending_mode modes[OUTCOMES] = {[OUTCOME_DONE] = ENDING_DONE,
                                                     [OUTCOME_RETRY] = ENDING_RETRY,
                                                     [OUTCOME_THROTTLED] = ENDING_THROTTLED,
                                                     [OUTCOME_REFUSED] = ENDING_REFUSED};
    int row = pipeline_find(m->h.type);
    struct delivery *x = hold_find(&d->hold, &m->h);
    bool ours = x && !token_compare(&x->task.token, &m->h.token);
    FAULT(result_heard);
    if (ours && x->state == DELIVERY_WORKING) dispatch_left_hand(x);
    state_room(d, m);
    if (row < 0 || (ours && x->result_heard)) return;
    struct ending e = {.task = m->h, .row = row, .mode = modes[m->h.status], .peer = m->from};
    if (m->h.shard >= d->settings->shards) { /* no Redis will ever be asked about it */
        dispatch_events.ended(d, &e, false, false);
        return;
    }
    snprintf(e.worker, sizeof e.worker, "%s", m->worker->instance);
    if (e.mode == ENDING_DONE) read_result(m, &e);
    else read_failure(m, &e);
    if (ours) {
        x->state = DELIVERY_ENDING;
        x->result_heard = true;
        e.about = x->about;
        x->about = NULL;
    }
    engine_end(d->engine, &e);
}

static void hear_handed_back(struct dispatcher *d, struct message *m)
{
    struct delivery *x = hold_find(&d->hold, &m->h);
    if (x && x->state == DELIVERY_WORKING && !token_compare(&x->task.token, &m->h.token)) dispatch_give_back(d, x);
    state_room(d, m);
}

static void hear_heartbeat(struct dispatcher *d, struct message *m)
{
    struct worker *w = m->worker;
    json_t *beat = parse_object(m);
    const json_t *rooms = json_object_get(beat, "room"), *held = json_object_get(beat, "held");
    bool fewer = false;
    for (int row = 0; row < PIPELINE_TYPES; row++) {
        const json_t *room = json_object_get(rooms, pipeline[row].type);
        if (room) worker_state_room(w, row, m->h.room_seq, small(room));
        if (w->types[row].in_hand > json_integer_value(json_object_get(held, pipeline[row].type))) fewer = true;
    }
    json_decref(beat);
    w->short_beats = fewer ? w->short_beats + 1 : 0;
    if (w->short_beats >= 2) {
        w->short_beats = 0;
        dispatch_say(d, w, WIRE_WHO); /* a TASK may have been lost: its HELLO lists what it really has */
    }
}

static void hear_progress(struct dispatcher *d, struct message *m)
{
    (void)d; /* pages and stages are progress enough for the job's page; within one task nobody shows it yet */
    (void)m;
}

void hear_no_more(struct dispatcher *d, struct worker *w)
{
    for (struct delivery *x = d->hold.first; x; x = x->next)
        if (x->worker == w) x->worker = NULL;
    presence_end_worker(d->redis, w);
    metric_add(&known_workers, NULL, -1);
    workers_remove(&d->workers, w);
}

static void hear_bye(struct dispatcher *d, struct message *m)
{
    if (!m->worker) return;
    log_info("worker_bye", F_STR("worker", m->worker->instance), F_STR("service", m->worker->service));
    for (struct delivery *x = d->hold.first, *next; x; x = next) {
        next = x->next;
        if (x->worker == m->worker && x->state == DELIVERY_WORKING) dispatch_give_back(d, x);
    }
    hear_no_more(d, m->worker);
}

typedef void hearer(struct dispatcher *d, struct message *m);
static hearer *const hearers[WIRE_COMMANDS] = {
    [WIRE_HELLO] = hear_hello,       [WIRE_CREDIT] = hear_credit,           [WIRE_RESULT] = hear_result,
    [WIRE_PROGRESS] = hear_progress, [WIRE_HANDED_BACK] = hear_handed_back, [WIRE_HEARTBEAT] = hear_heartbeat,
    [WIRE_BYE] = hear_bye,
};

static void refuse_major(struct dispatcher *d, const struct message *m)
{
    struct wire_header h = {.command = WIRE_WELCOME, .status = WELCOME_WRONG_MAJOR};
    char body[160];
    snprintf(body, sizeof body, "{\"dispatcher\":\"%s\",\"version\":\"" SHEAF_VERSION "\"}", svc_instance(d->svc));
    log_warn("worker_refused", F_INT("major", m->h.major), F_INT("ours", WIRE_MAJOR));
    (void)dispatch_send(d, &m->from, &h, body);
}

static void hear(struct dispatcher *d, struct message *m, enum wire_problem problem)
{
    if (problem == WIRE_BAD_MAJOR) {
        refuse_major(d, m);
        return;
    }
    if (problem != WIRE_OK || !hearers[m->h.command]) {
        metric_add(&dropped, problem != WIRE_OK ? wire_problem_text(problem) : "not a worker's", 1);
        return;
    }
    m->worker = workers_find(&d->workers, &m->from);
    if (m->worker) m->worker->seen_ms = clock_ms();
    if (!m->worker && m->h.command != WIRE_HELLO && m->h.command != WIRE_BYE) {
        dispatch_say_to(d, &m->from, WIRE_WHO);
        return;
    }
    hearers[m->h.command](d, m);
}

void hear_all(struct dispatcher *d)
{
    struct message m = {0};
    enum wire_problem problem;
    for (int i = 0; i < RECEIVE_MOST && bus_receive(d->socket, &m.from, &m.h, &m.body, &m.body_len, &problem) == 1; i++)
        hear(d, &m, problem);
}
