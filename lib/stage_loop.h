/* stage_loop: what the loop of a stage service is made of.  For lib/stage*.c and its tests; all of it belongs
 * to the loop's thread.
 *
 *   stage.c        start, the loop, results, drain, end
 *   stage_links.c  which dispatchers there are, and the state of the link to each
 *   stage_hear.c   what dispatchers say to us
 *   stage_say.c    what we say to them
 *   stage_names.c  where they are (a thread)     stage_pool.c  the work threads
 *   stage_room.c   how room is divided           stage_hold.c  what is in hand
 */
#ifndef SHEAF_STAGE_LOOP_H
#define SHEAF_STAGE_LOOP_H

#include <stdbool.h>
#include <stdint.h>
#include "lib/bus.h"
#include "lib/metrics.h"
#include "lib/stage.h"
#include "lib/stage_hold.h"
#include "lib/stage_names.h"
#include "lib/stage_pool.h"

#define STAGE_HOLDS_IN_HELLO                                                                                 \
    48 /* PROTOCOL.md section 11: so many fit a body with all numbers at their largest */
#define STAGE_RESULTS_MAX 1024 /* kept without acknowledgement; above it no more room is given */

/* PROTOCOL.md section 10.  Tests are in more of a hurry; nobody else should be, so these are no settings. */
struct stage_timing {
    int64_t heartbeat_ms; /* we say HEARTBEAT */
    int64_t silent_ms;    /* nothing heard for so long: silent */
    int64_t resend_ms;    /* RESULT again without RESULT_ACK */
    int64_t reoffer_ms;   /* HELLO again without WELCOME or `adopted` */
    int64_t refused_ms;   /* HELLO again after WELCOME wrong major */
    int64_t overrun_ms;   /* work past its deadline: the process is given up */
    int64_t lookup_ms;    /* names are looked up again */
};
extern const struct stage_timing stage_timing;

enum link_state {
    LINK_FREE, /* this place is not used */
    LINK_CONNECTING,
    LINK_GREETING, /* HELLO is said, or about to be */
    LINK_LIVE,
    LINK_DRAINING,
    LINK_SILENT,
    LINK_REFUSED
};

struct stage_link {
    enum link_state state;
    bus_socket_t *socket;
    char address[STAGE_ADDRESS];
    char dispatcher[64];             /* as its WELCOME named it; "" before */
    bool listed;                     /* in the last look-up */
    bool hello_due;                  /* a HELLO is to be said as soon as the socket takes it */
    int64_t heard_ms;                /* anything, from it */
    int64_t hello_ms, heartbeat_ms;  /* when we said these last */
    uint32_t room_seq;               /* of our last statement */
    uint16_t rooms[STAGE_TYPES_MAX]; /* as last stated */
    uint16_t due[STAGE_TYPES_MAX];   /* as they should be now */
    bool restate[STAGE_TYPES_MAX];   /* to be stated although it did not change */
};

struct stage {
    struct svc *svc;
    const struct stage_service *service;
    const struct stage_timing *timing;
    void *shared; /* the service's own */
    blob_store_t *blobs;
    stage_pool_t *pool;
    stage_names_t *names;
    int event_fd; /* written by the pool and the resolver */
    bool plain_ok;
    char routing_id[BUS_PEER_MAX + 1];
    uint32_t spread[STAGE_TYPES_MAX];
    struct stage_link links[STAGE_LINKS_MAX];
    int n_links; /* places in use lie below it */
    struct stage_hold hold;
    bool closing; /* draining, or given up: no more room */
    bool overran; /* a work function ignored its deadline */
    int64_t close_by_ms, next_tick_ms, next_progress_ms;
};

extern struct metric stage_tasks; /* sheaf_stage_tasks_total, by outcome */

/* stage.c */
int stage_run_with(struct svc *svc, const struct stage_service *service, void *shared,
                   const struct stage_timing *timing, struct err *err);

/* stage_links.c */
/* Opens links to new addresses, marks vanished ones.  -1 with the last failure; the others are open all the
 * same. */
int stage_links_follow(struct stage *s, struct err *err);
void stage_links_greet(struct stage *s, int64_t now_ms); /* says the HELLOs that are due */
void stage_links_tick(struct stage *s,
                      int64_t now_ms); /* silence, heartbeats, offers without answer, closing */
void stage_links_close(struct stage *s);
int stage_links_live(const struct stage *s);
void stage_link_heard(struct stage *s, struct stage_link *link, int64_t now_ms);
void stage_link_lost(struct stage *s, struct stage_link *link, const char *why); /* silent, or said BYE */
void stage_link_up(struct stage *s, struct stage_link *link);                    /* welcomed */
/* Offers what is in hand for links that are gone to one that lives, if there is one. */
void stage_rehome(struct stage *s);
void stage_rooms_divide(struct stage *s); /* works out every link's `due` */
void stage_rooms_state(struct stage *s);  /* CREDIT where it is not what was stated */

/* stage_hear.c: takes at most a batch of what waits at the link. */
void stage_hear(struct stage *s, struct stage_link *link);

/* stage_say.c: each returns bus_send()'s answer; not 0: it did not go out and may be tried again. */
int stage_say_hello(struct stage *s, struct stage_link *link, int64_t now_ms);
int stage_say_heartbeat(struct stage *s, struct stage_link *link);
int stage_say_credit(struct stage *s, struct stage_link *link, int type);
int stage_say_result(struct stage *s, struct held *h, int64_t now_ms);
int stage_say_progress(struct stage *s, struct held *h, uint64_t progress);
int stage_say_handed_back(struct stage_link *link, const struct wire_header *task, int type);
int stage_say_bye(struct stage_link *link);

static inline int stage_link_index(const struct stage *s, const struct stage_link *link)
{
    return (int)(link - s->links);
}

#endif
