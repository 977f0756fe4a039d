/* Results of one shard, and the tasks that are taken by the same call. */
#include "dispatcher/engine_inner.h"

#include <stdlib.h>
#include <string.h>

#include "lib/fault.h"
#include "lib/log.h"
#include "lib/metrics.h"
#include "lib/scripts.h"

/* Tasks of one type that one call takes: more is taken by the next, while workers are at work on these. One call for all lets Redis and the
 * workers wait for each other in turn, and the jobs of hundreds of results and tasks do not fit Redis's cache: four stages, no AOF, 1.1 to 1.2
 * times the jobs a second with 24 of what 64 made, and a tenth less again with 8. */
#define TAKE_MOST 24

static struct metric taken_total = METRIC_COUNTER1("sheaf_taken_total", "tasks taken from Redis", "type");

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

/* "<job> <run> <index> <attempt>" */
static bool parse_packed(const char *packed, struct wire_header *task)
{
    char job[ID_TEXT], *at, *end;
    if (strnlen(packed, ID_TEXT) < ID_TEXT || packed[ID_TEXT - 1] != ' ') return false;
    memcpy(job, packed, ID_TEXT - 1);
    job[ID_TEXT - 1] = '\0';
    if (!id_valid(job)) return false;
    id_to_bytes(job, task->job);
    task->token.run = strtoull(packed + ID_TEXT, &at, 10);
    task->index = (uint32_t)strtoul(at, &at, 10);
    task->token.attempt = (uint32_t)strtoul(at, &end, 10); /* after a word that is no number none is read */
    return end != at;
}

/* One task of a type's list, whose words begin at t->at. */
static bool parse_task(struct taken *t)
{
    t->task.token.delivery = (uint32_t)redis_int(redis_at(t->words, t->at + 1));
    return entry_parse(redis_str(redis_at(t->words, t->at)), &t->task.entry) && parse_packed(redis_str(redis_at(t->words, t->at + 2)), &t->task);
}

/* A list of take.lua: type, words of a task, and these. */
static int take_of_type(const struct call *c, const redis_reply_t *list, int row)
{
    size_t width = (size_t)redis_int(redis_at(list, 1)), at = 2;
    int n = 0, about_at = 0;
    for (; width >= 4 && at + width <= redis_len(list); at += width, n++) {
        struct taken t = {.row = row, .words = list, .at = at, .task = {.major = WIRE_MAJOR, .minor = WIRE_MINOR, .shard = (uint8_t)c->shard}};
        if (row < 0 || !parse_task(&t)) {
            log_error("entry_unreadable", F_STR("type", redis_str(redis_at(list, 0))));
            continue;
        }
        strcpy(t.task.type, pipeline[row].type);
        t.about = about_of(c, t.task.job, redis_str(redis_at(list, at + 3)), &about_at);
        metric_add(&taken_total, t.task.type, 1);
        c->engine->events.taken(c->engine->events.user, &t);
    }
    return n;
}

static void take_tasks(const struct call *c, const redis_reply_t *lists)
{
    int got[PIPELINE_TYPES] = {0};
    for (size_t i = 0; i < redis_len(lists); i++) {
        int row = pipeline_find(redis_str(redis_at(redis_at(lists, i), 0)));
        int n = take_of_type(c, redis_at(lists, i), row);
        if (row >= 0) got[row] += n;
    }
    hungry_answered(c, got);
}

static void on_turned(void *user, const redis_reply_t *reply)
{
    struct call *c = user;
    engine_t *e = c->engine;
    e->unanswered--;
    if (c->n) FAULT(after_commit);
    if (redis_len(redis_at(reply, 1))) FAULT(after_take);
    if (call_usable(e, reply, "turn")) {
        call_take_answers(c, redis_at(reply, 0));
        take_tasks(c, redis_at(reply, 1));
    } else {
        call_take_answers(c, NULL);
        hungry_unanswered(c); /* the answer may be lost: what was taken comes back by reclaim */
        e->want_take = true;
    }
    call_done(c);
}

/* What the call's results open is taken by it on top, of all types alike, since the streams of those with the same room are read by one command:
 * a job whose stage ends and whose next is handed out in one call is read and written once. A few left over would stay the first in their
 * stream for good, and no job would ever meet its next task. */
static void find_most(const struct call *c, int most[PIPELINE_TYPES])
{
    int opened[PIPELINE_TYPES] = {0}, top = 0;
    for (int i = 0; i < c->n; i++) {
        const struct ending *x = &c->endings[i];
        const char *count = strrchr(x->opens, ':'); /* "type:from:count" */
        int row = count ? pipeline_find(pipeline[x->row].next) : -1;
        if (row >= 0) opened[row] += atoi(count + 1);
    }
    for (int row = 0; row < PIPELINE_TYPES; row++) top = opened[row] > top ? opened[row] : top;
    for (int row = 0; row < PIPELINE_TYPES; row++) most[row] = TAKE_MOST + (opened[row] ? top : 0);
}

static void put_rooms(struct args *a, struct call *c, const int room[PIPELINE_TYPES], const int window[PIPELINE_TYPES])
{
    int most[PIPELINE_TYPES];
    find_most(c, most);
    for (int row = 0; row < PIPELINE_TYPES; row++) {
        if (room[row] <= 0) continue;
        c->asked[row] = room[row] < most[row] ? room[row] : most[row];
        args_text(a, pipeline[row].type);
        args_int(a, c->asked[row]);
        args_int(a, window[row]);
        args_text(a, pipeline[row].needs ? pipeline[row].needs : "");
    }
    hungry_asking(c);
}

static bool same_kind(const struct ending *a, const struct ending *b)
{
    return a->row == b->row && !a->about == !b->about && !strcmp(a->worker, b->worker) && !strcmp(a->opens, b->opens);
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
    args_text(a, x->opens);
    args_text(a, pipeline[x->row].join ? pipeline[x->row].join : "");
    args_text(a, x->about ? "1" : "0");
}

static void put_result(struct args *a, const struct ending *x, uint16_t kind)
{
    char run[NUMBER_TEXT], token[TOKEN_TEXT], entry[ENTRY_TEXT], job[ID_TEXT], index[NUMBER_TEXT];
    id_from_bytes(x->task.job, job);
    args_packed(a, kind);
    args_pack(a, entry_format(&x->task.entry, entry));
    args_pack(a, number_format(x->task.token.run, run));
    args_pack(a, token_format(&x->task.token, token));
    args_pack(a, job);
    args_pack(a, number_format(x->task.index, index));
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

void engine_send_results(engine_t *e, unsigned shard, const int *room, const int *window)
{
    for (bool more = true; more && redis_connected(e->redis);) {
        int n = call_count_endings(e, shard, true);
        more = n == CALL_ITEMS_MAX;
        struct call *c = n || room ? call_new(e, (size_t)n, 0) : NULL;
        if (!c) return;
        struct args a = ARGS_INIT;
        args_text(&a, e->me);
        args_int(&a, e->settings->job_time_ms);
        c->shard = shard;
        call_gather(e, c, n, true);
        put_results(&a, c);
        if (room && !more) put_rooms(&a, c, room, window);
        const int unanswered = e->unanswered++;
        if (n) FAULT(before_commit);
        if (room && !more) FAULT(before_take);
        args_send(&a, e->redis, &script_turn, shard, on_turned, c);
        if (n) FAULT_AFTER(sent_commit, redis_flush(e->redis));
        if (room && !more) FAULT_AFTER(sent_take, redis_flush(e->redis));
        if (e->unanswered == unanswered) return; /* refused on the spot: gathered again, for a later turn */
    }
}
