#include "proto/wire.h"

#include <string.h>

/* The layout, as PROTOCOL.md's table has it:
 *
 *   0 magic 4 │ 4 major │ 5 minor │ 6 command │ 7 status │ 8 type 12 │ 20 shard │ 21 reserved 3
 *  24 entry.ms 8 │ 32 entry.seq 8 │ 40 run 8 │ 48 attempt 4 │ 52 delivery 4 │ 56 job 16
 *  72 index 4 │ 76 ms_left 4 │ 80 trace 16 │ 96 room_seq 4 │ 100 room 2 │ 102 reserved 2 */
static const uint8_t magic[4] = {'S', 'H', 'F', '1'};

/* Magic and version stand at the same place in every version, so that a stranger can be told by name. */
#define VERSION_END 6

/* A cursor that remembers its first step too far: callers read on and ask once. */
struct cursor {
    const uint8_t *at, *end;
    bool bad;
};

static uint64_t get(struct cursor *c, int bytes)
{
    if (c->bad || c->end - c->at < bytes) {
        c->bad = true;
        return 0;
    }
    uint64_t v = 0;
    for (int i = 0; i < bytes; i++) v = v << 8 | *c->at++;
    return v;
}

static void get_bytes(struct cursor *c, void *out, int bytes)
{
    if (c->bad || c->end - c->at < bytes) {
        c->bad = true;
        memset(out, 0, (size_t)bytes);
        return;
    }
    memcpy(out, c->at, (size_t)bytes);
    c->at += bytes;
}

static uint8_t *put(uint8_t *p, uint64_t v, int bytes)
{
    for (int i = bytes - 1; i >= 0; i--) *p++ = (uint8_t)(v >> (8 * i));
    return p;
}

static uint8_t *put_bytes(uint8_t *p, const void *data, int bytes)
{
    memcpy(p, data, (size_t)bytes);
    return p + bytes;
}

static const struct {
    const char *name;
    uint8_t status_max; /* 0: none is said; else one of 1..status_max must be */
    bool of_a_type;     /* the type must be named */
} commands[WIRE_COMMANDS] = {
    [WIRE_HELLO] = {"HELLO", 0, false},
    [WIRE_WELCOME] = {"WELCOME", WELCOMES - 1, false},
    [WIRE_WHO] = {"WHO", 0, false},
    [WIRE_CREDIT] = {"CREDIT", 0, true},
    [WIRE_TASK] = {"TASK", 0, true},
    [WIRE_RESULT] = {"RESULT", OUTCOMES - 1, true},
    [WIRE_RESULT_ACK] = {"RESULT_ACK", ACKS - 1, true},
    [WIRE_PROGRESS] = {"PROGRESS", 0, true},
    [WIRE_HANDED_BACK] = {"HANDED_BACK", 0, true},
    [WIRE_HEARTBEAT] = {"HEARTBEAT", 0, false},
    [WIRE_CANCEL] = {"CANCEL", 0, true},
    [WIRE_DRAIN] = {"DRAIN", 0, false},
    [WIRE_BYE] = {"BYE", 0, false},
};

static bool type_ok(const char type[WIRE_TYPE], bool required)
{
    int n = 0;
    while (n < WIRE_TYPE && type[n]) {
        char c = type[n++];
        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_')) return false;
    }
    if (n == WIRE_TYPE || (required && n == 0)) return false;
    while (n < WIRE_TYPE) {
        if (type[n++]) return false;
    }
    return true;
}

void wire_encode(const struct wire_header *h, uint8_t out[WIRE_HEADER])
{
    /* Whatever stands behind the type's NUL in memory must not reach the wire. */
    char type[WIRE_TYPE] = {0};
    memcpy(type, h->type, strnlen(h->type, WIRE_TYPE - 1));

    uint8_t *p = put_bytes(out, magic, sizeof(magic));
    p = put(p, h->major ? h->major : WIRE_MAJOR, 1);
    p = put(p, h->major ? h->minor : WIRE_MINOR, 1);
    p = put(p, h->command, 1);
    p = put(p, h->status, 1);
    p = put_bytes(p, type, WIRE_TYPE);
    p = put(p, h->shard, 1);
    p = put(p, 0, 3);
    p = put(p, h->entry.ms, 8);
    p = put(p, h->entry.seq, 8);
    p = put(p, h->token.run, 8);
    p = put(p, h->token.attempt, 4);
    p = put(p, h->token.delivery, 4);
    p = put_bytes(p, h->job, 16);
    p = put(p, h->index, 4);
    p = put(p, h->ms_left, 4);
    p = put_bytes(p, h->trace, 16);
    p = put(p, h->room_seq, 4);
    p = put(p, h->room, 2);
    put(p, 0, 2);
}

/* What stands behind the version. */
static void get_fields(struct cursor *c, struct wire_header *h)
{
    h->command = (uint8_t)get(c, 1);
    h->status = (uint8_t)get(c, 1);
    get_bytes(c, h->type, WIRE_TYPE);
    h->shard = (uint8_t)get(c, 1);
    (void)get(c, 3); /* reserved: ignored, so that a later minor may use it */
    h->entry.ms = get(c, 8);
    h->entry.seq = get(c, 8);
    h->token.run = get(c, 8);
    h->token.attempt = (uint32_t)get(c, 4);
    h->token.delivery = (uint32_t)get(c, 4);
    get_bytes(c, h->job, 16);
    h->index = (uint32_t)get(c, 4);
    h->ms_left = (uint32_t)get(c, 4);
    get_bytes(c, h->trace, 16);
    h->room_seq = (uint32_t)get(c, 4);
    h->room = (uint16_t)get(c, 2);
    (void)get(c, 2);
}

static enum wire_problem check(const struct wire_header *h, size_t body_len)
{
    if (h->command == 0 || h->command >= WIRE_COMMANDS) return WIRE_BAD_COMMAND;
    uint8_t status_max = commands[h->command].status_max;
    if (h->status > status_max || (status_max && h->status == 0)) return WIRE_BAD_STATUS;
    if (!type_ok(h->type, commands[h->command].of_a_type)) return WIRE_BAD_TYPE;
    if (h->room > WIRE_ROOM_MAX) return WIRE_BAD_ROOM;
    if (body_len > WIRE_BODY_MAX) return WIRE_BODY_TOO_LONG;
    return WIRE_OK;
}

enum wire_problem wire_decode(const uint8_t *data, size_t len, size_t body_len, struct wire_header *h)
{
    *h = (struct wire_header){0};
    if (len < VERSION_END) return WIRE_SHORT;
    if (memcmp(data, magic, sizeof(magic)) != 0) return WIRE_BAD_MAGIC;

    struct cursor c = {.at = data + sizeof(magic), .end = data + len};
    struct wire_header got = {0};
    got.major = (uint8_t)get(&c, 1);
    got.minor = (uint8_t)get(&c, 1);
    if (got.major != WIRE_MAJOR) {
        *h = got;
        return WIRE_BAD_MAJOR;
    }
    get_fields(&c, &got);
    if (c.bad) return WIRE_SHORT;
    /* A later minor may have more fields behind those that we know; ours may not. */
    if (c.at != c.end && got.minor <= WIRE_MINOR) return WIRE_SHORT;

    enum wire_problem problem = check(&got, body_len);
    if (problem == WIRE_OK) *h = got;
    return problem;
}

bool wire_same_task(const struct wire_header *a, const struct wire_header *b)
{
    return a->entry.ms == b->entry.ms && a->entry.seq == b->entry.seq && a->shard == b->shard &&
           strncmp(a->type, b->type, WIRE_TYPE) == 0;
}

const char *wire_problem_text(enum wire_problem p)
{
    static const char *const texts[] = {
        [WIRE_OK] = "no problem",
        [WIRE_SHORT] = "the header has the wrong length",
        [WIRE_BAD_MAGIC] = "the magic is wrong",
        [WIRE_BAD_MAJOR] = "another major version",
        [WIRE_BAD_COMMAND] = "an unknown command",
        [WIRE_BAD_STATUS] = "a status that the command does not have",
        [WIRE_BAD_TYPE] = "a malformed or missing task type",
        [WIRE_BAD_ROOM] = "more room than the limit",
        [WIRE_BODY_TOO_LONG] = "the body is too long",
        [WIRE_BAD_FRAMES] = "not one or two frames from a known address",
    };
    return (size_t)p < sizeof(texts) / sizeof(texts[0]) ? texts[p] : "an unknown problem";
}

const char *wire_command_name(enum wire_command c)
{
    return (unsigned)c < WIRE_COMMANDS && commands[c].name ? commands[c].name : "?";
}

const char *wire_outcome_name(enum wire_outcome o)
{
    static const char *const names[OUTCOMES] = {
        [OUTCOME_DONE] = "done",
        [OUTCOME_RETRY] = "retry",
        [OUTCOME_THROTTLED] = "throttled",
        [OUTCOME_REFUSED] = "refused",
    };
    return (unsigned)o < OUTCOMES && names[o] ? names[o] : "?";
}
