/* What arrives on a connection: answers to the commands that wait, in their order, and messages of channels.  Calls of scripts that the server
 * does not know are loaded and sent again here, so that no caller sees it. */
#include "lib/redis_connection.h"

#include <string.h>
#include "lib/clock.h"

#define READ_BYTES     (16 * 1024) /* fed to the parser at once: it moves what remains after each 1 KiB */
#define READS_PER_TURN 64 /* so that a fast server does not keep the loop for itself */

static void on_library(void *user, const redis_reply_t *reply)
{
    if (redis_is_error(reply, NULL)) ((struct redis *)user)->no_functions = true; /* full, or not for us: scripts do the same */
}

/* Loads what is not known (the server was restarted, or its scripts flushed), unless a later place in the stream does so already. */
static bool load_source(struct redis *r, const struct redis_pending *p)
{
    const char *source = p->as_function ? p->script->as_library : p->script->source;
    uint64_t at = redis_out_position(&r->out);
    size_t i = 0;
    int rc;

    while (i < r->n_loads && r->loads[i].source != source) i++;
    if (i < r->n_loads && r->loads[i].at >= p->from) return true;
    rc = p->as_function ? redis_queue_texts(r, 4, (const char *const[]){"FUNCTION", "LOAD", "REPLACE", source}, on_library)
                        : redis_queue_texts(r, 3, (const char *const[]){"SCRIPT", "LOAD", source}, NULL);
    if (rc == -1) return false;
    if (i == REDIS_LOADS_MAX) i = at % REDIS_LOADS_MAX;
    if (i == r->n_loads) r->n_loads++;
    r->loads[i].source = source;
    r->loads[i].at = at;
    return true;
}

static bool send_again(struct redis *r, const struct redis_pending *p, uint64_t to, bool as_function)
{
    struct redis_pending again = *p;
    struct redis_arg words[2];
    int rc;

    again.loaded = again.as_function == as_function;
    again.as_function = as_function;
    again.from = redis_out_position(&r->out);
    if (redis_ring_push(&r->ring, again) == -1) return false;
    redis_script_words(p->script, as_function, words);
    rc = again.loaded ? redis_out_again(&r->out, p->from, to) : redis_out_instead(&r->out, p->from, to, words);
    if (rc == -1) r->ring.count--;
    return rc == 0;
}

/* A call that the server does not know is loaded and sent again with the bytes that were kept; where functions are not to be had, the script
 * is called instead.  What stays unknown after that goes to the handler. */
static bool heal_call(struct redis *r, const struct redis_pending *p, uint64_t to, const redis_reply_t *reply)
{
    bool unknown = redis_is_error(reply, p->as_function ? "ERR Function not found" : "NOSCRIPT");

    if (p->as_function && (redis_is_error(reply, "NOPERM") || redis_is_error(reply, "ERR unknown command"))) r->no_functions = true;
    else if (!unknown) return false;
    if (p->as_function && r->no_functions) return send_again(r, p, to, false);
    return !p->loaded && load_source(r, p) && send_again(r, p, to, p->as_function);
}

static bool is_message(const redis_reply_t *reply)
{
    return redis_len(reply) == 3 && strcmp(redis_str(redis_at(reply, 0)), "message") == 0;
}

static void deliver_message(struct redis *r, const redis_reply_t *reply)
{
    const char *channel = redis_str(redis_at(reply, 1));

    for (size_t i = 0; i < r->n_subs; i++)
        if (strcmp(r->subs[i].channel, channel) == 0) r->subs[i].handler(r->subs[i].user, reply);
}

static void deliver_answer(struct redis *r, const redis_reply_t *reply)
{
    struct redis_pending p;
    uint64_t to;

    if (r->ring.count == 0) {
        redis_note_break(r, &(struct err){.kind = ERR_UNAVAILABLE, .text = "Redis answered what nobody asked"});
        return;
    }
    p = redis_ring_pop(&r->ring);
    to = redis_oldest_position(r);
    if (!redis_out_was_sent(&r->out, to)) {
        /* Only something that is not Redis does this. The handler is owed its NULL all the same. */
        redis_note_break(r, &(struct err){.kind = ERR_UNAVAILABLE, .text = "Redis answered before it was asked"});
        if (p.handler) p.handler(p.user, NULL);
        return;
    }
    if (p.script && heal_call(r, &p, to, reply)) {
        redis_out_release(&r->out, redis_oldest_position(r));
        return;
    }
    redis_out_release(&r->out, to);
    /* A master that became a replica stays one: the address leads to the new master only after a reconnect.
     */
    if (redis_is_error(reply, "READONLY")) {
        struct err err = {0};
        redis_reply_err(reply, &err);
        redis_note_break(r, &err);
    }
    if (p.handler) p.handler(p.user, reply);
}

static void take_replies(struct redis *r)
{
    struct err err = {0};
    int rc = 0;

    while (!r->broken && (rc = redis_reader_next(r->reader, &r->current, &err)) == 1) {
        r->budget = REDIS_REPLY_MAX;
        if (r->n_subs > 0 && is_message(r->current))
            deliver_message(r, r->current);
        else
            deliver_answer(r, r->current);
        redis_reply_free(r->current);
        r->current = NULL;
    }
    if (rc == -1) redis_note_break(r, &err);
}

void redis_receive(struct redis *r)
{
    char data[READ_BYTES];
    struct err err = {0};

    for (int i = 0; i < READS_PER_TURN && !r->broken; i++) {
        ssize_t got = redis_net_read(&r->net, data, sizeof data, &err);
        if (got == 0) return;
        if (got == -1 || redis_reader_feed(r->reader, data, (size_t)got, &err) == -1) {
            redis_note_break(r, &err);
            return;
        }
        r->heard_ms = clock_ms();
        take_replies(r);
        if ((size_t)got < sizeof data && !redis_net_buffered(&r->net)) return;
    }
}
