/* wire: the messages between dispatcher (ROUTER) and worker (DEALER), as PROTOCOL.md writes them.
 *
 * Pure: encodes into and decodes from plain buffers, never sees a socket, never allocates.  Decoding is
 * total: any bytes give a message or a reason.  A message is one or two ZeroMQ frames: the fixed
 * header of WIRE_HEADER bytes, big-endian, field by field, and a JSON body of at most WIRE_BODY_MAX bytes
 * (absent: the same as "{}").
 *
 * Adding a field: 1. PROTOCOL.md and its minor version  2. encode and decode  3. a golden vector
 * 4. the vector without it still decodes.
 */
#ifndef SHEAF_WIRE_H
#define SHEAF_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "proto/ids.h"

#define WIRE_MAJOR    1
#define WIRE_MINOR    0
#define WIRE_HEADER   104
#define WIRE_BODY_MAX 16384
#define WIRE_TYPE     12 /* bytes of a task type's name, NUL-padded; the text form has at most 11 characters */
#define WIRE_ROOM_MAX 512

/* Numbers once used are never used again. */
enum wire_command {
    WIRE_HELLO = 1,       /* worker: versions, types with room, what it holds */
    WIRE_WELCOME = 2,     /* dispatcher: version; or refusal with the reason */
    WIRE_WHO = 3,         /* dispatcher, to a routing id it does not know: say HELLO again */
    WIRE_CREDIT = 4,      /* worker: absolute room of one type for this dispatcher */
    WIRE_TASK = 5,        /* dispatcher */
    WIRE_RESULT = 6,      /* worker: how a delivery ended; also carries the room of that type */
    WIRE_RESULT_ACK = 7,  /* dispatcher: accepted │ superseded; the worker may forget the result */
    WIRE_PROGRESS = 8,    /* worker: done of total within one task */
    WIRE_HANDED_BACK = 9, /* worker: a TASK that it has no room for, or does not want while draining */
    WIRE_HEARTBEAT = 10,  /* both, from the loop */
    WIRE_CANCEL = 11,     /* dispatcher: nobody wants this delivery any more */
    WIRE_DRAIN = 12,      /* dispatcher: I am leaving; take your room elsewhere */
    WIRE_BYE = 13,        /* either: I am gone; what I held is yours to give away */
    WIRE_COMMANDS
};

/* What a RESULT says (in `status`), and what a RESULT_ACK and a WELCOME answer. */
enum wire_outcome { OUTCOME_DONE = 1, OUTCOME_RETRY = 2, OUTCOME_THROTTLED = 3, OUTCOME_REFUSED = 4, OUTCOMES };
enum wire_ack { ACK_ACCEPTED = 1, ACK_SUPERSEDED = 2, ACKS };
enum wire_welcome { WELCOME_YES = 1, WELCOME_WRONG_MAJOR = 2, WELCOMES };

struct wire_header {
    uint8_t major, minor;   /* major 0 in wire_encode: ours */
    uint8_t command;        /* enum wire_command */
    uint8_t status;         /* outcome, ack or welcome, by command; else 0 */
    char type[WIRE_TYPE];   /* task type, NUL-terminated; "" where none */
    uint8_t shard;
    struct entry_id entry;  /* with type and shard: the task, so that any dispatcher can commit it */
    struct token token;
    uint8_t job[16];
    uint32_t index;
    uint32_t ms_left;       /* TASK: until the deadline, turned into a local moment on receipt */
    uint8_t trace[16];      /* W3C trace id; zero: none */
    uint32_t room_seq;      /* worker: number of this statement of room; older ones are ignored */
    uint16_t room;          /* worker: how many tasks of `type` it will hold at once for this dispatcher; what the
                             * dispatcher has in flight there already counts against it (PROTOCOL.md, Room) */
};

enum wire_problem {
    WIRE_OK = 0,
    WIRE_SHORT,         /* not WIRE_HEADER bytes (a longer header of a higher minor is fine) */
    WIRE_BAD_MAGIC,
    WIRE_BAD_MAJOR,     /* header is filled as far as major and minor */
    WIRE_BAD_COMMAND,
    WIRE_BAD_STATUS,
    WIRE_BAD_TYPE,      /* not a-z0-9_ padded with NUL */
    WIRE_BAD_ROOM,
    WIRE_BODY_TOO_LONG,
    WIRE_BAD_FRAMES     /* said by lib/bus: more than two frames, or a routing id that is too long */
};
const char *wire_problem_text(enum wire_problem p);
const char *wire_command_name(enum wire_command c);
const char *wire_outcome_name(enum wire_outcome o);

void wire_encode(const struct wire_header *h, uint8_t out[WIRE_HEADER]);
enum wire_problem wire_decode(const uint8_t *data, size_t len, size_t body_len, struct wire_header *h);

/* Key of a task within one process: type, shard, entry. */
bool wire_same_task(const struct wire_header *a, const struct wire_header *b);

#endif
