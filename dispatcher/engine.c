#include "dispatcher/engine.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dispatcher/args.h"
#include "lib/clock.h"
#include "lib/fault.h"
#include "lib/log.h"
#include "lib/metrics.h"
#include "lib/scripts.h"

#define CALL_ITEMS_MAX 256  /* items of one script call: bounds how long Redis is busy with it (about 5 ms) */
#define TAKE_MOST      64   /* of one type by one call: more is taken by the next, while workers are at work on these; one call for all lets
                             * Redis and the workers wait for each other in turn */
#define PROMOTE_MOST   500
#define AGAIN_MS       200  /* after an error answer (LOADING, full memory): not at once again */
#define ENDINGS_KEPT   128  /* places kept when all are sent: the busiest turn must not be paid for ever */

static struct metric deliveries = METRIC_COUNTER1("sheaf_deliveries_total", "deliveries by how they ended", "outcome");
static struct metric taken_total = METRIC_COUNTER1("sheaf_taken_total", "tasks taken from Redis", "type");
static struct metric script_errors = METRIC_COUNTER1("sheaf_script_errors_total", "script calls that failed", "script");

static const char *const mode_names[] = {"done", "retry", "throttled", "lost", "refused"};

/* A worker's offer: one call per shard that occurs in it, one answer when all have come. */
struct offer {
    struct bus_peer peer;
    uint32_t hello;
    struct wire_header *tasks;
    bool *yes;
    int n, waiting;
    bool broken;
};

struct engine {
    const struct settings *settings;
    redis_t *redis;
    const char *me;
    struct engine_events events;
    struct ending *endings; /* gathered */
    int n_endings, cap_endings;
    struct wire_header *given;
    int n_given, cap_given;
    struct offer **offers;
    int n_offers, cap_offers;
    bool want_take;
    int unanswered;         /* calls of the present turn */
    int64_t not_before_ms;  /* the next turn, after an error */
    int64_t promote_at_ms;
    unsigned first_shard;   /* rotates, so that no shard is always served last */
};

/* One script call on its way: it owns its items until Redis has answered. */
struct call {
    engine_t *engine;
    struct ending *endings;
    struct wire_header *tasks;
    struct offer *offer;
    unsigned shard;
    int n;
};

engine_t *engine_new(const struct settings *settings, redis_t *redis, const char *me, const struct engine_events *events)
{
    engine_t *e = calloc(1, sizeof *e);
    if (!e) return NULL;
    e->settings = settings;
    e->redis = redis;
    e->me = me;
    e->events = *events;
    e->promote_at_ms = clock_ms();
    return e;
}

static void ending_done(struct ending *x)
{
    free(x->result);
    free(x->opens);
    free(x->about);
}

static void offer_done(struct offer *o)
{
    free(o->tasks);
    free(o->yes);
    free(o);
}

void engine_destroy(engine_t **e)
{
    if (!*e) return;
    for (int i = 0; i < (*e)->n_endings; i++) ending_done(&(*e)->endings[i]);
    for (int i = 0; i < (*e)->n_offers; i++) offer_done((*e)->offers[i]);
    free((*e)->endings);
    free((*e)->given);
    free((*e)->offers);
    free(*e);
    *e = NULL;
}

/* Room for one more in a growing array; what cannot be kept for want of memory comes back by its lease. */
static bool grow(void **list, int n, int *cap, size_t size)
{
    if (n < *cap) return true;
    int wider = *cap ? *cap * 2 : 64;
    void *moved = realloc(*list, (size_t)wider * size);
    if (!moved) return false;
    *list = moved;
    *cap = wider;
    return true;
}

void engine_end(engine_t *e, struct ending *ending)
{
    if (grow((void **)&e->endings, e->n_endings, &e->cap_endings, sizeof *e->endings))
        e->endings[e->n_endings++] = *ending;
    else
        ending_done(ending);
    *ending = (struct ending){0};
}

void engine_give_back(engine_t *e, const struct wire_header *task)
{
    if (grow((void **)&e->given, e->n_given, &e->cap_given, sizeof *e->given)) e->given[e->n_given++] = *task;
}

void engine_adopt(engine_t *e, const struct bus_peer *peer, uint32_t hello, const struct wire_header *tasks, int n)
{
    struct offer *o = calloc(1, sizeof *o);
    if (!o) return; /* here as below: the worker offers again */
    *o = (struct offer){.peer = *peer, .hello = hello, .n = n};
    o->tasks = malloc((size_t)n * sizeof *o->tasks);
    o->yes = calloc((size_t)n, sizeof *o->yes);
    if (!o->tasks || !o->yes || !grow((void **)&e->offers, e->n_offers, &e->cap_offers, sizeof(struct offer *))) {
        offer_done(o);
        return;
    }
    memcpy(o->tasks, tasks, (size_t)n * sizeof *o->tasks);
    e->offers[e->n_offers++] = o;
}

void engine_want_take(engine_t *e)
{
    e->want_take = true;
}

bool engine_idle(const engine_t *e)
{
    return !e->n_endings && !e->n_given && !e->n_offers && !e->unanswered;
}

int64_t engine_promote_at_ms(const engine_t *e)
{
    return e->promote_at_ms;
}

/* ---- calls and their answers ---------------------------------------------------------------------- */

static struct call *call_new(engine_t *e, size_t n_endings, size_t n_tasks)
{
    struct call *c = calloc(1, sizeof *c);
    if (!c) return NULL;
    c->engine = e;
    c->endings = n_endings ? calloc(n_endings, sizeof *c->endings) : NULL;
    c->tasks = n_tasks ? calloc(n_tasks, sizeof *c->tasks) : NULL;
    if ((n_endings && !c->endings) || (n_tasks && !c->tasks)) {
        free(c->endings);
        free(c->tasks);
        free(c);
        return NULL;
    }
    return c;
}

static void call_done(struct call *c)
{
    for (int i = 0; c->endings && i < c->n; i++) ending_done(&c->endings[i]);
    free(c->endings);
    free(c->tasks);
    free(c);
}

/* True when there is an answer to work with. An error is logged, since nobody else sees it. */
static bool usable(engine_t *e, const redis_reply_t *reply, const char *script)
{
    if (reply && redis_type(reply) != REDIS_ERROR) return true;
    if (reply) {
        log_warn("script_error", F_STR("script", script), F_STR("text", redis_str(reply)));
        metric_add(&script_errors, script, 1);
    }
    e->not_before_ms = clock_ms() + AGAIN_MS;
    return false;
}

/* `answers` NULL: nobody knows whether it ran. Then once more: the script knows. */
static void take_answers(struct call *c, const redis_reply_t *answers)
{
    engine_t *e = c->engine;
    for (int i = 0; i < c->n; i++) {
        if (!answers) {
            engine_end(e, &c->endings[i]);
            continue;
        }
        int64_t answer = redis_int(redis_at(answers, (size_t)i));
        metric_add(&deliveries, answer == 2 ? "superseded" : mode_names[c->endings[i].mode], 1);
        e->events.ended(e->events.user, &c->endings[i], answer != 2, answer == 3);
    }
}

static void on_deferred(void *user, const redis_reply_t *reply)
{
    struct call *c = user;
    c->engine->unanswered--;
    FAULT(after_defer);
    take_answers(c, usable(c->engine, reply, "defer") ? reply : NULL);
    call_done(c);
}

static void put_identity(struct args *a, const struct ending *x)
{
    args_text(a, x->task.type);
    args_entry(a, &x->task.entry);
    args_u64(a, x->task.token.run);
    args_int(a, x->task.token.attempt);
    args_int(a, x->task.token.delivery);
    args_job(a, x->task.job);
    args_int(a, x->task.index);
}

static void put_deferred(engine_t *e, struct args *a, const struct ending *x)
{
    put_identity(a, x);
    args_text(a, mode_names[x->mode]);
    args_int(a, x->after_ms);
    args_int(a, e->settings->max_attempts);
    args_text(a, x->code);
    args_text(a, x->text);
}

static bool belongs(const struct ending *x, unsigned shard, bool results)
{
    return x->task.shard == shard && (x->mode == ENDING_DONE) == results;
}

/* How many gathered endings of one shard are (or are not) results: as many as one call may carry. */
static int count_endings(const engine_t *e, unsigned shard, bool results)
{
    int n = 0;
    for (int i = 0; i < e->n_endings && n < CALL_ITEMS_MAX; i++) n += belongs(&e->endings[i], shard, results);
    return n;
}

/* Moves the first n of them into the call. */
static void gather(engine_t *e, struct call *c, int n, bool results)
{
    int left = 0;
    for (int i = 0; i < e->n_endings; i++) {
        struct ending *x = &e->endings[i];
        if (c->n == n || !belongs(x, c->shard, results)) {
            e->endings[left++] = *x;
            continue;
        }
        c->endings[c->n++] = *x;
    }
    e->n_endings = left;
    if (left || e->cap_endings <= ENDINGS_KEPT) return;
    free(e->endings);
    e->endings = NULL;
    e->cap_endings = 0;
}

static void send_deferred(engine_t *e, unsigned shard)
{
    for (int n; redis_connected(e->redis) && (n = count_endings(e, shard, false));) {
        struct args a = ARGS_INIT;
        struct call *c = call_new(e, (size_t)n, 0);
        if (!c) return;
        c->shard = shard;
        gather(e, c, n, false);
        for (int i = 0; i < n; i++) put_deferred(e, &a, &c->endings[i]);
        e->unanswered++;
        FAULT(before_defer);
        args_send(&a, e->redis, &script_defer, shard, on_deferred, c);
        FAULT_AFTER(sent_defer, redis_flush(e->redis));
    }
}

static void on_given_back(void *user, const redis_reply_t *reply)
{
    struct call *c = user;
    c->engine->unanswered--;
    FAULT(after_give_back);
    (void)usable(c->engine, reply, "give_back"); /* not sent again: without us its lease ends */
    call_done(c);
}

/* "type entry delivery job run": how renew, give_back and adopt name a delivery. */
static void put_delivery(struct args *a, const struct wire_header *task)
{
    args_text(a, task->type);
    args_entry(a, &task->entry);
    args_int(a, task->token.delivery);
    args_job(a, task->job);
    args_u64(a, task->token.run);
}

static void send_given(engine_t *e, unsigned shard)
{
    struct args a = ARGS_INIT;
    struct call *c = call_new(e, 0, (size_t)e->n_given + 1);
    if (!c) return;
    args_text(&a, e->me);
    int left = 0;
    for (int i = 0; i < e->n_given; i++) {
        if (e->given[i].shard != shard) {
            e->given[left++] = e->given[i];
            continue;
        }
        c->tasks[c->n] = e->given[i];
        put_delivery(&a, &c->tasks[c->n++]);
    }
    e->n_given = left;
    e->unanswered++;
    FAULT(before_give_back);
    args_send(&a, e->redis, &script_give_back, shard, on_given_back, c);
}

/* Answers come in the order of the shard's tasks within the offer. */
static void on_adopted(void *user, const redis_reply_t *reply)
{
    struct call *c = user;
    engine_t *e = c->engine;
    struct offer *o = c->offer;
    e->unanswered--;
    size_t at = 0;
    FAULT(after_adopt);
    if (!usable(e, reply, "adopt")) o->broken = true;
    for (int i = 0; !o->broken && i < o->n; i++)
        if (o->tasks[i].shard == c->shard) o->yes[i] = redis_int(redis_at(reply, at++)) == ANSWER_YES;
    if (--o->waiting == 0) {
        if (!o->broken) e->events.adopted(e->events.user, &o->peer, o->hello, o->tasks, o->yes, o->n);
        offer_done(o);
    }
    call_done(c);
}

static void send_offer(engine_t *e, struct offer *o)
{
    bool seen[256] = {false};
    o->waiting = 1; /* held until all calls are out: an answer may come while we send */
    for (int first = 0; first < o->n; first++) {
        unsigned shard = o->tasks[first].shard;
        struct call *c = seen[shard] ? NULL : call_new(e, 0, 0);
        if (!c) continue;
        seen[shard] = true;
        c->offer = o;
        c->shard = shard;
        struct args a = ARGS_INIT;
        args_text(&a, e->me);
        for (int i = first; i < o->n; i++)
            if (o->tasks[i].shard == shard) put_delivery(&a, &o->tasks[i]);
        e->unanswered++;
        o->waiting++;
        FAULT(before_adopt);
        args_send(&a, e->redis, &script_adopt, shard, on_adopted, c);
        FAULT_AFTER(sent_adopt, redis_flush(e->redis));
    }
    if (--o->waiting == 0) offer_done(o);
}

/* ---- turn: results and room -------------------------------------------------------------------------- */

/* What the task's job tells all of them.  "": it had a result in this call that knew it; tasks come in about the order of their results, so the
 * search goes on where the last one ended. */
static const char *about_of(const struct call *c, const uint8_t job[16], const char *told, int *at)
{
    if (*told) return told;
    for (int seen = 0; seen < c->n; seen++, *at = (*at + 1) % c->n) {
        const struct ending *x = &c->endings[*at];
        if (x->about && !memcmp(x->task.job, job, sizeof x->task.job)) return x->about;
    }
    return "";
}

/* One task of a type's list, whose words begin at t->at. */
static bool parse_task(struct taken *t)
{
    char job[ID_TEXT], run[24];
    unsigned index, attempt;
    if (!entry_parse(redis_str(redis_at(t->words, t->at)), &t->task.entry)) return false;
    if (sscanf(redis_str(redis_at(t->words, t->at + 2)), "%36s %20s %u %u", job, run, &index, &attempt) != 4 || !id_valid(job)) return false;
    id_to_bytes(job, t->task.job);
    t->task.index = index;
    t->task.token = (struct token){strtoull(run, NULL, 10), attempt, (uint32_t)redis_int(redis_at(t->words, t->at + 1))};
    return true;
}

/* A list of take.lua: type, words of a task, and these. */
static int take_of_type(const struct call *c, const redis_reply_t *list)
{
    const char *type = redis_str(redis_at(list, 0));
    size_t width = (size_t)redis_int(redis_at(list, 1)), at = 2;
    int row = pipeline_find(type), n = 0, about_at = 0;
    for (; width >= 4 && at + width <= redis_len(list); at += width, n++) {
        struct taken t = {.row = row, .words = list, .at = at, .task = {.major = WIRE_MAJOR, .minor = WIRE_MINOR, .shard = (uint8_t)c->shard}};
        if (row < 0 || !parse_task(&t)) {
            log_error("entry_unreadable", F_STR("type", type));
            continue;
        }
        strcpy(t.task.type, pipeline[row].type);
        t.about = about_of(c, t.task.job, redis_str(redis_at(list, at + 3)), &about_at);
        metric_add(&taken_total, t.task.type, 1);
        c->engine->events.taken(c->engine->events.user, &t);
    }
    return n;
}

static int take_tasks(const struct call *c, const redis_reply_t *lists)
{
    int n = 0;
    for (size_t i = 0; i < redis_len(lists); i++) n += take_of_type(c, redis_at(lists, i));
    return n;
}

static void on_turned(void *user, const redis_reply_t *reply)
{
    struct call *c = user;
    engine_t *e = c->engine;
    e->unanswered--;
    if (c->n) FAULT(after_commit);
    if (redis_len(redis_at(reply, 1))) FAULT(after_take);
    if (usable(e, reply, "turn")) {
        take_answers(c, redis_at(reply, 0));
        if (take_tasks(c, redis_at(reply, 1)) >= TAKE_MOST) e->want_take = true; /* there may be more for what room is left */
    } else {
        take_answers(c, NULL);
        e->want_take = true; /* the answer may be lost: what was taken comes back by reclaim */
    }
    call_done(c);
}

static void put_rooms(struct args *a, const int room[PIPELINE_TYPES], const int window[PIPELINE_TYPES])
{
    for (int row = 0; row < PIPELINE_TYPES; row++) {
        if (room[row] <= 0) continue;
        args_text(a, pipeline[row].type);
        args_int(a, room[row] < TAKE_MOST ? room[row] : TAKE_MOST);
        args_int(a, window[row]);
        args_text(a, pipeline[row].needs ? pipeline[row].needs : "");
    }
}

static bool same_kind(const struct ending *a, const struct ending *b)
{
    return a->row == b->row && !a->about == !b->about && !strcmp(a->worker, b->worker) && !strcmp(a->opens ? a->opens : "", b->opens ? b->opens : "");
}

/* What results have in common is said once: of each kind its first result stands for it.  Answers how many there are. */
static int find_kinds(const struct call *c, uint16_t first[], uint16_t kind_of[])
{
    int n = 0;
    for (int i = 0; i < c->n; i++) {
        int k = n - 1;
        while (k >= 0 && !same_kind(&c->endings[first[k]], &c->endings[i])) k--;
        if (k < 0) first[k = n++] = (uint16_t)i;
        kind_of[i] = (uint16_t)(k + 1); /* as Lua counts */
    }
    return n;
}

static void put_kind(struct args *a, const struct ending *x)
{
    args_text(a, x->task.type);
    args_text(a, x->worker);
    args_text(a, x->opens ? x->opens : "");
    args_text(a, pipeline[x->row].join ? pipeline[x->row].join : "");
    args_text(a, x->about ? "1" : "0");
}

static void put_result(struct args *a, const struct ending *x, uint16_t kind)
{
    char run[24], token[48], entry[ENTRY_TEXT], job[ID_TEXT], index[12];
    snprintf(run, sizeof run, "%" PRIu64, x->task.token.run);
    snprintf(token, sizeof token, "%s.%u.%u", run, x->task.token.attempt, x->task.token.delivery);
    snprintf(index, sizeof index, "%u", x->task.index);
    id_from_bytes(x->task.job, job);
    args_packed(a, kind);
    args_pack(a, entry_format(&x->task.entry, entry));
    args_pack(a, run);
    args_pack(a, token);
    args_pack(a, job);
    args_pack(a, index);
    args_pack(a, x->result ? x->result : "");
}

static void put_results(struct args *a, const struct call *c)
{
    uint16_t first[CALL_ITEMS_MAX], kind_of[CALL_ITEMS_MAX];
    int n = find_kinds(c, first, kind_of);
    args_int(a, n);
    args_int(a, c->n);
    for (int k = 0; k < n; k++) put_kind(a, &c->endings[first[k]]);
    for (int i = 0; i < c->n; i++) put_result(a, &c->endings[i], kind_of[i]);
}

/* The results of one shard, and with the last of them the room: what a job's ended stage opens can be handed out by
 * the call that ends it. `room` NULL: nothing is to be taken. */
static void send_results(engine_t *e, unsigned shard, const int *room, const int *window)
{
    for (bool more = true; more && redis_connected(e->redis);) {
        int n = count_endings(e, shard, true);
        more = n == CALL_ITEMS_MAX;
        struct call *c = n || room ? call_new(e, (size_t)n, 0) : NULL;
        if (!c) return;
        struct args a = ARGS_INIT;
        args_text(&a, e->me);
        args_int(&a, e->settings->job_time_ms);
        c->shard = shard;
        gather(e, c, n, true);
        put_results(&a, c);
        if (room && !more) put_rooms(&a, room, window);
        e->unanswered++;
        if (n) FAULT(before_commit);
        if (room && !more) FAULT(before_take);
        args_send(&a, e->redis, &script_turn, shard, on_turned, c);
        if (n) FAULT_AFTER(sent_commit, redis_flush(e->redis));
        if (room && !more) FAULT_AFTER(sent_take, redis_flush(e->redis));
    }
}

/* The even part of what is left for the shards that are still to be served. */
static void divide(int left[PIPELINE_TYPES], int shards, int room[PIPELINE_TYPES])
{
    for (int row = 0; row < PIPELINE_TYPES; row++) {
        room[row] = (left[row] + shards - 1) / shards;
        left[row] -= room[row];
    }
}

void engine_turn(engine_t *e, const int room[PIPELINE_TYPES], const int window[PIPELINE_TYPES])
{
    if (e->unanswered || !redis_connected(e->redis) || clock_ms() < e->not_before_ms) return;
    int shards = (int)e->settings->shards, left[PIPELINE_TYPES], n = e->n_offers;
    bool any_room = false;
    for (int row = 0; row < PIPELINE_TYPES; row++) any_room = any_room || room[row] > 0;
    bool take = any_room && (e->want_take || e->n_endings || e->n_given || n);
    memcpy(left, room, sizeof left);
    if (take) e->want_take = false;
    e->n_offers = 0;
    for (int i = 0; i < n; i++) send_offer(e, e->offers[i]);
    for (int i = 0; i < shards; i++) {
        unsigned shard = (e->first_shard + (unsigned)i) % (unsigned)shards;
        int share[PIPELINE_TYPES];
        divide(left, shards - i, share);
        if (e->n_endings) send_deferred(e, shard);
        if (e->n_given) send_given(e, shard);
        send_results(e, shard, take ? share : NULL, window);
    }
    if (take) e->first_shard = (e->first_shard + 1) % (unsigned)shards;
    redis_flush(e->redis);
}

/* ---- timed calls ------------------------------------------------------------------------------------ */

static void on_renewed(void *user, const redis_reply_t *reply)
{
    struct call *c = user;
    engine_t *e = c->engine;
    FAULT(after_renew);
    if (usable(e, reply, "renew"))
        for (int i = 0; i < c->n; i++)
            e->events.renewed(e->events.user, &c->tasks[i], (enum engine_answer)redis_int(redis_at(reply, (size_t)i)));
    call_done(c);
}

void engine_renew(engine_t *e, const struct wire_header *tasks, int n)
{
    for (unsigned shard = 0; n > 0 && shard < (unsigned)e->settings->shards; shard++) {
        struct call *c = call_new(e, 0, (size_t)n);
        if (!c) return;
        struct args a = ARGS_INIT;
        args_text(&a, e->me);
        for (int i = 0; i < n; i++) {
            if (tasks[i].shard != shard) continue;
            c->tasks[c->n] = tasks[i];
            put_delivery(&a, &c->tasks[c->n++]);
        }
        args_send(&a, e->redis, &script_renew, shard, on_renewed, c);
    }
}

static void on_reclaimed(void *user, const redis_reply_t *reply)
{
    engine_t *e = user;
    if (!usable(e, reply, "reclaim") || redis_int(reply) == 0) return;
    FAULT(after_reclaim);
    log_warn("reclaimed", F_INT("tasks", redis_int(reply)));
    engine_want_take(e);
}

void engine_reclaim(engine_t *e, bool only_gone)
{
    for (unsigned shard = 0; shard < (unsigned)e->settings->shards; shard++) {
        struct args a = ARGS_INIT;
        args_text(&a, e->me);
        args_int(&a, e->settings->lease_ms);
        args_text(&a, only_gone ? "gone" : "idle");
        for (int row = 0; row < PIPELINE_TYPES; row++) args_text(&a, pipeline[row].type);
        args_send(&a, e->redis, &script_reclaim, shard, on_reclaimed, e);
    }
}

void engine_reclaim_mine(engine_t *e, const struct wire_header *known, int n)
{
    for (unsigned shard = 0; shard < (unsigned)e->settings->shards; shard++) {
        struct args a = ARGS_INIT;
        struct buf entries[PIPELINE_TYPES] = {{0}};
        args_text(&a, e->me);
        args_int(&a, e->settings->lease_ms);
        args_text(&a, "mine");
        for (int row = 0; row < PIPELINE_TYPES; row++) {
            buf_puts(&entries[row], "");
            for (int i = 0; i < n; i++) {
                char text[ENTRY_TEXT];
                if (known[i].shard == shard && !strcmp(known[i].type, pipeline[row].type))
                    buf_printf(&entries[row], "%s ", entry_format(&known[i].entry, text));
            }
            args_text(&a, pipeline[row].type);
            args_text(&a, entries[row].bad ? "" : entries[row].data);
        }
        args_send(&a, e->redis, &script_reclaim, shard, on_reclaimed, e);
        for (int row = 0; row < PIPELINE_TYPES; row++) buf_done(&entries[row]);
    }
}

static void on_promoted(void *user, const redis_reply_t *reply)
{
    engine_t *e = user;
    if (!usable(e, reply, "promote")) return;
    FAULT(after_promote);
    int64_t next_ms = redis_int(reply);
    if (next_ms >= 0 && clock_ms() + next_ms < e->promote_at_ms) e->promote_at_ms = clock_ms() + next_ms;
}

void engine_promote(engine_t *e)
{
    FAULT(before_promote);
    e->promote_at_ms = clock_ms() + 1000; /* at the latest: others put tasks there as well */
    for (unsigned shard = 0; shard < (unsigned)e->settings->shards; shard++) {
        struct args a = ARGS_INIT;
        args_int(&a, PROMOTE_MOST);
        args_send(&a, e->redis, &script_promote, shard, on_promoted, e);
    }
}
