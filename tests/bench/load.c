/* load: one producer, as a gateway is: enqueues jobs one by one with the real script, and counts by the events that
 * they ended.  Prints one line of JSON.
 *
 *   load SOCKET window N UNANSWERED FIRST   as fast as it goes, at most UNANSWERED calls without an answer
 *   load SOCKET paced N PER_SECOND FIRST    at that pace
 *   load SOCKET single N GAP_US FIRST       one at a time: the next GAP_US after the one before has ended
 *   load SOCKET fill N UNANSWERED FIRST     like window, but does not wait for their end
 * FIRST: stages that the job opens, separated by blanks.  A job's name is the moment before its call was written, in
 * nanoseconds, so that a stage can tell how long it took to get there. */
#define _GNU_SOURCE /* ppoll */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include "lib/scripts.h"
#include "tests/bench/bench.h"

struct load {
    redisContext *calls, *events;
    const char *first; /* "stepa" or "store inspect" */
    long total, sent, answered, ended, failed;
};

static double cpu_s(void)
{
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) + (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

static void send_one(struct load *l)
{
    char batch[ID_TEXT], job[ID_TEXT], name[24], digest[65], about[400];
    bench_id(batch);
    bench_id(job);
    int64_t now = bench_ns();
    snprintf(name, sizeof name, "%" PRId64, now);
    snprintf(digest, sizeof digest, "%064" PRIx64, (uint64_t)now << 20 | (uint64_t)(l->sent & 0xfffff));
    snprintf(about, sizeof about,
             "{\"owner\":\"" BENCH_OWNER "\",\"batch\":\"%s\",\"name\":\"%s\",\"digest\":\"%s\",\"size\":1,\"mime\":\"application/pdf\"}",
             batch, name, digest);
    const char *argv[] = {batch, "1", BENCH_OWNER, "2", "1", "0", "", "", "", "", "null", l->first, job, digest, name, about};
    bench_call(l->calls, &script_enqueue, (int)(sizeof argv / sizeof *argv), argv, NULL);
    l->sent++;
}

static void count_events(struct load *l, const char *text)
{
    for (const char *line = text; line; line = strchr(line, '\n')) {
        if (*line == '\n') line++;
        size_t len = strcspn(line, "\n");
        if (*line != 'j') continue;
        l->ended += len > 9 && !memcmp(line + len - 9, " finished", 9);
        l->failed += len > 7 && !memcmp(line + len - 7, " failed", 7);
    }
}

static void hear(struct load *l, bool calls, bool events)
{
    redisReply *r = NULL;
    if (calls && redisBufferRead(l->calls) != REDIS_OK) bench_die("enqueue", l->calls->errstr);
    while (calls && redisGetReplyFromReader(l->calls, (void **)&r) == REDIS_OK && r) {
        if (r->type != REDIS_REPLY_STRING || strncmp(r->str, "{\"answer\"", 9)) bench_die("enqueue", r->str ? r->str : "?");
        freeReplyObject(r);
        l->answered++;
    }
    if (events && redisBufferRead(l->events) != REDIS_OK) bench_die("events", l->events->errstr);
    while (events && redisGetReplyFromReader(l->events, (void **)&r) == REDIS_OK && r) {
        if (r->type == REDIS_REPLY_ARRAY && r->elements == 3 && r->element[2]->str) count_events(l, r->element[2]->str);
        freeReplyObject(r);
    }
}

static void wait_some(struct load *l, int64_t ns)
{
    struct pollfd fds[] = {{.fd = l->calls->fd, .events = POLLIN}, {.fd = l->events->fd, .events = POLLIN}};
    struct timespec t = {ns / 1000000000, ns % 1000000000};
    if (ppoll(fds, 2, ns < 0 ? NULL : &t, NULL) < 0 && errno != EINTR) bench_die("poll", strerror(errno));
    hear(l, fds[0].revents, fds[1].revents);
}

static void keep_window(struct load *l, long unanswered, bool to_the_end)
{
    while (l->answered < l->total || (to_the_end && l->ended + l->failed < l->total)) {
        while (l->sent < l->total && l->sent - l->answered < unanswered) send_one(l);
        bench_flush(l->calls);
        wait_some(l, 10000000000);
    }
}

static void keep_pace(struct load *l, double per_second)
{
    int64_t began = bench_ns();
    while (l->ended + l->failed < l->total) {
        int64_t due = began + (int64_t)((double)l->sent / per_second * 1e9), now = bench_ns();
        if (l->sent < l->total && now >= due) {
            send_one(l);
            bench_flush(l->calls);
        } else {
            wait_some(l, l->sent < l->total ? due - now : 10000000000);
        }
    }
}

static void one_at_a_time(struct load *l, int64_t gap_ns)
{
    while (l->sent < l->total) {
        send_one(l);
        bench_flush(l->calls);
        while (l->ended + l->failed < l->sent) wait_some(l, 10000000000);
        int64_t until = bench_ns() + gap_ns;
        for (int64_t now; (now = bench_ns()) < until;) wait_some(l, until - now);
    }
}

int main(int argc, char **argv)
{
    if (argc != 6) bench_die("usage", "load SOCKET window|paced|single|fill N NUMBER FIRST");
    struct load l = {.calls = bench_connect(argv[1]), .events = bench_connect(argv[1]), .total = atol(argv[3]),
                     .first = argv[5]};
    double number = atof(argv[4]);
    scripts_init();
    bench_load(l.calls, &script_enqueue);
    freeReplyObject(redisCommand(l.events, "SUBSCRIBE sheaf:events"));
    double cpu = cpu_s();
    int64_t began = bench_ns();
    if (!strcmp(argv[2], "window")) keep_window(&l, (long)number, true);
    else if (!strcmp(argv[2], "fill")) keep_window(&l, (long)number, false);
    else if (!strcmp(argv[2], "paced")) keep_pace(&l, number);
    else if (!strcmp(argv[2], "single")) one_at_a_time(&l, (int64_t)(number * 1000));
    else bench_die(argv[2], "no such mode");
    double s = (double)(bench_ns() - began) / 1e9;
    printf("{\"jobs\":%ld,\"failed\":%ld,\"s\":%.6f,\"per_s\":%.1f,\"load_cpu_us\":%.2f}\n", l.total, l.failed, s,
           (double)l.total / s, (cpu_s() - cpu) / (double)l.total * 1e6);
    return l.failed != 0;
}
