/* A tiny stage service in a process of its own, against scripted dispatchers on loopback.
 *
 * The binary starts itself again as the worker ("worker" as argument), so that it has a ZeroMQ context of its
 * own. Its tasks of type "gate" wait for a byte in a pipe that the test holds: nothing here sleeps and hopes.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/auto.h"
#include "lib/clock.h"
#include "lib/stage_loop.h"

/* Hurried, but with nobody found silent: on a busy machine this process, too, may not get to say a thing for a second,
 * and a worker that is given up by its dispatcher in the middle of a test says HELLO where something else is expected. */
static const struct stage_timing hurried = {.heartbeat_ms = 200,
                                            .silent_ms = 3600000,
                                            .resend_ms = 300,
                                            .reoffer_ms = 600,
                                            .refused_ms = 300,
                                            .overrun_ms = 300,
                                            .lookup_ms = 1000};
/* For what happens when a dispatcher falls silent. */
static const struct stage_timing alert = {.heartbeat_ms = 200,
                                          .silent_ms = 2000,
                                          .resend_ms = 300,
                                          .reoffer_ms = 600,
                                          .refused_ms = 300,
                                          .overrun_ms = 300,
                                          .lookup_ms = 1000};
/* What this one does, it does not do because a tick came by. */
static const struct stage_timing timeless = {.heartbeat_ms = 3600000,
                                             .silent_ms = 3600000,
                                             .resend_ms = 3600000,
                                             .reoffer_ms = 3600000,
                                             .refused_ms = 3600000,
                                             .overrun_ms = 3600000,
                                             .lookup_ms = 3600000};
#define PATIENCE_MS 10000

/* The worker */

/* What "gate" needs is paused until then. */
static _Atomic int64_t gate_paused_until_ms;

static int64_t when_gate_goes_on(void *shared)
{
    (void)shared;
    return gate_paused_until_ms;
}

static int echo(void *thread, const struct stage_task *task, json_t **result, struct err *err)
{
    (void)thread;
    const char *fail = json_string_value(json_object_get(task->body, "fail"));
    json_int_t pause_ms = json_integer_value(json_object_get(task->body, "pause_ms"));
    if (pause_ms) gate_paused_until_ms = clock_ms() + pause_ms;
    if (fail && strcmp(fail, "input") == 0) return err_code(err, ERR_INPUT, "encrypted", "needs a password");
    if (fail && strcmp(fail, "unavailable") == 0) return err_set(err, ERR_UNAVAILABLE, "nobody there");
    if (fail && strcmp(fail, "throttled") == 0) {
        err->retry_after_ms = 0;
        err_set(err, ERR_THROTTLED, "wait");
        err->retry_after_ms = 1234;
        return -1;
    }
    if (fail && strcmp(fail, "large") == 0) {
        static char text[STAGE_RESULT_MAX + 1];
        memset(text, 'x', sizeof(text) - 1);
        *result = json_pack("{s:s}", "text", text);
        return 0;
    }
    stage_progress(task, 1, 2);
    *result = json_pack("{s:O, s:i, s:s}", "echo", task->body, "index", (int)task->index, "token",
                        task->token_text);
    return 0;
}

static int gate_fd(void)
{
    return atoi(getenv("TEST_GATE_FD"));
}

static int gate(void *thread, const struct stage_task *task, json_t **result, struct err *err)
{
    (void)thread, (void)result;
    struct pollfd p = {.fd = gate_fd(), .events = POLLIN};
    char c;
    while (!stage_cancelled(task)) {
        if (poll(&p, 1, 10) == 1 && read(p.fd, &c, 1) == 1) return 0;
    }
    return err_set(err, ERR_CANCELLED, "cancelled");
}

static int stuck(void *thread, const struct stage_task *task, json_t **result, struct err *err)
{
    (void)thread, (void)task, (void)result, (void)err;
    for (;;) pause();
    return 0;
}

static const struct stage_type types[] = {
    {.name = "echo", .threads = 2, .room = 4, .work = echo},
    {.name = "gate", .threads = 2, .room = 2, .work = gate, .paused_until_ms = when_gate_goes_on},
    {.name = "stuck", .threads = 1, .room = 1, .work = stuck},
};
enum { ECHO, GATE, STUCK, TYPES };

static int run_worker(struct svc *svc, struct err *err)
{
    static const struct stage_service service = {.types = types, .n_types = TYPES};
    const struct stage_timing *timing = getenv("TEST_TIMELESS") ? &timeless : getenv("TEST_ALERT") ? &alert : &hurried;
    return stage_run_with(svc, &service, NULL, timing, err);
}

/* The dispatchers */

struct message {
    struct wire_header h;
    char *body;
    struct message *next;
};

struct dispatcher {
    bus_socket_t *socket;
    struct bus_peer worker;
    bool known, hushed; /* the worker spoke to it; it says no heartbeats */
    int room[TYPES], held[TYPES];
    uint32_t room_seq, hello_seq;
    int64_t beat_ms;
    struct message *first;
};

struct world {
    struct dispatcher d[2];
    int n;
    pid_t worker;
    int gate; /* writing end */
    char var[64];
};

static int type_of(const char *name)
{
    for (int i = 0; i < TYPES; i++) {
        if (strcmp(types[i].name, name) == 0) return i;
    }
    return -1;
}

static void say(struct dispatcher *d, const struct wire_header *h, const char *body)
{
    assert_true(d->known);
    (void)bus_send(d->socket, &d->worker, h, body, body ? strlen(body) : 0);
}

static void say_plain(struct dispatcher *d, enum wire_command command)
{
    say(d, &(struct wire_header){.command = (uint8_t)command}, NULL);
}

static void welcome(struct dispatcher *d, const char *body)
{
    say(d, &(struct wire_header){.command = WIRE_WELCOME, .status = WELCOME_YES, .room_seq = d->hello_seq},
        body);
}

/* A statement of room counts only when it is later than the last one. */
static void note_rooms(struct dispatcher *d, const struct wire_header *h, const char *body)
{
    json_t *json = body[0] ? json_loads(body, 0, NULL) : NULL;
    if (h->command == WIRE_HELLO) d->hello_seq = h->room_seq;
    if (h->command == WIRE_CREDIT || h->command == WIRE_RESULT || h->command == WIRE_HANDED_BACK) {
        assert_true(h->command == WIRE_HANDED_BACK || (int32_t)(h->room_seq - d->room_seq) > 0);
        if (type_of(h->type) >= 0) d->room[type_of(h->type)] = h->room;
    }
    for (int i = 0; i < TYPES && json; i++) {
        json_t *room = json_object_get(json_object_get(json, "room"), types[i].name);
        json_t *held = json_object_get(json_object_get(json, "held"), types[i].name);
        json_t *said =
            json_object_get(json_object_get(json_object_get(json, "types"), types[i].name), "room");
        if (h->command == WIRE_HEARTBEAT) {
            assert_true(json_is_integer(room) && json_is_integer(held));
            d->room[i] = (int)json_integer_value(room);
            d->held[i] = (int)json_integer_value(held);
        }
        if (h->command == WIRE_HELLO) d->room[i] = (int)json_integer_value(said);
    }
    if (h->room_seq) d->room_seq = h->room_seq;
    json_decref(json);
}

static void receive_all(struct dispatcher *d)
{
    struct wire_header h;
    struct bus_peer from;
    const char *body;
    size_t len;
    enum wire_problem problem;
    while (bus_receive(d->socket, &from, &h, &body, &len, &problem) == 1) {
        assert_int_equal(problem, WIRE_OK);
        d->worker = from;
        d->known = true;
        note_rooms(d, &h, body);
        if (h.command == WIRE_HEARTBEAT || h.command == WIRE_CREDIT) continue;
        struct message *m = calloc(1, sizeof(*m)), **at = &d->first;
        assert_non_null(m);
        *m = (struct message){.h = h, .body = strdup(body)};
        while (*at) at = &(*at)->next;
        *at = m;
    }
}

/* One turn of all dispatchers: heartbeats, and what came in. */
static void pump(struct world *w)
{
    struct bus_item items[2];
    for (int i = 0; i < w->n; i++) {
        struct dispatcher *d = &w->d[i];
        items[i] = (struct bus_item){.socket = d->socket, .fd = -1};
        if (!d->known || d->hushed || clock_ms() - d->beat_ms < 100) continue;
        say_plain(d, WIRE_HEARTBEAT);
        d->beat_ms = clock_ms();
    }
    (void)bus_wait(items, w->n, 20);
    for (int i = 0; i < w->n; i++) receive_all(&w->d[i]);
}

static struct message *take(struct dispatcher *d, enum wire_command command)
{
    for (struct message **at = &d->first; *at; at = &(*at)->next) {
        if ((*at)->h.command != command) continue;
        struct message *m = *at;
        *at = m->next;
        return m;
    }
    return NULL;
}

static void forget(struct message *m)
{
    free(m->body);
    free(m);
}

static struct message *expect(struct world *w, struct dispatcher *d, enum wire_command command)
{
    int64_t until_ms = clock_ms() + PATIENCE_MS;
    struct message *m;
    while (!(m = take(d, command)) && clock_ms() < until_ms) pump(w);
    if (!m) fail_msg("no %s within %d ms", wire_command_name(command), PATIENCE_MS);
    return m;
}

static void expect_and_forget(struct world *w, struct dispatcher *d, enum wire_command command)
{
    forget(expect(w, d, command));
}

static void expect_room(struct world *w, struct dispatcher *d, int type, int room)
{
    int64_t until_ms = clock_ms() + PATIENCE_MS;
    while (d->room[type] != room && clock_ms() < until_ms) pump(w);
    assert_int_equal(d->room[type], room);
}

static void expect_held(struct world *w, struct dispatcher *d, int type, int held)
{
    int64_t until_ms = clock_ms() + PATIENCE_MS;
    while (d->held[type] != held && clock_ms() < until_ms) pump(w);
    assert_int_equal(d->held[type], held);
}

static int expect_exit(struct world *w)
{
    int64_t until_ms = clock_ms() + PATIENCE_MS;
    int status = 0;
    while (waitpid(w->worker, &status, WNOHANG) == 0 && clock_ms() < until_ms) pump(w);
    w->worker = 0;
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static struct wire_header task(int type, uint64_t seq, uint32_t ms_left)
{
    struct wire_header h = {.command = WIRE_TASK,
                            .entry = {1790000000000, seq},
                            .token = {1790000000000000, 1, 1},
                            .index = (uint32_t)seq,
                            .ms_left = ms_left,
                            .trace = {0xab}};
    snprintf(h.type, sizeof(h.type), "%s", types[type].name);
    id_to_bytes("00a1b2c3-d4e5-8f60-8a1b-2c3d4e5f6071", h.job);
    return h;
}

static void deal(struct dispatcher *d, int type, uint64_t seq, const char *body)
{
    struct wire_header h = task(type, seq, 60000);
    say(d, &h, body);
}

static void answer(struct dispatcher *d, enum wire_command command, uint8_t status,
                   const struct message *about)
{
    struct wire_header h = about->h;
    h.command = (uint8_t)command;
    h.status = status;
    h.room = 0;
    h.room_seq = 0;
    say(d, &h, NULL);
}

static void open_gate(struct world *w)
{
    assert_int_equal(write(w->gate, "x", 1), 1);
}

static void begin_world(struct world *w)
{
    *w = (struct world){.gate = -1};
    strcpy(w->var, "/tmp/sheaf-stage-XXXXXX");
    assert_non_null(mkdtemp(w->var));
    assert_int_equal(bus_init(NULL), 0);
}

static void start_worker(struct world *w, const char *list, const char *drain)
{
    int gates[2];
    char fd[16];
    assert_int_equal(pipe(gates), 0);
    (void)fcntl(gates[1], F_SETFD, FD_CLOEXEC);
    (void)fcntl(gates[0], F_SETFL, O_NONBLOCK);
    snprintf(fd, sizeof(fd), "%d", gates[0]);
    w->worker = fork();
    if (w->worker == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        setenv("TEST_GATE_FD", fd, 1);
        setenv("SHEAF_DISPATCHERS", list, 1);
        setenv("SHEAF_DRAIN", drain, 1);
        setenv("SHEAF_VAR", w->var, 1);
        setenv("SHEAF_ADMIN_PORT", "0", 1);
        if (!getenv("TEST_LOG")) (void)!freopen("/dev/null", "w", stderr);
        execl("/proc/self/exe", "stage_live_test", "worker", (char *)NULL);
        _exit(127);
    }
    close(gates[0]);
    w->gate = gates[1];
}

static void start_world(struct world *w, int dispatchers, const char *drain)
{
    char list[256] = "";
    begin_world(w);
    w->n = dispatchers;
    for (int i = 0; i < dispatchers; i++) {
        w->d[i].socket = bus_bind("tcp://127.0.0.1:*", false, NULL);
        assert_non_null(w->d[i].socket);
        snprintf(list + strlen(list), sizeof(list) - strlen(list), "%s%s", i ? "," : "",
                 bus_endpoint(w->d[i].socket));
    }
    start_worker(w, list, drain);
}

static void welcome_all(struct world *w)
{
    for (int i = 0; i < w->n; i++) {
        expect_and_forget(w, &w->d[i], WIRE_HELLO);
        welcome(&w->d[i], "{\"dispatcher\":\"d\"}");
    }
    for (int i = 0; i < w->n; i++) expect_room(w, &w->d[i], ECHO, 4 / w->n);
}

/* The usual opening: every dispatcher has welcomed the worker and has its part of the room. */
static void start_welcomed(struct world *w, int dispatchers)
{
    start_world(w, dispatchers, "10s");
    welcome_all(w);
}

/* A port of which the caller decides what answers there. */
static int listen_anywhere(char endpoint[64])
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(a);
    int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)), 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&a, len), 0);
    assert_int_equal(listen(fd, 1), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &len), 0);
    snprintf(endpoint, 64, "tcp://127.0.0.1:%d", ntohs(a.sin_port));
    return fd;
}

static void end_world(struct world *w)
{
    if (w->worker) {
        kill(w->worker, SIGKILL);
        waitpid(w->worker, NULL, 0);
    }
    for (int i = 0; i < w->n; i++) {
        for (struct message *m = w->d[i].first; m;) {
            struct message *next = m->next;
            forget(m);
            m = next;
        }
        bus_close(&w->d[i].socket);
    }
    close(w->gate);
    char command[128];
    snprintf(command, sizeof(command), "rm -rf %s", w->var);
    (void)!system(command);
}

/* Holds of a HELLO whose body this is. */
static json_t *holds_of(const struct message *hello, json_t **whole)
{
    *whole = json_loads(hello->body, 0, NULL);
    json_t *holds = json_object_get(*whole, "holds");
    assert_true(json_is_array(holds));
    return holds;
}

/* The specification */

static void test_hello_names_the_worker_and_room_follows_the_welcome(void **state)
{
    (void)state;
    struct world w;
    start_world(&w, 1, "10s");
    struct message *hello = expect(&w, &w.d[0], WIRE_HELLO);
    json_t *body, *holds = holds_of(hello, &body);
    assert_string_equal(json_string_value(json_object_get(body, "service")), "ocr-svc");
    assert_string_equal(json_string_value(json_object_get(body, "version")), SHEAF_VERSION);
    assert_int_equal(json_array_size(holds), 0);
    json_t *gate_type = json_object_get(json_object_get(body, "types"), "gate");
    assert_int_equal(json_integer_value(json_object_get(gate_type, "total")), 2);
    assert_int_equal(json_integer_value(json_object_get(gate_type, "room")), 0);
    json_decref(body);
    forget(hello);

    welcome(&w.d[0], "{\"dispatcher\":\"d\"}");
    expect_room(&w, &w.d[0], ECHO, 4);
    expect_room(&w, &w.d[0], GATE, 2);
    expect_room(&w, &w.d[0], STUCK, 1);
    end_world(&w);
}

static void test_hello_is_said_again_when_its_welcome_was_lost_though_heartbeats_come(void **state)
{
    (void)state;
    struct world w;
    start_world(&w, 1, "10s");
    expect_and_forget(&w, &w.d[0], WIRE_HELLO);
    expect_and_forget(&w, &w.d[0], WIRE_HELLO);
    welcome(&w.d[0], "{\"dispatcher\":\"d\"}");
    expect_room(&w, &w.d[0], ECHO, 4);
    end_world(&w);
}

static void test_hello_is_said_when_the_connection_stands_not_at_the_next_tick(void **state)
{
    (void)state;
    struct world w;
    char endpoint[64];
    begin_world(&w);
    int door = listen_anywhere(endpoint);
    setenv("TEST_TIMELESS", "1", 1);
    start_worker(&w, endpoint, "10s");
    unsetenv("TEST_TIMELESS");

    /* Who comes and finds nobody who speaks ZeroMQ waits for nothing but a connection. */
    close(accept(door, NULL, NULL));
    close(door);
    w.n = 1;
    w.d[0].socket = bus_bind(endpoint, false, NULL);
    assert_non_null(w.d[0].socket);
    welcome_all(&w);
    end_world(&w);
}

static void test_task_gives_a_result_with_its_identity_trace_and_room(void **state)
{
    (void)state;
    struct world w;
    start_welcomed(&w, 1);
    struct wire_header t = task(ECHO, 5, 60000);
    say(&w.d[0], &t, "{\"name\":\"a.pdf\"}");
    struct message *m = expect(&w, &w.d[0], WIRE_RESULT);
    assert_int_equal(m->h.status, OUTCOME_DONE);
    assert_true(wire_same_task(&m->h, &t));
    assert_int_equal(token_compare(&m->h.token, &t.token), 0);
    assert_memory_equal(m->h.job, t.job, sizeof(t.job));
    assert_memory_equal(m->h.trace, t.trace, sizeof(t.trace));
    assert_int_equal(m->h.index, 5);
    assert_int_equal(m->h.room, 4);
    assert_string_equal(m->body,
                        "{\"echo\":{\"name\":\"a.pdf\"},\"index\":5,\"token\":\"1790000000000000.1.1\"}");
    expect_held(&w, &w.d[0], ECHO, 1);
    answer(&w.d[0], WIRE_RESULT_ACK, ACK_ACCEPTED, m);
    expect_held(&w, &w.d[0], ECHO, 0);
    forget(m);
    end_world(&w);
}

static void test_result_is_said_again_until_it_is_acknowledged(void **state)
{
    (void)state;
    struct world w;
    start_welcomed(&w, 1);
    deal(&w.d[0], ECHO, 1, NULL);
    for (int i = 0; i < 3; i++) expect_and_forget(&w, &w.d[0], WIRE_RESULT);
    struct message *m = expect(&w, &w.d[0], WIRE_RESULT);
    answer(&w.d[0], WIRE_RESULT_ACK, ACK_SUPERSEDED, m);
    expect_held(&w, &w.d[0], ECHO, 0);
    forget(m);
    end_world(&w);
}

static void expect_outcome(struct world *w, uint64_t seq, const char *body, enum wire_outcome outcome,
                           const char *text)
{
    deal(&w->d[0], ECHO, seq, body);
    struct message *m = expect(w, &w->d[0], WIRE_RESULT);
    assert_int_equal(m->h.status, outcome);
    assert_non_null(strstr(m->body, text));
    answer(&w->d[0], WIRE_RESULT_ACK, ACK_ACCEPTED, m);
    forget(m);
}

static void test_failures_are_told_by_their_kind(void **state)
{
    (void)state;
    struct world w;
    start_welcomed(&w, 1);
    expect_outcome(&w, 1, "{\"fail\":\"input\"}", OUTCOME_REFUSED,
                   "{\"code\":\"encrypted\",\"text\":\"needs a password\",\"after_ms\":0}");
    expect_outcome(&w, 2, "{\"fail\":\"unavailable\"}", OUTCOME_RETRY, "nobody there");
    expect_outcome(&w, 3, "{\"fail\":\"throttled\"}", OUTCOME_THROTTLED, "\"after_ms\":1234");
    expect_outcome(&w, 4, "{\"fail\":\"large\"}", OUTCOME_REFUSED, "8192");
    expect_outcome(&w, 5, "[1,2]", OUTCOME_REFUSED, "bad_task");
    expect_outcome(&w, 6, "{\"name\":", OUTCOME_REFUSED, "bad_task");
    end_world(&w);
}

static void test_task_whose_time_is_up_is_to_be_tried_again(void **state)
{
    (void)state;
    struct world w;
    start_welcomed(&w, 1);
    struct wire_header late = task(ECHO, 1, 0), waiting = task(GATE, 2, 50);
    say(&w.d[0], &late, NULL);
    say(&w.d[0], &waiting, NULL);
    for (int i = 0; i < 2; i++) {
        struct message *m = expect(&w, &w.d[0], WIRE_RESULT);
        assert_int_equal(m->h.status, OUTCOME_RETRY);
        assert_non_null(strstr(m->body, "\"timeout\""));
        answer(&w.d[0], WIRE_RESULT_ACK, ACK_ACCEPTED, m);
        forget(m);
    }
    end_world(&w);
}

static void test_task_without_room_is_handed_back(void **state)
{
    (void)state;
    struct world w;
    start_welcomed(&w, 1);
    for (uint64_t seq = 1; seq <= 3; seq++) deal(&w.d[0], GATE, seq, NULL);
    struct message *m = expect(&w, &w.d[0], WIRE_HANDED_BACK);
    assert_int_equal(m->h.entry.seq, 3);
    assert_int_equal(m->h.index, 3);
    assert_int_equal(m->h.room, 2); /* what is in flight counts against it already */
    forget(m);
    open_gate(&w);
    expect_and_forget(&w, &w.d[0], WIRE_RESULT);
    end_world(&w);
}

static void test_task_of_an_unknown_type_is_handed_back(void **state)
{
    (void)state;
    struct world w;
    start_welcomed(&w, 1);
    struct wire_header t = task(ECHO, 1, 60000);
    strcpy(t.type, "sing");
    say(&w.d[0], &t, NULL);
    struct message *m = expect(&w, &w.d[0], WIRE_HANDED_BACK);
    assert_string_equal(m->h.type, "sing");
    assert_int_equal(m->h.room, 0);
    forget(m);
    end_world(&w);
}

static void test_no_room_is_given_while_what_a_type_needs_is_paused_and_others_go_on(void **state)
{
    (void)state;
    struct world w;
    start_welcomed(&w, 1);
    struct dispatcher *d = &w.d[0];
    expect_room(&w, d, GATE, 2);
    deal(d, ECHO, 1, "{\"pause_ms\":1500}");
    expect_and_forget(&w, d, WIRE_RESULT);
    expect_room(&w, d, GATE, 0);
    assert_int_equal(d->room[ECHO], 4);
    deal(d, ECHO, 2, "{}");
    expect_and_forget(&w, d, WIRE_RESULT);
    expect_room(&w, d, GATE, 2);
    end_world(&w);
}

static void deal_and_cancel(struct world *w)
{
    struct message about = {.h = task(GATE, 1, 60000)};
    deal(&w->d[0], GATE, 1, NULL);
    expect_held(w, &w->d[0], GATE, 1);
    answer(&w->d[0], WIRE_CANCEL, 0, &about);
}

static void test_cancelled_task_stops_and_gives_no_result(void **state)
{
    (void)state;
    struct world w;
    start_welcomed(&w, 1);
    deal_and_cancel(&w);
    expect_held(&w, &w.d[0], GATE, 0);
    expect_room(&w, &w.d[0], GATE, 2);
    deal(&w.d[0], ECHO, 2, NULL);
    struct message *m = expect(&w, &w.d[0], WIRE_RESULT);
    assert_string_equal(m->h.type, "echo");
    forget(m);
    end_world(&w);
}

/* A Redis that forgot that it gave it out gives it out once more, by the same token. */
static void test_cancelled_task_that_is_dealt_again_is_worked_on_again(void **state)
{
    (void)state;
    struct world w;
    start_welcomed(&w, 1);
    deal_and_cancel(&w);
    deal(&w.d[0], GATE, 1, NULL); /* before the first has noticed */
    open_gate(&w);
    open_gate(&w); /* the first may take one */
    struct message *m = expect(&w, &w.d[0], WIRE_RESULT);
    assert_string_equal(m->h.type, "gate");
    forget(m);
    end_world(&w);
}

static void test_later_delivery_supersedes_the_one_that_is_worked_on(void **state)
{
    (void)state;
    struct world w;
    start_welcomed(&w, 1);
    struct wire_header again = task(GATE, 1, 60000);
    deal(&w.d[0], GATE, 1, NULL);
    again.token.delivery = 2;
    say(&w.d[0], &again, NULL);
    expect_held(&w, &w.d[0], GATE, 1);
    /* The older one may be in the gate when it is told to stop: a second byte, so that it cannot take the
     * only one. */
    open_gate(&w);
    open_gate(&w);
    struct message *m = expect(&w, &w.d[0], WIRE_RESULT);
    assert_int_equal(m->h.token.delivery, 2);
    forget(m);
    end_world(&w);
}

static void test_unknown_worker_says_hello_again_with_what_it_holds(void **state)
{
    (void)state;
    struct world w;
    start_welcomed(&w, 1);
    deal(&w.d[0], GATE, 1, NULL);
    expect_held(&w, &w.d[0], GATE, 1);
    say_plain(&w.d[0], WIRE_WHO);
    struct message *hello = expect(&w, &w.d[0], WIRE_HELLO);
    json_t *body, *holds = holds_of(hello, &body);
    assert_int_equal(json_array_size(holds), 1);
    json_t *h = json_array_get(holds, 0);
    assert_string_equal(json_string_value(json_object_get(h, "entry")), "1790000000000-1");
    assert_string_equal(json_string_value(json_object_get(h, "job")), "00a1b2c3-d4e5-8f60-8a1b-2c3d4e5f6071");
    assert_string_equal(json_string_value(json_object_get(h, "state")), "working");
    assert_int_equal(json_integer_value(json_object_get(h, "run")), 1790000000000000);
    assert_int_equal(json_integer_value(json_object_get(h, "delivery")), 1);
    assert_int_equal(w.d[0].room[GATE], 0);
    json_decref(body);
    forget(hello);
    welcome(&w.d[0], "{\"dispatcher\":\"new\"}");
    expect_room(&w, &w.d[0], GATE, 1); /* the other place is nobody's until it is adopted */
    open_gate(&w);
    expect_room(&w, &w.d[0], GATE, 2);
    assert_null(take(&w.d[0], WIRE_RESULT)); /* the new process does not know yet what that would be about */
    welcome(&w.d[0], "{\"dispatcher\":\"new\",\"adopted\":[0]}");
    expect_and_forget(&w, &w.d[0], WIRE_RESULT);
    end_world(&w);
}

static void test_more_than_one_hellos_worth_is_offered_in_parts(void **state)
{
    (void)state;
    struct world w;
    start_welcomed(&w, 1);
    /* Results that nobody acknowledges pile up: 100 make three parts. */
    for (uint64_t seq = 1; seq <= 100; seq++) {
        deal(&w.d[0], ECHO, seq, NULL);
        struct message *m;
        do m = expect(&w, &w.d[0], WIRE_RESULT);
        while (m->h.entry.seq != seq && (forget(m), true));
        forget(m);
    }
    say_plain(&w.d[0], WIRE_WHO);
    size_t total = 0;
    for (int part = 0; part < 3; part++) {
        struct message *hello = expect(&w, &w.d[0], WIRE_HELLO);
        json_t *body, *holds = holds_of(hello, &body);
        total += json_array_size(holds);
        assert_int_equal(json_integer_value(json_object_get(body, "part")), part);
        assert_int_equal(json_is_true(json_object_get(body, "more")), part < 2);
        struct wire_header h = {
            .command = WIRE_WELCOME, .status = WELCOME_YES, .room_seq = hello->h.room_seq};
        say(&w.d[0], &h, "{\"dispatcher\":\"d\",\"adopted\":[]}");
        json_decref(body);
        forget(hello);
    }
    assert_int_equal(total, 100);
    expect_room(&w, &w.d[0], ECHO, 4);
    expect_held(&w, &w.d[0], ECHO, 0);
    end_world(&w);
}

static void start_alert(struct world *w, int dispatchers)
{
    setenv("TEST_ALERT", "1", 1);
    start_welcomed(w, dispatchers);
    unsetenv("TEST_ALERT");
}

/* A has dealt a task and falls silent; its HELLO at B is returned. */
static struct message *lose_a(struct world *w)
{
    start_alert(w, 2);
    deal(&w->d[0], GATE, 1, NULL);
    expect_held(w, &w->d[0], GATE, 1);
    w->d[0].hushed = true;
    return expect(w, &w->d[1], WIRE_HELLO);
}

static void test_silent_dispatchers_task_is_adopted_by_another_and_ends_there(void **state)
{
    (void)state;
    struct world w;
    struct message *hello = lose_a(&w);
    json_t *body, *holds = holds_of(hello, &body);
    assert_int_equal(json_array_size(holds), 1);
    json_decref(body);
    forget(hello);
    expect_room(&w, &w.d[1], ECHO, 4); /* the silent one's part */
    expect_room(&w, &w.d[1], GATE, 1); /* the other place is nobody's until it is adopted */
    welcome(&w.d[1], "{\"dispatcher\":\"b\",\"adopted\":[0]}");
    expect_room(&w, &w.d[1], GATE, 2);
    expect_held(&w, &w.d[1], GATE, 1);

    /* A thaws, finds the task lost, and cancels what is not its own any more. */
    struct message about = {.h = task(GATE, 1, 60000)};
    w.d[0].hushed = false;
    answer(&w.d[0], WIRE_CANCEL, 0, &about);
    struct message *again = expect(&w, &w.d[0], WIRE_HELLO);
    holds = holds_of(again, &body);
    assert_int_equal(json_array_size(holds), 0);
    json_decref(body);
    forget(again);

    open_gate(&w);
    struct message *m = expect(&w, &w.d[1], WIRE_RESULT);
    assert_int_equal(m->h.status, OUTCOME_DONE);
    answer(&w.d[1], WIRE_RESULT_ACK, ACK_ACCEPTED, m);
    expect_held(&w, &w.d[1], GATE, 0);
    forget(m);
    end_world(&w);
}

static void test_result_is_kept_from_a_dispatcher_until_it_has_adopted_it(void **state)
{
    (void)state;
    struct world w;
    struct message *hello = lose_a(&w);
    forget(hello);
    open_gate(&w);
    /* No answer yet, so it is offered again, now with its result. */
    json_t *body, *holds;
    const char *what;
    do {
        hello = expect(&w, &w.d[1], WIRE_HELLO);
        holds = holds_of(hello, &body);
        what = json_string_value(json_object_get(json_array_get(holds, 0), "state"));
        if (what && strcmp(what, "result") == 0) what = NULL;
        json_decref(body);
        forget(hello);
    } while (what);
    assert_null(take(&w.d[1], WIRE_RESULT));
    welcome(&w.d[1], "{\"dispatcher\":\"b\",\"adopted\":[0]}");
    expect_and_forget(&w, &w.d[1], WIRE_RESULT);
    end_world(&w);
}

static void test_task_that_is_not_adopted_is_stopped_and_forgotten(void **state)
{
    (void)state;
    struct world w;
    struct message *hello = lose_a(&w);
    forget(hello);
    welcome(&w.d[1], "{\"dispatcher\":\"b\",\"adopted\":[]}");
    expect_room(&w, &w.d[1], GATE, 2); /* the gate stays shut: it ended because it was told to */
    expect_held(&w, &w.d[1], GATE, 0);
    assert_null(take(&w.d[1], WIRE_RESULT));
    end_world(&w);
}

static void test_only_dispatcher_silent_work_goes_on_and_is_offered_when_it_is_back(void **state)
{
    (void)state;
    struct world w;
    start_alert(&w, 1);
    deal(&w.d[0], GATE, 1, NULL);
    expect_held(&w, &w.d[0], GATE, 1);
    w.d[0].hushed = true;
    /* A silent link is given no room; that is how we see that it is. */
    expect_room(&w, &w.d[0], ECHO, 0);
    open_gate(&w);
    w.d[0].hushed = false;
    struct message *hello = expect(&w, &w.d[0], WIRE_HELLO);
    json_t *body, *holds = holds_of(hello, &body);
    assert_int_equal(json_array_size(holds), 1);
    json_decref(body);
    forget(hello);
    welcome(&w.d[0], "{\"dispatcher\":\"d\",\"adopted\":[0]}");
    expect_and_forget(&w, &w.d[0], WIRE_RESULT);
    end_world(&w);
}

static void test_draining_dispatcher_loses_its_room_but_gets_its_results(void **state)
{
    (void)state;
    struct world w;
    start_welcomed(&w, 2);
    deal(&w.d[0], GATE, 1, NULL);
    expect_held(&w, &w.d[0], GATE, 1);
    say_plain(&w.d[0], WIRE_DRAIN);
    expect_room(&w, &w.d[1], ECHO, 4);
    open_gate(&w);
    expect_and_forget(&w, &w.d[0], WIRE_RESULT);
    /* It can take tasks again. */
    say_plain(&w.d[0], WIRE_WHO);
    expect_and_forget(&w, &w.d[0], WIRE_HELLO);
    welcome(&w.d[0], "{\"dispatcher\":\"d\",\"adopted\":[0]}");
    expect_room(&w, &w.d[0], ECHO, 2);
    expect_room(&w, &w.d[1], ECHO, 2);
    end_world(&w);
}

static void test_dispatchers_bye_moves_everything_at_once(void **state)
{
    (void)state;
    struct world w;
    start_welcomed(&w, 2);
    deal(&w.d[0], GATE, 1, NULL);
    expect_held(&w, &w.d[0], GATE, 1);
    w.d[0].hushed = true;
    say_plain(&w.d[0], WIRE_BYE);
    expect_and_forget(&w, &w.d[1], WIRE_HELLO);
    expect_room(&w, &w.d[1], ECHO, 4);
    end_world(&w);
}

static void test_refused_worker_asks_again_later(void **state)
{
    (void)state;
    struct world w;
    start_world(&w, 1, "10s");
    expect_and_forget(&w, &w.d[0], WIRE_HELLO);
    struct wire_header no = {.command = WIRE_WELCOME, .status = WELCOME_WRONG_MAJOR};
    say(&w.d[0], &no, "{\"dispatcher\":\"d\",\"version\":\"9.0.0\"}");
    expect_and_forget(&w, &w.d[0], WIRE_HELLO);
    welcome(&w.d[0], "{\"dispatcher\":\"d\"}");
    expect_room(&w, &w.d[0], ECHO, 4);
    end_world(&w);
}

static void test_sigterm_takes_no_more_finishes_what_is_in_hand_says_bye_and_exits_0(void **state)
{
    (void)state;
    struct world w;
    start_welcomed(&w, 1);
    deal(&w.d[0], GATE, 1, NULL);
    expect_held(&w, &w.d[0], GATE, 1);
    kill(w.worker, SIGTERM);
    expect_room(&w, &w.d[0], ECHO, 0);
    expect_room(&w, &w.d[0], GATE, 0);
    deal(&w.d[0], ECHO, 2, NULL);
    expect_and_forget(&w, &w.d[0], WIRE_HANDED_BACK);
    open_gate(&w);
    struct message *m = expect(&w, &w.d[0], WIRE_RESULT);
    assert_null(take(&w.d[0], WIRE_BYE));
    answer(&w.d[0], WIRE_RESULT_ACK, ACK_ACCEPTED, m);
    forget(m);
    expect_and_forget(&w, &w.d[0], WIRE_BYE);
    assert_int_equal(expect_exit(&w), 0);
    end_world(&w);
}

static void test_what_is_left_when_the_drain_time_is_up_is_handed_back(void **state)
{
    (void)state;
    struct world w;
    start_world(&w, 1, "300ms");
    expect_and_forget(&w, &w.d[0], WIRE_HELLO);
    welcome(&w.d[0], "{\"dispatcher\":\"d\"}");
    expect_room(&w, &w.d[0], GATE, 2);
    deal(&w.d[0], GATE, 1, NULL);
    expect_held(&w, &w.d[0], GATE, 1);
    kill(w.worker, SIGTERM);
    struct message *m = expect(&w, &w.d[0], WIRE_HANDED_BACK);
    assert_int_equal(m->h.entry.seq, 1);
    forget(m);
    expect_and_forget(&w, &w.d[0], WIRE_BYE);
    assert_int_equal(expect_exit(&w), 0);
    end_world(&w);
}

static void test_work_that_ignores_its_deadline_is_answered_and_ends_the_process(void **state)
{
    (void)state;
    struct world w;
    start_welcomed(&w, 1);
    struct wire_header t = task(STUCK, 1, 50);
    deal(&w.d[0], GATE, 2, NULL);
    say(&w.d[0], &t, NULL);
    struct message *m = expect(&w, &w.d[0], WIRE_RESULT);
    assert_string_equal(m->h.type, "stuck");
    assert_int_equal(m->h.status, OUTCOME_RETRY);
    answer(&w.d[0], WIRE_RESULT_ACK, ACK_ACCEPTED, m);
    forget(m);
    expect_room(&w, &w.d[0], ECHO, 0);
    open_gate(&w);
    m = expect(&w, &w.d[0], WIRE_RESULT);
    assert_string_equal(m->h.type, "gate");
    answer(&w.d[0], WIRE_RESULT_ACK, ACK_ACCEPTED, m);
    forget(m);
    expect_and_forget(&w, &w.d[0], WIRE_BYE);
    assert_int_equal(expect_exit(&w), SVC_EXIT_SYSTEM);
    end_world(&w);
}

int main(int argc, char **argv)
{
    static const struct service service = {
        .name = "ocr-svc", .about = "The live test's worker.", .who = W_OCR, .run = run_worker};
    if (argc > 1 && strcmp(argv[1], "worker") == 0) return svc_main(&service, 1, argv);

    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hello_names_the_worker_and_room_follows_the_welcome),
        cmocka_unit_test(test_hello_is_said_again_when_its_welcome_was_lost_though_heartbeats_come),
        cmocka_unit_test(test_hello_is_said_when_the_connection_stands_not_at_the_next_tick),
        cmocka_unit_test(test_task_gives_a_result_with_its_identity_trace_and_room),
        cmocka_unit_test(test_result_is_said_again_until_it_is_acknowledged),
        cmocka_unit_test(test_failures_are_told_by_their_kind),
        cmocka_unit_test(test_task_whose_time_is_up_is_to_be_tried_again),
        cmocka_unit_test(test_task_without_room_is_handed_back),
        cmocka_unit_test(test_task_of_an_unknown_type_is_handed_back),
        cmocka_unit_test(test_no_room_is_given_while_what_a_type_needs_is_paused_and_others_go_on),
        cmocka_unit_test(test_cancelled_task_stops_and_gives_no_result),
        cmocka_unit_test(test_cancelled_task_that_is_dealt_again_is_worked_on_again),
        cmocka_unit_test(test_later_delivery_supersedes_the_one_that_is_worked_on),
        cmocka_unit_test(test_unknown_worker_says_hello_again_with_what_it_holds),
        cmocka_unit_test(test_more_than_one_hellos_worth_is_offered_in_parts),
        cmocka_unit_test(test_silent_dispatchers_task_is_adopted_by_another_and_ends_there),
        cmocka_unit_test(test_result_is_kept_from_a_dispatcher_until_it_has_adopted_it),
        cmocka_unit_test(test_task_that_is_not_adopted_is_stopped_and_forgotten),
        cmocka_unit_test(test_only_dispatcher_silent_work_goes_on_and_is_offered_when_it_is_back),
        cmocka_unit_test(test_draining_dispatcher_loses_its_room_but_gets_its_results),
        cmocka_unit_test(test_dispatchers_bye_moves_everything_at_once),
        cmocka_unit_test(test_refused_worker_asks_again_later),
        cmocka_unit_test(test_sigterm_takes_no_more_finishes_what_is_in_hand_says_bye_and_exits_0),
        cmocka_unit_test(test_what_is_left_when_the_drain_time_is_up_is_handed_back),
        cmocka_unit_test(test_work_that_ignores_its_deadline_is_answered_and_ends_the_process),
    };
    if (argc > 1) cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests_name("stage", tests, NULL, NULL);
}
