#include "tests/bench/bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

void bench_die(const char *what, const char *why)
{
    fprintf(stderr, "%s: %s\n", what, why);
    exit(1);
}

int64_t bench_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}

void bench_note_since(int fd, int64_t then_ns)
{
    char line[32];
    if (fd < 0) return;
    int n = snprintf(line, sizeof line, "%.1f\n", (double)(bench_ns() - then_ns) / 1000);
    if (write(fd, line, (size_t)n) != n) bench_die("latency", "cannot write");
}

/* xorshift64*: ids must differ, not be secret. */
static uint64_t random_word(void)
{
    static uint64_t state;
    if (!state) state = (uint64_t)bench_ns() | 1;
    state ^= state >> 12;
    state ^= state << 25;
    state ^= state >> 27;
    return state * 2685821657736338717ULL;
}

void bench_id(char out[ID_TEXT])
{
    uint8_t random[16];
    uint64_t a = random_word(), b = random_word();
    memcpy(random, &a, 8);
    memcpy(random + 8, &b, 8);
    id_make(out, 0, (int64_t)time(NULL) * 1000, random);
}

redisContext *bench_connect(const char *socket)
{
    redisContext *c = redisConnectUnix(socket);
    if (!c || c->err) bench_die(socket, c ? c->errstr : "no memory");
    return c;
}

void bench_load(redisContext *c, const struct redis_script *script)
{
    redisReply *r = script->as_library ? redisCommand(c, "FUNCTION LOAD REPLACE %s", script->as_library)
                                    : redisCommand(c, "SCRIPT LOAD %s", script->source);
    if (!r || r->type != REDIS_REPLY_STRING) bench_die(script->name, r ? r->str : c->errstr);
    freeReplyObject(r);
}

void bench_call(redisContext *c, const struct redis_script *script, int argc, const char **argv, const size_t *lens)
{
    const char **all = malloc(((size_t)argc + 4) * sizeof *all);
    size_t *all_lens = malloc(((size_t)argc + 4) * sizeof *all_lens);
    if (!all || !all_lens) bench_die(script->name, "no memory");
    const bool function = script->as_library != NULL; /* as lib/redis.c calls it */
    const char *head[] = {function ? "FCALL" : "EVALSHA", function ? script->function : script->sha1, "1", BENCH_SHARD};
    for (int i = 0; i < 4; i++) all_lens[i] = strlen(all[i] = head[i]);
    memcpy(all + 4, argv, (size_t)argc * sizeof *all);
    for (int i = 0; i < argc; i++) all_lens[4 + i] = lens ? lens[i] : strlen(argv[i]);
    if (redisAppendCommandArgv(c, argc + 4, all, all_lens) != REDIS_OK) bench_die(script->name, c->errstr);
    free(all);
    free(all_lens);
}

void bench_flush(redisContext *c)
{
    int done = 0;
    while (!done)
        if (redisBufferWrite(c, &done) != REDIS_OK) bench_die("Redis", c->errstr);
}
