#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/fault.h"
#include "lib/log.h"
#include "lib/stage_loop.h"

#define BATCH 256 /* messages of one link in one turn, so that no link starves the others */

static struct metric malformed =
    METRIC_COUNTER1("sheaf_wire_malformed_total", "messages dropped, by what is wrong", "problem");

/* What a message is, together with where it came from and when. */
struct heard {
    struct stage *s;
    struct stage_link *link;
    const struct wire_header *h;
    const char *body;
    size_t body_len;
    int64_t now_ms;
};

static int type_index(const struct stage *s, const char *type)
{
    for (int i = 0; i < s->service->n_types; i++) {
        if (strcmp(s->service->types[i].name, type) == 0) return i;
    }
    return -1;
}

static void refuse_link(struct stage *s, struct stage_link *link, const char *version, int64_t now_ms)
{
    if (link->state != LINK_REFUSED)
        log_error("link_refused", F_STR("address", link->address), F_STR("theirs", version),
                  F_STR("ours", SHEAF_VERSION), F_INT("major", WIRE_MAJOR));
    if (link->state == LINK_LIVE || link->state == LINK_DRAINING)
        stage_link_lost(s, link, "another major version");
    link->state = LINK_REFUSED;
    link->hello_due = false;
    link->hello_ms = now_ms;
}

static void take_adopted(const struct heard *m, const json_t *list)
{
    bool adopted[STAGE_HOLDS_IN_HELLO] = {false};
    size_t i;
    json_t *v;
    json_array_foreach((json_t *)list, i, v)
    {
        json_int_t at = json_is_integer(v) ? json_integer_value(v) : -1;
        if (at >= 0 && at < STAGE_HOLDS_IN_HELLO) adopted[at] = true;
    }
    stage_hold_answer(&m->s->hold, stage_link_index(m->s, m->link), m->h->room_seq, adopted,
                      STAGE_HOLDS_IN_HELLO);
}

static void hear_welcome(const struct heard *m)
{
    json_t *body = json_loadb(m->body_len ? m->body : "{}", m->body_len ? m->body_len : 2, 0, NULL);
    if (!json_is_object(body)) {
        metric_add(&malformed, "the body is not a JSON object", 1);
        json_decref(body);
        return;
    }
    const char *who = json_string_value(json_object_get(body, "dispatcher"));
    const char *version = json_string_value(json_object_get(body, "version"));
    if (who) snprintf(m->link->dispatcher, sizeof(m->link->dispatcher), "%s", who);
    if (m->h->status == WELCOME_WRONG_MAJOR) {
        refuse_link(m->s, m->link, version ? version : "", m->now_ms);
    } else {
        /* Only an answer to a HELLO opens the link: one that came late, after silence, is answered by a new
         * HELLO. */
        if (m->link->state == LINK_GREETING && !m->link->hello_due) stage_link_up(m->s, m->link);
        const json_t *list = json_object_get(body, "adopted");
        if (json_is_array(list) && m->h->room_seq) take_adopted(m, list);
    }
    json_decref(body);
}

static void hear_who(const struct heard *m)
{
    /* To it we never said a thing: whatever room we stated it does not have. */
    memset(m->link->due, 0, sizeof(m->link->due));
    m->link->state = LINK_GREETING;
    m->link->hello_due = true;
}

static void start_work(const struct heard *m, int type)
{
    struct stage *s = m->s;
    struct stage_inner *work = stage_inner_new(m->h, type, m->body, m->body_len);
    struct held *h = work ? stage_hold_add(&s->hold, m->h, type, stage_link_index(s, m->link)) : NULL;
    if (!h) {
        stage_inner_free(work);
        (void)stage_say_handed_back(m->link, m->h,
                                    type); /* unsaid: the dispatcher will miss it (PROTOCOL.md 8) */
        return;
    }
    work->held = h;
    work->deadline_ms = m->now_ms + m->h->ms_left;
    h->work = work;
    stage_pool_give(s->pool, work);
}

static void hear_task(const struct heard *m)
{
    struct stage *s = m->s;
    FAULT(task_heard);
    struct held *same = stage_hold_find(&s->hold, m->h);
    if (same && same->state != HELD_DROPPED) {
        int index = stage_link_index(s, m->link);
        if (same->link == index && same->confirmed) return;
        stage_hold_move(&s->hold, same, index);
        stage_hold_confirm(&s->hold, same);
        return;
    }
    struct held *older = stage_hold_find_older(&s->hold, m->h);
    if (older) stage_hold_drop(&s->hold, older);

    int type = type_index(s, m->h->type);
    bool fits = type >= 0 && (int)s->hold.types[type].working < s->service->types[type].room;
    if (type < 0)
        log_warn("task_of_unknown_type", F_STR("type", m->h->type), F_STR("dispatcher", m->link->dispatcher));
    if (!fits || s->closing)
        (void)stage_say_handed_back(m->link, m->h, type);
    else
        start_work(m, type);
}

static void hear_result_ack(const struct heard *m)
{
    /* Whoever says it, Redis has decided: the task need not be held for that dispatcher any more. */
    struct held *h = stage_hold_find(&m->s->hold, m->h);
    FAULT(ack_heard);
    if (h) stage_hold_drop(&m->s->hold, h);
}

static void hear_cancel(const struct heard *m)
{
    struct held *h = stage_hold_find(&m->s->hold, m->h);
    if (!h || h->link != stage_link_index(m->s, m->link)) return; /* another one has adopted it */
    m->link->restate[h->type] = true;
    stage_hold_drop(&m->s->hold, h);
    metric_add(&stage_tasks, "cancelled", 1);
}

/* Beside that it was heard it may say a level of the log, for as long as somebody wants another than is configured. */
static void hear_heartbeat(const struct heard *m)
{
    json_t *body = m->body_len ? json_loadb(m->body, m->body_len, 0, NULL) : NULL;
    const json_t *levels = json_object_get(body, "log");
    svc_log_level(svc_settings(m->s->svc), json_string_value(json_object_get(levels, svc_name(m->s->svc))));
    json_decref(body);
}

static void hear_drain(const struct heard *m)
{
    if (m->link->state != LINK_LIVE && m->link->state != LINK_GREETING) return;
    log_info("link_draining", F_STR("address", m->link->address), F_STR("dispatcher", m->link->dispatcher));
    m->link->state = LINK_DRAINING;
    stage_rehome(m->s);
}

static void hear_bye(const struct heard *m)
{
    stage_link_lost(m->s, m->link, "said BYE");
}

static void (*const handlers[WIRE_COMMANDS])(const struct heard *) = {
    [WIRE_WELCOME] = hear_welcome,     [WIRE_WHO] = hear_who,
    [WIRE_TASK] = hear_task,           [WIRE_RESULT_ACK] = hear_result_ack,
    [WIRE_HEARTBEAT] = hear_heartbeat, [WIRE_CANCEL] = hear_cancel,
    [WIRE_DRAIN] = hear_drain,         [WIRE_BYE] = hear_bye,
};

static void hear_malformed(const struct heard *m, enum wire_problem problem)
{
    char version[16];
    metric_add(&malformed, wire_problem_text(problem), 1);
    if (problem != WIRE_BAD_MAJOR) return;
    snprintf(version, sizeof(version), "wire %u.%u", m->h->major, m->h->minor);
    refuse_link(m->s, m->link, version, m->now_ms);
}

void stage_hear(struct stage *s, struct stage_link *link)
{
    struct wire_header h;
    enum wire_problem problem;
    struct heard m = {.s = s, .link = link, .h = &h, .now_ms = clock_ms()};
    for (int i = 0; i < BATCH && bus_receive(link->socket, NULL, &h, &m.body, &m.body_len, &problem) == 1;
         i++) {
        if (problem != WIRE_OK) {
            hear_malformed(&m, problem);
            continue;
        }
        if (!handlers[h.command]) {
            metric_add(&malformed, "a command that only workers say", 1);
            continue;
        }
        if (h.command != WIRE_BYE) stage_link_heard(s, link, m.now_ms);
        handlers[h.command](&m);
    }
}
