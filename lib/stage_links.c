#include <stdio.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/log.h"
#include "lib/stage_loop.h"
#include "lib/stage_room.h"

static struct stage_link *find_address(struct stage *s, const char *address)
{
    for (int i = 0; i < s->n_links; i++) {
        if (s->links[i].state != LINK_FREE && strcmp(s->links[i].address, address) == 0) return &s->links[i];
    }
    return NULL;
}

static struct stage_link *free_place(struct stage *s)
{
    for (int i = 0; i < STAGE_LINKS_MAX; i++) {
        if (s->links[i].state != LINK_FREE) continue;
        if (i >= s->n_links) s->n_links = i + 1;
        return &s->links[i];
    }
    return NULL;
}

static int open_link(struct stage *s, const char *address, struct err *err)
{
    struct stage_link *link = free_place(s);
    if (!link) return err_set(err, ERR_LIMIT, "more than %d dispatchers", STAGE_LINKS_MAX);
    bus_socket_t *socket = bus_connect(address, s->routing_id, s->plain_ok, err);
    if (!socket) return -1;
    *link =
        (struct stage_link){.state = LINK_CONNECTING, .socket = socket, .listed = true, .hello_due = true};
    snprintf(link->address, sizeof(link->address), "%s", address);
    return 0;
}

static void close_link(struct stage_link *link)
{
    bus_close(&link->socket);
    *link = (struct stage_link){.state = LINK_FREE};
}

int stage_links_follow(struct stage *s, struct err *err)
{
    struct stage_addresses all;
    int rc = 0;
    if (!stage_names_take(s->names, &all)) return 0;
    for (int i = 0; i < s->n_links; i++) s->links[i].listed = false;
    for (int i = 0; i < all.n; i++) {
        struct stage_link *link = find_address(s, all.text[i]);
        if (link)
            link->listed = true;
        else if (open_link(s, all.text[i], err) == -1)
            rc = -1;
    }
    return rc;
}

void stage_links_close(struct stage *s)
{
    for (int i = 0; i < s->n_links; i++) {
        struct stage_link *link = &s->links[i];
        if (link->state == LINK_FREE) continue;
        if (link->state != LINK_CONNECTING && link->state != LINK_REFUSED) (void)stage_say_bye(link);
        close_link(link);
    }
    s->n_links = 0;
}

int stage_links_live(const struct stage *s)
{
    int live = 0;
    for (int i = 0; i < s->n_links; i++) live += s->links[i].state == LINK_LIVE;
    return live;
}

void stage_link_heard(struct stage *s, struct stage_link *link, int64_t now_ms)
{
    (void)s;
    link->heard_ms = now_ms;
    if (link->state != LINK_SILENT) return;
    link->state = LINK_GREETING;
    link->hello_due = true;
}

void stage_link_up(struct stage *s, struct stage_link *link)
{
    link->state = LINK_LIVE;
    log_info("link_up", F_STR("address", link->address), F_STR("dispatcher", link->dispatcher));
    stage_rehome(s);
}

void stage_link_lost(struct stage *s, struct stage_link *link, const char *why)
{
    bool was_up = link->state == LINK_LIVE || link->state == LINK_DRAINING;
    if (link->state == LINK_SILENT || link->state == LINK_REFUSED) return;
    link->state = LINK_SILENT;
    link->hello_due = false;
    if (was_up)
        log_warn("link_silent", F_STR("address", link->address), F_STR("dispatcher", link->dispatcher),
                 F_STR("why", why), F_INT("in_hand", s->hold.at_link[stage_link_index(s, link)]));
    stage_rehome(s);
}

static int least_loaded(const struct stage *s)
{
    int best = -1;
    for (int i = 0; i < s->n_links; i++) {
        if (s->links[i].state != LINK_LIVE) continue;
        if (best < 0 || s->hold.at_link[i] < s->hold.at_link[best]) best = i;
    }
    return best;
}

/* A dispatcher that drains still takes results of what it has; what it has not adopted yet it need not. */
static bool is_homeless(const struct stage *s, const struct held *h)
{
    enum link_state state = s->links[h->link].state;
    return state == LINK_SILENT || state == LINK_REFUSED || (state == LINK_DRAINING && !h->confirmed);
}

void stage_rehome(struct stage *s)
{
    int to = least_loaded(s);
    if (to < 0) return;
    /* All to one: they are offered in as few HELLOs, and the next silence may spread them again. */
    for (struct held *h = s->hold.first; h; h = h->next) {
        if (h->state == HELD_DROPPED || !is_homeless(s, h)) continue;
        stage_hold_move(&s->hold, h, to);
        s->links[to].hello_due = true;
    }
}

void stage_links_greet(struct stage *s, int64_t now_ms)
{
    for (int i = 0; i < s->n_links; i++) {
        struct stage_link *link = &s->links[i];
        if (!link->hello_due || stage_say_hello(s, link, now_ms) != 0) continue;
        if (link->state == LINK_CONNECTING) link->state = LINK_GREETING;
    }
}

static bool has_unconfirmed(const struct stage *s, int link)
{
    unsigned confirmed = 0;
    for (int i = 0; i < s->service->n_types; i++) confirmed += s->hold.types[i].in_hand[link];
    return s->hold.at_link[link] > confirmed;
}

static void watch_link(struct stage *s, struct stage_link *link, int64_t now_ms)
{
    int index = stage_link_index(s, link);
    int64_t since_ms = link->heard_ms > link->hello_ms ? link->heard_ms : link->hello_ms;
    switch (link->state) {
    case LINK_LIVE:
    case LINK_DRAINING:
        since_ms = link->heard_ms; /* fallthrough */
    case LINK_GREETING:
        if (!link->hello_due && now_ms - since_ms >= s->timing->silent_ms)
            stage_link_lost(s, link, "heartbeats missed");
        break;
    case LINK_REFUSED:
        if (now_ms - link->hello_ms < s->timing->refused_ms) break;
        link->state = LINK_GREETING;
        link->hello_due = true;
        break;
    default:
        break;
    }
    /* WELCOME may be lost with its connection, and be it that heartbeats come by the next one. */
    bool unanswered = link->state == LINK_GREETING || (link->state == LINK_LIVE && has_unconfirmed(s, index));
    if (unanswered && now_ms - link->hello_ms >= s->timing->reoffer_ms)
        link->hello_due = true;
}

static bool is_spoken_to(const struct stage_link *link)
{
    return link->state == LINK_GREETING || link->state == LINK_LIVE || link->state == LINK_DRAINING ||
           link->state == LINK_SILENT;
}

void stage_links_tick(struct stage *s, int64_t now_ms)
{
    for (int i = 0; i < s->n_links; i++) {
        struct stage_link *link = &s->links[i];
        watch_link(s, link, now_ms);
        /* To a silent one too: it is how a new process behind the address learns of us. */
        if (is_spoken_to(link) && now_ms - link->heartbeat_ms >= s->timing->heartbeat_ms &&
            stage_say_heartbeat(s, link) == 0)
            link->heartbeat_ms = now_ms;
        bool gone =
            link->state == LINK_SILENT || link->state == LINK_CONNECTING || link->state == LINK_REFUSED;
        if (gone && !link->listed && s->hold.at_link[i] == 0) {
            log_info("link_left", F_STR("address", link->address), F_STR("dispatcher", link->dispatcher));
            close_link(link);
        }
    }
}

/* What it needs is paused: tasks that are in hand come back to the queue by themselves, no others are asked for. */
static bool is_paused(const struct stage *s, int type)
{
    const struct stage_type *t = &s->service->types[type];
    int64_t now_ms = clock_ms();
    if (t->paused_until_ms && t->paused_until_ms(s->shared) > now_ms) return true;
    return !t->blobless && blob_paused_until_ms(s->blobs) > now_ms;
}

/* Places of the type that a living dispatcher may have or has in flight. */
static unsigned places_of(const struct stage *s, int type)
{
    const struct stage_hold_count *c = &s->hold.types[type];
    if (s->closing || is_paused(s, type)) return 0;
    unsigned theirs = 0, room = (unsigned)s->service->types[type].room;
    for (int i = 0; i < s->n_links; i++) {
        if (s->links[i].state == LINK_LIVE) theirs += c->in_work[i];
    }
    unsigned nobodys = c->working - theirs;
    unsigned places = room > nobodys ? room - nobodys : 0;
    unsigned keepable = STAGE_RESULTS_MAX > s->hold.results ? STAGE_RESULTS_MAX - s->hold.results : 0;
    return places < keepable ? places : keepable;
}

void stage_rooms_divide(struct stage *s)
{
    struct stage_room_link links[STAGE_LINKS_MAX];
    uint16_t rooms[STAGE_LINKS_MAX];
    for (int type = 0; type < s->service->n_types; type++) {
        for (int i = 0; i < s->n_links; i++)
            links[i] = (struct stage_room_link){.live = s->links[i].state == LINK_LIVE,
                                                .held = s->hold.types[type].in_work[i]};
        stage_room_divide(places_of(s, type), links, s->n_links, s->spread[type], rooms);
        for (int i = 0; i < s->n_links; i++) s->links[i].due[type] = rooms[i];
    }
}

void stage_rooms_state(struct stage *s)
{
    for (int i = 0; i < s->n_links; i++) {
        struct stage_link *link = &s->links[i];
        if (link->state != LINK_LIVE) continue;
        for (int type = 0; type < s->service->n_types; type++) {
            if (link->due[type] != link->rooms[type] || link->restate[type])
                (void)stage_say_credit(s, link, type);
        }
    }
}
