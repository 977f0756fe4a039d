/* dispatcher: takes what workers have room for, and commits what they made of it.  It holds no queue. */
#include <malloc.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "dispatcher/dispatcher.h"
#include "dispatcher/presence.h"
#include "dispatcher/sweeper.h"
#include "lib/clock.h"
#include "lib/log.h"
#include "lib/scripts.h"

static void on_wake(void *user, const redis_reply_t *message)
{
    struct dispatcher *d = user;
    if (message) engine_woken(d->engine, redis_str(redis_at(message, 2)));
    else engine_look_everywhere(d->engine); /* what is said while nobody listens is not heard */
}

static const char *default_endpoint(const struct settings *settings, char out[64])
{
    snprintf(out, 64, "tcp://127.0.0.1:%d", settings_gateway_port(settings) + SETTINGS_DISPATCHER_PORT_OFFSET);
    return out;
}

static int open_all(struct dispatcher *d, struct err *err)
{
    char endpoint[64];
    const struct settings *s = d->settings;
    struct redis_options options = {.url = s->redis_url, .ca_file = s->redis_ca_file, .name = svc_instance(d->svc)};
    struct engine_events events = dispatch_events;
    events.user = d;
    if (bus_init(err)) return -1;
    if (!(d->redis = redis_new(&options, err)) || !(d->wake = redis_new(&options, err))) return -1;
    d->engine = engine_new(s, d->redis, svc_instance(d->svc), &events);
    if (!d->engine || hold_init(&d->hold)) return err_set(err, ERR_NOMEM, "no memory to start");
    watch_init(&d->watch, s, d->redis);
    redis_subscribe(d->wake, "sheaf:wake", on_wake, d);
    d->socket = bus_bind(s->dispatcher_bind ? s->dispatcher_bind : default_endpoint(s, endpoint), s->wire_plain, err);
    if (!d->socket) return -1;
    log_info("bound", F_STR("endpoint", bus_endpoint(d->socket)));
    return 0;
}

static void close_all(struct dispatcher *d)
{
    engine_t *engine = d->engine;
    bus_close(&d->socket);
    redis_destroy(&d->wake);
    redis_destroy(&d->redis); /* answers what still waits, so the engine must be there */
    engine_destroy(&engine);
    watch_done(&d->watch);
    hold_done(&d->hold);
    workers_done(&d->workers);
    buf_done(&d->body);
    bus_done();
}

/* Leaving: no more takes; results that come in still count; what runs on is adopted by another dispatcher, or by our
 * successor, so there is nothing to wait long for. */
#define DRAIN_MOST_MS 2000

static bool drained(struct dispatcher *d)
{
    if (!svc_stopping(d->svc)) return false;
    if (!d->drain_until_ms) {
        int64_t most_ms = d->settings->drain_ms < DRAIN_MOST_MS ? d->settings->drain_ms : DRAIN_MOST_MS;
        d->drain_until_ms = clock_ms() + most_ms;
        svc_ready(d->svc, "draining");
        dispatch_say_all(d, WIRE_DRAIN);
    }
    return clock_ms() >= d->drain_until_ms || (engine_idle(d->engine) && d->hold.n == 0);
}

static const char *not_ready(const struct dispatcher *d)
{
    if (!redis_connected(d->redis)) return "Redis does not answer";
    return d->watch.asked ? NULL : "Redis was not asked yet";
}

static void loop(struct dispatcher *d)
{
    while (!drained(d) && d->watch.refused.kind == ERR_NONE) {
        int64_t wait_ms = dispatcher_tick(d);
        struct bus_item items[] = {
            {.socket = d->socket},
            {.fd = svc_signal_fd(d->svc), .events = POLLIN},
            {.fd = redis_fd(d->redis), .events = redis_events(d->redis)},
            {.fd = redis_fd(d->wake), .events = redis_events(d->wake)},
        };
        bus_wait(items, 4, d->drain_until_ms && wait_ms > 50 ? 50 : wait_ms);
        if (items[1].revents) svc_take_signal(d->svc);
        redis_process(d->redis, items[2].revents);
        redis_process(d->wake, items[3].revents);
        hear_all(d);
        dispatcher_turn(d);
        svc_beat(d->svc);
        if (!d->drain_until_ms) svc_ready(d->svc, not_ready(d));
    }
}

static int run(struct svc *svc, struct err *err)
{
    struct dispatcher d = {.svc = svc, .settings = svc_settings(svc)};
    sweeper_t *sweeper = NULL;
    int failed = -1;
    scripts_init();
    if (!open_all(&d, err) && (sweeper = sweeper_start(d.settings, "sweeper", err))) {
        loop(&d);
        failed = d.watch.refused.kind == ERR_NONE ? 0 : -1;
        if (failed && err) *err = d.watch.refused;
        dispatch_say_all(&d, WIRE_BYE);
        presence_end(d.redis, svc_instance(svc));
        redis_flush(d.redis);
    }
    sweeper_stop(&sweeper);
    close_all(&d);
    return failed;
}

static const struct service service = {
    .name = "dispatcher",
    .about = "Takes tasks from Redis for the workers that have room, and commits their results.",
    .who = W_DISPATCHER,
    .run = run,
    .versions = bus_versions,
};

int main(int argc, char **argv)
{
    /* One heap for all threads: what ZeroMQ's receive and the loop frees lies in its thread's heap, whose end malloc_trim() does not give
     * back; a MiB after a million tasks. Nobody waits long for its lock: two threads, ten thousand messages a second. */
    (void)mallopt(M_ARENA_MAX, 1);
    return svc_main(&service, argc, argv);
}
