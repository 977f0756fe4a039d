/* ids: the names of jobs, batches and deliveries.  Pure, no allocation, any thread.
 *
 * Job and batch ids are UUIDs of version 8 (RFC 9562): byte 0 the shard, bytes 1-5 the low 40 bits of the
 * wall clock in milliseconds (so that ids of one shard sort by age), the rest random but for the
 * version and variant bits.  As text their first two hex digits are the shard.
 */
#ifndef SHEAF_IDS_H
#define SHEAF_IDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ID_TEXT 37 /* 36 characters and NUL */

void id_make(char out[ID_TEXT], unsigned shard, int64_t wall_ms, const uint8_t random[10]);
bool id_valid(const char *text);               /* 36 characters, lower-case hex and dashes, version 8 */
unsigned id_shard(const char *text);           /* of a valid id */
void id_to_bytes(const char *text, uint8_t out[16]);
void id_from_bytes(const uint8_t in[16], char out[ID_TEXT]);

/* A decimal number without blank or leading zero, as tokens and entries have them. */
#define NUMBER_TEXT 21
char *number_format(uint64_t n, char out[NUMBER_TEXT]);

/* The token names one delivery of one task; ordered by run, then attempt, then delivery.
 * run: Redis TIME in microseconds, set by enqueue and re-run.  attempt: counts failures (from 1).
 * delivery: counts hand-outs within the attempt (from 1). Text form "<run>.<attempt>.<delivery>". */
struct token {
    uint64_t run;
    uint32_t attempt;
    uint32_t delivery;
};
#define TOKEN_TEXT 44
int token_compare(const struct token *a, const struct token *b);
char *token_format(const struct token *t, char out[TOKEN_TEXT]);
bool token_parse(const char *text, struct token *t); /* the whole text, nothing else */

/* Where a task's entry stands in its stream: Redis's "<ms>-<seq>". */
struct entry_id {
    uint64_t ms, seq;
};
#define ENTRY_TEXT 42
char *entry_format(const struct entry_id *e, char out[ENTRY_TEXT]);
bool entry_parse(const char *text, struct entry_id *e);

/* base id: first 12 hex digits of the document's SHA-256; submission id: of SHA-256("<base>:<index>").
 * (The digest itself is lib/digest.h; here only the shape.) */
#define BASE_ID 13

#endif
