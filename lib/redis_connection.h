/* redis_connection: the connection from inside, for the files that make it up: redis.c (its states), redis_answers.c (what arrives),
 * redis_ring.c (what waits for its answer).  One thread owns all of it. */
#ifndef SHEAF_LIB_REDIS_CONNECTION_H
#define SHEAF_LIB_REDIS_CONNECTION_H

#include "lib/redis_inner.h"

#define REDIS_LOADS_MAX 32

/* A command whose reply has not come. */
struct redis_pending {
    redis_handler *handler;
    void *user;
    const struct redis_script *script; /* whose call it is; NULL: other commands */
    bool as_function;                  /* by FCALL */
    bool loaded;                       /* sent again behind its loading: if it is not known now, it never will be */
    uint64_t from;                     /* position of its bytes; they end where the next one's begin */
};

struct redis_ring {
    struct redis_pending *slot;
    size_t cap, first, count; /* cap is a power of two */
};

struct redis_subscription {
    char *channel;
    redis_handler *handler;
    void *user;
};

struct redis {
    struct redis_url url;
    char *name;
    int64_t connect_ms, reply_ms;
    struct ssl_ctx_st *context;

    enum { OFF, CONNECTING, GREETING, READY } state;
    struct redis_net net;
    struct redis_out out;
    struct redis_ring ring;
    struct redisReader *reader;
    size_t budget;          /* bytes the reply being read may still take */
    redis_reply_t *current; /* the reply a handler is looking at */
    struct redis_subscription *subs;
    size_t n_subs;
    /* Sources loaded on this connection because they were not known, and where in the stream that was. */
    struct {
        const char *source;
        uint64_t at;
    } loads[REDIS_LOADS_MAX];
    size_t n_loads;
    bool no_functions; /* the server has none, or none for us */

    uint64_t generation;
    bool broken; /* why says what; break_off() is due */
    bool has_why;
    struct err why;
    int64_t heard_ms; /* last byte received, or first command sent after silence */
    int64_t retry_ms; /* state OFF: when to connect */
    int64_t backoff_ms;
    int64_t attempt_deadline_ms;
};

/* -1: no memory, nothing was added. */
int redis_ring_push(struct redis_ring *g, struct redis_pending p);
struct redis_pending redis_ring_pop(struct redis_ring *g);
/* Where the bytes of the oldest pending command begin: all before were answered. */
uint64_t redis_oldest_position(const struct redis *r);

/* The connection is to be broken off by the next redis_process(); the first reason stays. */
void redis_note_break(struct redis *r, const struct err *why);
/* redis_queue() of texts, with the connection for the handler's `user`. */
int redis_queue_texts(redis_t *r, int argc, const char *const *argv, redis_handler *handler);
/* Reads what has come, as much as is this turn's share, and gives each answer to the handler that waits for it. */
void redis_receive(struct redis *r);

#endif
