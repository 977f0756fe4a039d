/* bare: the honest bare loop, in the dispatcher's place.  What an engine of this design cannot do without, and nothing else:
 * take and commit by our own script (delivered by XREADGROUP, fenced, with result, event and delete), and one
 * ROUTER/DEALER round trip to a process that echoes; woken as a dispatcher is.  No leases, no heartbeats, no rooms, no
 * JSON, no metrics, no memory of what is in hand beyond a table of slots.
 *
 *   bare SOCKET ROOM SERVICES
 * ROOM tasks of each type at once; SERVICES 1 or 4 echoing processes.  Intake is `load`'s, as for the engine. Runs until
 * SIGTERM.  Environment: BENCH_LATENCY as for step-svc. */
#define _GNU_SOURCE /* memmem */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>
#include <zmq.h>
#include "lib/scripts.h"
#include "tests/bench/bench.h"

/* TAKE_MOST: as many as an engine's call takes of a type (dispatcher/engine_results.c says why), and what its results open on top. */
enum { TAKE_MOST = 24, STEPS = 4, KIND_WORDS = 5, COMMIT_MOST = 256, HEADER = 104, ROW_MOST = 1024 };
static const char *const types[STEPS] = {"stepa", "stepb", "stepc", "stepd"};
static const char *const opens[STEPS] = {"stepb:0:1", "stepc:0:1", "stepd:0:1", ""};
static const char *const needs[STEPS] = {"", "res:stepa:0", "res:stepb:0", ""};

struct slot {
    int step;
    char entry[ENTRY_TEXT], run[24], attempt[12], delivery[24], job[ID_TEXT], index[12];
    char packed[256]; /* its result */
};

static volatile sig_atomic_t over;
static struct slot *slots;
static int *free_slots, n_free, *done_slots, n_done, in_hand[STEPS], room, unanswered;
static redisContext *redis, *wake;
static void *router;

static void on_term(int signal)
{
    (void)signal;
    over = 1;
}

static void *open_socket(void *context, int type)
{
    void *s = zmq_socket(context, type);
    int zero = 0;
    if (!s) bench_die("zmq_socket", zmq_strerror(zmq_errno()));
    zmq_setsockopt(s, ZMQ_SNDHWM, &zero, sizeof zero);
    zmq_setsockopt(s, ZMQ_RCVHWM, &zero, sizeof zero);
    zmq_setsockopt(s, ZMQ_LINGER, &zero, sizeof zero);
    return s;
}

/* Of a job's first task: the job's name is in what it is told. */
static void note_latency(int fd, const char *message, size_t len)
{
    static const char name[] = "\"name\":\"";
    const char *found = len > HEADER ? memmem(message + HEADER, len - HEADER, name, sizeof name - 1) : NULL;
    int slot_and_step[2];
    memcpy(slot_and_step, message, sizeof slot_and_step);
    if (found && slot_and_step[1] == 0) bench_note_since(fd, strtoll(found + sizeof name - 1, NULL, 10));
}

static int echo(const char *endpoint, char name)
{
    const char *file = getenv("BENCH_LATENCY");
    const int latency_fd = file ? open(file, O_WRONLY | O_CREAT | O_APPEND, 0600) : -1;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    void *s = open_socket(zmq_ctx_new(), ZMQ_DEALER);
    zmq_setsockopt(s, ZMQ_ROUTING_ID, &name, 1);
    if (zmq_connect(s, endpoint)) return 1;
    zmq_send(s, "", 0, 0);
    for (;;) {
        zmq_msg_t m;
        zmq_msg_init(&m);
        if (zmq_msg_recv(&m, s, 0) < 0) return 1;
        if (latency_fd >= 0) note_latency(latency_fd, zmq_msg_data(&m), zmq_msg_size(&m));
        if (zmq_msg_send(&m, s, 0) < 0) return 1;
    }
}

static void start_echoes(int n)
{
    char endpoint[64] = "", id[8], none;
    snprintf(endpoint, sizeof endpoint, "tcp://127.0.0.1:%d", 20000 + getpid() % 20000);
    for (int i = 0; i < n; i++) {
        pid_t kid = fork();
        if (kid < 0) bench_die("fork", "failed");
        if (!kid) _exit(echo(endpoint, (char)('0' + i)));
    }
    router = open_socket(zmq_ctx_new(), ZMQ_ROUTER);
    if (zmq_bind(router, endpoint)) bench_die(endpoint, zmq_strerror(zmq_errno()));
    for (int i = 0; i < n; i++) {
        if (zmq_recv(router, id, sizeof id, 0) != 1) bench_die("echo", "did not come up");
        zmq_recv(router, &none, 1, 0);
    }
}

/* What a TASK takes on the wire: a header's length, the slot and the step in it, and the task's texts.  What all tasks of a job are told comes but once; it is as
 * long every time. */
static void to_service(int slot, redisReply *const *words, size_t n, int services)
{
    static char message[HEADER + ROW_MOST];
    char id = (char)('0' + slots[slot].step % services);
    size_t len = HEADER;
    static size_t about_len;
    if (words[3]->len) about_len = words[3]->len;
    else len += about_len;
    memcpy(message, (const int[]){slot, slots[slot].step}, 2 * sizeof slot);
    for (size_t i = 2; i < n && len + words[i]->len < sizeof message; i++) {
        memcpy(message + len, words[i]->str, words[i]->len);
        len += words[i]->len;
    }
    zmq_send(router, &id, 1, ZMQ_SNDMORE);
    zmq_send(router, message, len, 0);
}

/* A type's list: type, words of a task, and these. */
static void on_taken(const redisReply *list, int services)
{
    size_t width = (size_t)list->element[1]->integer;
    for (size_t at = 2; at + width <= list->elements; at += width) {
        redisReply *const *words = list->element + at;
        int slot = free_slots[--n_free];
        struct slot *s = &slots[slot];
        s->step = list->element[0]->str[4] - 'a';
        snprintf(s->entry, sizeof s->entry, "%s", words[0]->str);
        snprintf(s->delivery, sizeof s->delivery, "%lld", words[1]->integer);
        if (sscanf(words[2]->str, "%36s %23s %11s %11s", s->job, s->run, s->index, s->attempt) != 4) bench_die("take", "row");
        in_hand[s->step]++;
        to_service(slot, words, width, services);
    }
}

/* Two bytes for the number of its kind, then texts with their NULs: as commit.lua takes it apart. */
static size_t pack_result(struct slot *s)
{
    return (size_t)snprintf(s->packed, sizeof s->packed, "%c%c%s%c%s%c%s.%s.%s%c%s%c%s%c{\"fan\":40}", 0, s->step + 1, s->entry, 0, s->run, 0, s->run,
                            s->attempt, s->delivery, 0, s->job, 0, s->index, 0) + 1;
}

struct words {
    const char *argv[4 + STEPS * KIND_WORDS + COMMIT_MOST + STEPS * 4];
    size_t lens[4 + STEPS * KIND_WORDS + COMMIT_MOST + STEPS * 4];
    int n;
};

static void put(struct words *w, const char *text, size_t len)
{
    w->argv[w->n] = text;
    w->lens[w->n++] = len;
}

static void put_texts(struct words *w, const char *const *texts, int n)
{
    for (int i = 0; i < n; i++) put(w, texts[i], strlen(texts[i]));
}

/* All results there are, and the room: one call. */
static void send_turn(void)
{
    static struct words w;
    static char count[12], window[12], rooms[STEPS][12];
    int n = n_done < COMMIT_MOST ? n_done : COMMIT_MOST, opened[STEPS + 1] = {0}, top = 0;
    snprintf(count, sizeof count, "%d", n);
    snprintf(window, sizeof window, "%d", room * 4 < 64 ? 64 : room * 4);
    w.n = 0;
    put_texts(&w, (const char *const[]){"bare", "3600000", "4", count}, 4); /* 4 kinds: one per step */
    for (int i = 0; i < STEPS; i++) put_texts(&w, (const char *const[]){types[i], "bare", opens[i], "", "1"}, KIND_WORDS);
    for (int i = 0; i < n; i++) {
        struct slot *s = &slots[done_slots[--n_done]];
        put(&w, s->packed, pack_result(s));
        in_hand[s->step]--;
        opened[s->step + 1]++; /* of the last: nothing that is asked for */
        free_slots[n_free++] = done_slots[n_done];
    }
    for (int i = 0; i < STEPS; i++) top = opened[i] > top ? opened[i] : top;
    for (int i = 0; i < STEPS; i++) {
        if (in_hand[i] == room) continue;
        const int most = TAKE_MOST + (opened[i] ? top : 0), left = room - in_hand[i];
        snprintf(rooms[i], sizeof rooms[i], "%d", left < most ? left : most);
        put_texts(&w, (const char *const[]){types[i], rooms[i], window, needs[i]}, 4);
    }
    bench_call(redis, &script_turn, w.n, w.argv, w.lens);
    unanswered++;
}

static void hear_redis(int services)
{
    redisReply *r = NULL;
    if (redisBufferRead(redis) != REDIS_OK) bench_die("Redis", redis->errstr);
    while (redisGetReplyFromReader(redis, (void **)&r) == REDIS_OK && r) {
        unanswered--;
        if (r->type != REDIS_REPLY_ARRAY || r->elements != 2) bench_die("turn", r->str ? r->str : "?");
        for (size_t i = 0; i < r->element[0]->elements; i++)
            if (r->element[0]->element[i]->integer != 1) bench_die("turn", "superseded");
        for (size_t i = 0; i < r->element[1]->elements; i++) on_taken(r->element[1]->element[i], services);
        freeReplyObject(r);
    }
}

static void hear_services(void)
{
    static char message[HEADER + ROW_MOST];
    char who[8];
    while (zmq_recv(router, who, sizeof who, ZMQ_DONTWAIT) > 0) {
        zmq_recv(router, message, sizeof message, 0);
        memcpy(&done_slots[n_done++], message, sizeof(int));
    }
}

/* Whoever adds a task to a stream that was found dry says so. */
static void hear_wake(void)
{
    redisReply *r = NULL;
    if (redisBufferRead(wake) != REDIS_OK) bench_die("Redis", wake->errstr);
    while (redisGetReplyFromReader(wake, (void **)&r) == REDIS_OK && r) freeReplyObject(r);
}

int main(int argc, char **argv)
{
    if (argc != 4) bench_die("usage", "bare SOCKET ROOM SERVICES");
    room = atoi(argv[2]);
    int services = atoi(argv[3]), most = room * STEPS;
    slots = calloc((size_t)most, sizeof *slots);
    free_slots = calloc((size_t)most, sizeof *free_slots);
    done_slots = calloc((size_t)most, sizeof *done_slots);
    if (!slots || !free_slots || !done_slots) bench_die("slots", "no memory");
    for (n_free = 0; n_free < most; n_free++) free_slots[n_free] = n_free;
    signal(SIGTERM, on_term);
    start_echoes(services);
    redis = bench_connect(argv[1]);
    wake = bench_connect(argv[1]);
    scripts_init();
    bench_load(redis, &script_turn);
    freeReplyObject(redisCommand(redis, "HSET " BENCH_SHARD "policy notify never"));
    freeReplyObject(redisCommand(wake, "SUBSCRIBE sheaf:wake"));
    puts("ready");
    fflush(stdout);
    zmq_pollitem_t items[] = {
        {.socket = router, .events = ZMQ_POLLIN}, {.fd = redis->fd, .events = ZMQ_POLLIN}, {.fd = wake->fd, .events = ZMQ_POLLIN}};
    bool look = true; /* something may be there */
    while (!over) {
        if (!unanswered && (n_done || look)) {
            send_turn();
            look = false;
        }
        bench_flush(redis);
        zmq_poll(items, 3, -1);
        if (items[2].revents) {
            hear_wake();
            look = true;
        }
        if (items[1].revents) hear_redis(services);
        if (items[0].revents) hear_services();
    }
    return 0;
}
