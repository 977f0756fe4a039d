#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/fault.h"
#include "lib/stage_loop.h"

/* Every statement of room has a number of its own; 0 means "none" in held.offer_seq. */
static uint32_t next_seq(struct stage_link *link)
{
    if (++link->room_seq == 0) link->room_seq = 1;
    return link->room_seq;
}

static void state_room(struct stage_link *link, struct wire_header *h, int type)
{
    h->room_seq = next_seq(link);
    h->room = type >= 0 ? link->due[type] : 0;
}

static void was_stated(struct stage_link *link, int type)
{
    if (type < 0) return;
    link->rooms[type] = link->due[type];
    link->restate[type] = false;
}

/* The task's identity and trace, for a message about it. */
static struct wire_header about(const struct wire_header *task, enum wire_command command)
{
    struct wire_header h = *task;
    h.major = h.minor = 0; /* ours, not the dispatcher's */
    h.command = (uint8_t)command;
    h.status = 0;
    h.ms_left = 0;
    h.room_seq = 0;
    h.room = 0;
    return h;
}

static json_t *types_json(const struct stage *s, const struct stage_link *link)
{
    json_t *types = json_object();
    for (int i = 0; i < s->service->n_types; i++) {
        const struct stage_type *t = &s->service->types[i];
        json_object_set_new(types, t->name, json_pack("{s:i, s:i, s:s*}", "room", link->due[i], "total", t->room, "via", t->via));
    }
    return types;
}

static json_t *hold_json(const struct held *h)
{
    char entry[ENTRY_TEXT], job[ID_TEXT];
    id_from_bytes(h->task.job, job);
    return json_pack("{s:s, s:i, s:s, s:s, s:I, s:I, s:I, s:I, s:s}", "type", h->task.type, "shard",
                     h->task.shard, "entry", entry_format(&h->task.entry, entry), "job", job, "index",
                     (json_int_t)h->task.index, "run", (json_int_t)h->task.token.run, "attempt",
                     (json_int_t)h->task.token.attempt, "delivery", (json_int_t)h->task.token.delivery,
                     "state", h->state == HELD_RESULT ? "result" : "working");
}

static bool is_listed(const struct held *h, int link)
{
    return h->link == link && h->state != HELD_DROPPED;
}

/* One HELLO with what stands from *at on; *at moves behind what it lists. */
static int say_hello_part(struct stage *s, struct stage_link *link, int part, struct held **at)
{
    char host[65] = "";
    (void)gethostname(host, sizeof(host) - 1);
    int index = stage_link_index(s, link);
    struct wire_header h = {.command = WIRE_HELLO, .room_seq = next_seq(link)};
    json_t *holds = json_array();
    struct held *first = *at, *next = first;
    uint32_t n = 0;
    for (; next && n < STAGE_HOLDS_IN_HELLO; next = next->next) {
        if (!is_listed(next, index)) continue;
        if (json_array_append_new(holds, hold_json(next)) == -1) {
            json_decref(holds); /* no memory: half a list would be answered by wrong positions */
            return 1;
        }
        /* Whoever greets us anew may be another process, which counts none of it until it has adopted it. */
        if (link->state == LINK_GREETING) stage_hold_move(&s->hold, next, index);
        next->offer_seq = h.room_seq;
        next->offer_at = n++;
    }
    bool more = false;
    for (struct held *rest = next; rest && !more; rest = rest->next) more = is_listed(rest, index);

    json_t *body = json_pack("{s:s, s:s, s:s, s:s, s:o, s:o, s:i, s:b}", "version", SHEAF_VERSION, "service",
                             svc_name(s->svc), "host", host, "instance", svc_instance(s->svc), "types",
                             types_json(s, link), "holds", holds, "part", part, "more", more);
    char *text = body ? json_dumps(body, JSON_COMPACT) : NULL;
    int rc = text ? bus_send(link->socket, NULL, &h, text, strlen(text)) : 1;
    free(text);
    json_decref(body);
    *at = more ? next : NULL;
    return rc;
}

int stage_say_hello(struct stage *s, struct stage_link *link, int64_t now_ms)
{
    struct held *at = s->hold.first;
    int part = 0;
    do {
        int rc = say_hello_part(s, link, part++, &at);
        if (rc != 0) return rc;
    } while (at);
    for (int i = 0; i < s->service->n_types; i++) was_stated(link, i);
    link->hello_due = false;
    link->hello_ms = now_ms;
    FAULT(hello_said);
    return 0;
}

static int put_numbers(char *out, size_t size, int at, const struct stage *s, const char *key,
                       unsigned (*number)(const struct stage *, const struct stage_link *, int),
                       const struct stage_link *link)
{
    at += snprintf(out + at, size - (size_t)at, "%s\"%s\":{", at ? "," : "{", key);
    for (int i = 0; i < s->service->n_types; i++)
        at += snprintf(out + at, size - (size_t)at, "%s\"%.11s\":%u", i ? "," : "", s->service->types[i].name,
                       number(s, link, i));
    return at + snprintf(out + at, size - (size_t)at, "}");
}

static unsigned room_of(const struct stage *s, const struct stage_link *link, int type)
{
    (void)s;
    return link->due[type];
}

static unsigned held_of(const struct stage *s, const struct stage_link *link, int type)
{
    return s->hold.types[type].in_hand[stage_link_index(s, link)];
}

int stage_say_heartbeat(struct stage *s, struct stage_link *link)
{
    /* Two objects of at most STAGE_TYPES_MAX times "name":65535, */
    char body[64 + 2 * STAGE_TYPES_MAX * (WIRE_TYPE + 16)];
    int len = put_numbers(body, sizeof(body), 0, s, "room", room_of, link);
    len = put_numbers(body, sizeof(body), len, s, "held", held_of, link);
    len += snprintf(body + len, sizeof(body) - (size_t)len, "}");

    struct wire_header h = {.command = WIRE_HEARTBEAT, .room_seq = next_seq(link)};
    int rc = bus_send(link->socket, NULL, &h, body, (size_t)len);
    for (int i = 0; rc == 0 && i < s->service->n_types; i++) was_stated(link, i);
    return rc;
}

int stage_say_credit(struct stage *s, struct stage_link *link, int type)
{
    struct wire_header h = {.command = WIRE_CREDIT};
    snprintf(h.type, sizeof(h.type), "%s", s->service->types[type].name);
    state_room(link, &h, type);
    int rc = bus_send(link->socket, NULL, &h, NULL, 0);
    if (rc == 0) was_stated(link, type);
    return rc;
}

int stage_say_result(struct stage *s, struct held *held, int64_t now_ms)
{
    struct stage_link *link = &s->links[held->link];
    struct wire_header h = about(&held->task, WIRE_RESULT);
    h.status = held->outcome;
    state_room(link, &h, held->type);
    int rc = bus_send(link->socket, NULL, &h, held->body, held->body_len);
    if (rc == 0) {
        was_stated(link, held->type);
        held->said_ms = now_ms;
        FAULT(result_said);
    }
    return rc;
}

int stage_say_progress(struct stage *s, struct held *held, uint64_t progress)
{
    char body[64];
    int len = snprintf(body, sizeof(body), "{\"done\":%" PRIu64 ",\"total\":%" PRIu64 "}", progress >> 32,
                       progress & UINT32_MAX);
    struct wire_header h = about(&held->task, WIRE_PROGRESS);
    return bus_send(s->links[held->link].socket, NULL, &h, body, (size_t)len);
}

int stage_say_handed_back(struct stage_link *link, const struct wire_header *task, int type)
{
    struct wire_header h = about(task, WIRE_HANDED_BACK);
    state_room(link, &h, type);
    int rc = bus_send(link->socket, NULL, &h, NULL, 0);
    if (rc == 0) was_stated(link, type);
    metric_add(&stage_tasks, "handed_back", 1);
    return rc;
}

int stage_say_bye(struct stage_link *link)
{
    struct wire_header h = {.command = WIRE_BYE};
    return bus_send(link->socket, NULL, &h, NULL, 0);
}
