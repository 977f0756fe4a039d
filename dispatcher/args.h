/* args: the ARGV of one script call, built piece by piece.
 *
 * Texts are borrowed and must live until args_send(); numbers are formatted into the builder's own memory.
 * A failed allocation makes it bad, and args_send() then answers the handler with NULL, as a broken
 * connection does: the caller has one path for both.
 */
#ifndef SHEAF_DISPATCHER_ARGS_H
#define SHEAF_DISPATCHER_ARGS_H

#include <stdint.h>
#include "lib/buf.h"
#include "lib/redis.h"
#include "proto/ids.h"

struct arg;
struct args {
    struct arg *list;
    int n, cap;
    struct buf numbers;
};

#define ARGS_INIT ((struct args){0})

void args_text(struct args *a, const char *text); /* borrowed */
void args_copy(struct args *a, const char *text);
void args_int(struct args *a, int64_t n);
void args_u64(struct args *a, uint64_t n);
void args_entry(struct args *a, const struct entry_id *entry);
void args_job(struct args *a, const uint8_t job[16]);
/* One argument of several parts, as a script's struct.unpack takes it apart: a number of two bytes, big endian, … */
void args_packed(struct args *a, uint16_t number);
void args_pack(struct args *a, const char *text); /* … and then texts, each ended by its NUL */
void args_send(struct args *a, redis_t *r, const struct redis_script *script, unsigned shard, redis_handler *handler,
               void *user); /* and empties it */

#endif
