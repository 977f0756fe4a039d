/* bench: what the measuring programs share: a plain hiredis connection, the clock, ids.  They use hiredis and ZeroMQ
 * bare, so that what they cost is not what lib costs. */
#ifndef SHEAF_TESTS_BENCH_H
#define SHEAF_TESTS_BENCH_H

#include <hiredis/hiredis.h>
#include <stdbool.h>
#include <stdint.h>
#include "lib/redis.h"
#include "proto/ids.h"

#define BENCH_SHARD "sheaf:{00}:"
#define BENCH_OWNER "00000000-0000-4000-8000-000000000001"

int64_t bench_ns(void); /* CLOCK_MONOTONIC, the same in every process */
/* One line in the file: the microseconds since `then_ns`.  fd < 0: nobody asks. */
void bench_note_since(int fd, int64_t then_ns);
void bench_id(char out[ID_TEXT]);

/* A connection to a unix socket; any failure ends the program, as for all functions here. */
redisContext *bench_connect(const char *socket);
void bench_load(redisContext *c, const struct redis_script *script); /* loads it as lib/redis.c does */
/* Puts a call of the script with KEYS[1] and `argc` texts into the pipeline. */
void bench_call(redisContext *c, const struct redis_script *script, int argc, const char **argv, const size_t *lens);
void bench_flush(redisContext *c);
_Noreturn void bench_die(const char *what, const char *why);

#endif
