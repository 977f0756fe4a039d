/* gateway: HTTP for browsers and other services. */
#include <malloc.h>
#include <poll.h>
#include <string.h>
#include "gateway/answers.h"
#include "gateway/events.h"
#include "gateway/gateway.h"
#include "gateway/identity.h"
#include "gateway/keyring.h"
#include "gateway/lobby.h"
#include "gateway/loglevel.h"
#include "gateway/memory.h"
#include "gateway/records.h"
#include "gateway/server.h"
#include "gateway/shards.h"
#include "gateway/sign_in.h"
#include "gateway/streams.h"
#include "gateway/pauses.h"
#include "gateway/totals.h"
#include "gateway/web.h"
#include "lib/clock.h"
#include "lib/log.h"
#include "lib/scripts.h"
#include "lib/svc.h"

#define THREADS           32 /* an upload mostly waits for the disk; each thread is 12 KiB even when idle */
/* One question at a time on each.  With an AOF that is synced before Redis answers so many uploads share one sync: of 200 KB,
 * 32 at once, 32 take 1.17 times what 8 take and 1.07 times what 16 take (medians, with a wide spread), for 40 KiB each that was used;
 * but small hosted Redis servers let in 30 clients in all. */
#define REDIS_CONNECTIONS 16
#define TURN_MS           1000
#define LAST_WORD_MS      2000 /* of a stop's time: for telling those who wait for persist-svc that it will not answer */

/* Once a second: is Redis there and has it room.  -1 only when this process must not go on. */
static int turn(struct svc *svc, struct gateway *g, bool *shards_known, struct err *err)
{
    struct err now = {0};
    struct pollfd stop = {.fd = svc_signal_fd(svc), .events = POLLIN};
    if (!*shards_known) *shards_known = shards_check(g->settings, g->redis, &now) == 0;
    const bool well = *shards_known && memory_check(g->memory, g->redis, &now) == 0;
    if (now.kind == ERR_CONFIG) {
        *err = now;
        return -1;
    }
    if (well) {
        struct err aside = {0}; /* what is missed now is seen in a second */
        (void)totals_sample(g->totals, g, &aside);
        (void)loglevel_follow(g, &aside);
    }
    answers_tidy(g->answers);
    svc_ready(svc, well ? NULL : "Redis does not answer");
    svc_beat(svc);
    if (poll(&stop, 1, TURN_MS) > 0) svc_take_signal(svc);
    return 0;
}

static int serve(struct svc *svc, struct gateway *g, struct err *err)
{
    bool shards_known = false;
    int rc = 0;
    server_t *server = server_start(g, err);
    if (!server) return -1;
    log_info("listening", F_STR("address", g->settings->bind),
             F_INT("port", settings_gateway_port(g->settings)), F_INT("threads", g->threads));
    while (rc == 0 && !svc_stopping(svc)) rc = turn(svc, g, &shards_known, err);
    svc_ready(svc, "stopping");
    server_drain(server);
    streams_end(g->streams); /* they would never end by themselves */
    const int64_t drain_ms = g->settings->drain_ms, end_ms = clock_ms() + drain_ms;
    records_end_by(g->records, end_ms - (drain_ms < 2 * LAST_WORD_MS ? drain_ms / 2 : LAST_WORD_MS));
    server_stop(server, end_ms);
    lobby_destroy(&g->lobby);
    server_destroy(&server);
    return rc;
}

/* What is kept is forgotten first: who is woken reads what is true now. */
static void on_event(void *user, const struct event *event)
{
    struct gateway *g = user;
    if (!event) answers_forget(g->answers, NULL);
    if (event && *event->job) answers_changed(g->answers, event->job);
    if (event && *event->batch) answers_changed(g->answers, event->batch);
    streams_tell(g->streams, event);
}

/* Uploads leave threads to all others; with those that serve the lobby as many work on uploads as if all were theirs: the more write at
 * once, the more share a sync (64 uploads of 200 KB at once: 0.83 of the rate of 32 threads with 28, 0.93 with 32). */
static struct lobby *open_lobby(const struct gateway *g, struct err *err)
{
    const int seats = g->threads * 3 / 8, most = g->threads * 5 / 8;
    return lobby_new(seats > 0 ? seats : 1, most > 0 ? most : 1, g->settings->upload_idle_ms, err);
}

static int run(struct svc *svc, struct err *err)
{
    char origin[256];
    struct gateway g = {.settings = svc_settings(svc), .origin = origin};
    const struct settings *s = g.settings;
    const struct redis_options redis = {s->redis_url, s->redis_ca_file, svc_instance(svc), 0, 0};

    /* Dozens of threads that mostly wait: two heaps are plenty, and each costs memory even when idle. */
    mallopt(M_ARENA_MAX, 2);
    if (identity_check_settings(s, err) == -1) return -1;
    sign_in_log(s);
    g.threads = s->threads == SETTING_UNSET ? THREADS : (int)s->threads;
    identity_origin(s, origin, sizeof origin);
    scripts_init();
    web_init();
    int rc = -1;
    g.blobs = blob_open(s, err);
    if (g.blobs) g.redis = redis_pool_new(&redis, REDIS_CONNECTIONS, err);
    const bool signed_tokens = settings_auth_is(s, "supabase");
    if (g.redis && signed_tokens) g.keyring = keyring_new(s, err);
    if (g.redis && (g.keyring || !signed_tokens)) g.records = records_new(s, g.threads, err);
    if (g.records) g.memory = memory_new(s);
    if (g.memory) g.pauses = pauses_new();
    if (g.pauses) g.totals = totals_new();
    if (g.totals) g.answers = answers_new();
    if (g.answers) g.streams = streams_start(&g, (int)s->max_streams, err);
    if (g.streams) g.lobby = open_lobby(&g, err);
    if (g.lobby) g.events = events_start(s, svc_instance(svc), on_event, &g, err);
    if (g.events) rc = serve(svc, &g, err);
    if (rc == -1 && err->kind == ERR_NONE) err_set(err, ERR_NOMEM, "out of memory");
    events_destroy(&g.events);
    lobby_destroy(&g.lobby);
    streams_destroy(&g.streams);
    answers_destroy(&g.answers);
    totals_destroy(&g.totals);
    pauses_destroy(&g.pauses);
    memory_destroy(&g.memory);
    records_destroy(&g.records);
    keyring_destroy(&g.keyring);
    redis_pool_destroy(&g.redis);
    blob_close(&g.blobs);
    return rc;
}

static const char *versions(void)
{
    return "civetweb 1.15, jansson " JANSSON_VERSION;
}

static const struct service service = {
    .name = "gateway",
    .about = "Takes uploads, tells how far they are, and serves the pages and the records' HTTP interface.",
    .who = W_GATEWAY,
    .run = run,
    .versions = versions,
    .probe = sign_in_probe,
};

int main(int argc, char **argv)
{
    return svc_main(&service, argc, argv);
}
