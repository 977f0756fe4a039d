#include "lib/redis_inner.h"

#include <hiredis/hiredis.h>
#include <stdlib.h>
#include <string.h>
#include "lib/auto.h"

/* The text or the elements follow the struct. */
struct redis_reply {
    enum redis_type type;
    size_t len; /* of text or element */
    int64_t integer;
    union {
        char *text;
        struct redis_reply **element;
    };
};

/* A reply's objects lie one behind the other in a few blocks: the answer of a turn has hundreds of words, and an allocation for each, freed when
 * the turn is dealt out, was a twentieth of what a dispatcher does.  The whole reply stands in the first block, what it is made of behind. */
struct block {
    struct block *next; /* of the first: the newest, which the next object goes to */
    size_t used, size;
};

#define ALIGNED     _Alignof(struct redis_reply)
#define BLOCK_LEAST 512
#define BLOCK_MOST  8192

static struct block *block_new(size_t size, struct block **link)
{
    struct block *b = malloc(sizeof *b + size);
    if (!b) return NULL;
    *b = (struct block){.next = link ? *link : NULL, .size = size};
    if (link) *link = b;
    return b;
}

static void *block_take(struct block *b, size_t size)
{
    void *at = (char *)(b + 1) + b->used;
    b->used += size;
    return at;
}

static struct block *first_block(const redisReadTask *part)
{
    while (part->parent) part = part->parent;
    return (struct block *)part->obj - 1;
}

/* Blocks grow, so that a small reply stays small; what would fill a good part of one gets its own, and the newest is filled on. */
static struct block *block_with_room(struct block *first, size_t size)
{
    struct block *newest = first->next;
    size_t next = !newest ? BLOCK_LEAST : newest->size < BLOCK_MOST / 2 ? newest->size * 2 : BLOCK_MOST;
    if (newest && newest->size - newest->used >= size) return newest;
    if (size > next / 4) return block_new(size, newest ? &newest->next : &first->next);
    return block_new(next, &first->next);
}

/* hiredis calls these.  A NULL answer ends the parsing with an error. */

static struct redis_reply *place(const redisReadTask *task, enum redis_type type, size_t extra)
{
    size_t *budget = task->privdata;
    size_t size;
    struct redis_reply *r;
    struct block *b;

    if (extra > REDIS_REPLY_MAX) return NULL;
    size = (sizeof(struct redis_reply) + extra + ALIGNED - 1) / ALIGNED * ALIGNED;
    if (size > *budget) return NULL;
    b = task->parent ? block_with_room(first_block(task), size) : block_new(size, NULL);
    if (!b) return NULL;
    r = block_take(b, size);
    *budget -= size;
    *r = (struct redis_reply){.type = type};
    if (task->parent) ((struct redis_reply *)task->parent->obj)->element[task->idx] = r;
    return r;
}

static void *create_string(const redisReadTask *task, char *text, size_t len)
{
    enum redis_type type = task->type == REDIS_REPLY_ERROR    ? REDIS_ERROR
                           : task->type == REDIS_REPLY_STATUS ? REDIS_STATUS
                                                              : REDIS_STRING;
    struct redis_reply *r = place(task, type, len < SIZE_MAX ? len + 1 : len);

    if (!r) return NULL;
    r->text = (char *)(r + 1);
    memcpy(r->text, text, len);
    r->text[len] = '\0';
    r->len = len;
    return r;
}

static void *create_array(const redisReadTask *task, int elements)
{
    size_t n = elements > 0 ? (size_t)elements : 0;
    struct redis_reply *r = place(task, REDIS_ARRAY, n * sizeof(struct redis_reply *));

    if (!r) return NULL;
    r->element = (struct redis_reply **)(r + 1);
    memset(r->element, 0, n * sizeof r->element[0]);
    r->len = n;
    return r;
}

static void *create_integer(const redisReadTask *task, long long value)
{
    struct redis_reply *r = place(task, REDIS_INTEGER, 0);

    if (r) r->integer = value;
    return r;
}

static void *create_nil(const redisReadTask *task)
{
    return place(task, REDIS_NIL, 0);
}

/* Of a whole reply only. */
static void free_object(void *object)
{
    struct block *b = object ? (struct block *)object - 1 : NULL;

    while (b) {
        struct block *next = b->next;
        free(b);
        b = next;
    }
}

struct redisReader *redis_reader_new(size_t *budget)
{
    static redisReplyObjectFunctions functions = {
        create_string, create_array, create_integer, create_nil, free_object,
    };
    redisReader *reader = redisReaderCreateWithFunctions(&functions);

    if (!reader) return NULL;
    reader->privdata = budget;
    reader->maxbuf = 64 * 1024; /* kept when empty; with the default of 16 KiB every feed would allocate */
    return reader;
}

int redis_reader_next(struct redisReader *reader, redis_reply_t **reply, struct err *err)
{
    void *object = NULL;

    if (redisReaderGetReply(reader, &object) == REDIS_OK) {
        if (object) *reply = object;
        return object ? 1 : 0;
    }
    if (reader->err == REDIS_ERR_OOM) return err_set(err, ERR_UNAVAILABLE, "a reply of Redis is too large");
    return err_set(err, ERR_UNAVAILABLE, "what answers is not Redis: %.100s", reader->errstr);
}

int redis_reader_feed(struct redisReader *reader, const char *data, size_t len, struct err *err)
{
    if (reader->len - reader->pos > REDIS_REPLY_MAX)
        return err_set(err, ERR_UNAVAILABLE, "a reply of Redis is too large");
    if (redisReaderFeed(reader, data, len) != REDIS_OK) return err_set(err, ERR_NOMEM, "reply of Redis");
    return 0;
}

void redis_reader_destroy(struct redisReader **reader)
{
    if (*reader) redisReaderFree(*reader);
    *reader = NULL;
}

enum redis_type redis_type(const redis_reply_t *r)
{
    return r ? r->type : REDIS_NIL;
}

static int64_t parse_int(const char *text, size_t len)
{
    char *end = NULL;
    long long value;

    if (len == 0 || len > 20 || !(*text == '-' || (*text >= '0' && *text <= '9'))) return 0;
    value = strtoll(text, &end, 10);
    return end == text + len ? value : 0;
}

int64_t redis_int(const redis_reply_t *r)
{
    if (!r) return 0;
    if (r->type == REDIS_INTEGER) return r->integer;
    return r->type == REDIS_STRING ? parse_int(r->text, r->len) : 0;
}

const char *redis_str(const redis_reply_t *r)
{
    bool is_text = r && (r->type == REDIS_STRING || r->type == REDIS_STATUS || r->type == REDIS_ERROR);
    return is_text ? r->text : "";
}

size_t redis_len(const redis_reply_t *r)
{
    return r ? r->len : 0;
}

const redis_reply_t *redis_at(const redis_reply_t *r, size_t i)
{
    return r && r->type == REDIS_ARRAY && i < r->len ? r->element[i] : NULL;
}

bool redis_is_error(const redis_reply_t *r, const char *prefix)
{
    if (!r || r->type != REDIS_ERROR) return false;
    return !prefix || strncmp(r->text, prefix, strlen(prefix)) == 0;
}

void redis_reply_free(redis_reply_t *r)
{
    free_object(r);
}

int redis_reply_err(const redis_reply_t *r, struct err *err)
{
    static const struct {
        const char *prefix;
        enum err_kind kind;
        const char *code;
    } meanings[] = {
        {"OOM", ERR_UNAVAILABLE, "redis_full"},
        {"LOADING", ERR_UNAVAILABLE, ""},
        {"READONLY", ERR_UNAVAILABLE, ""},
        {"BUSY ", ERR_UNAVAILABLE, ""},
        {"MASTERDOWN", ERR_UNAVAILABLE, ""},
        {"TRYAGAIN", ERR_UNAVAILABLE, ""},
        {"CLUSTERDOWN", ERR_UNAVAILABLE, ""},
        {"MISCONF", ERR_UNAVAILABLE, ""},    /* it cannot write to its disk */
        {"NOREPLICAS", ERR_UNAVAILABLE, ""}, /* fewer replicas than it wants before it takes a write */
        {"ERR max number of clients", ERR_UNAVAILABLE, ""},
        {"NOAUTH", ERR_CONFIG, ""},
        {"WRONGPASS", ERR_CONFIG, ""},
        {"NOPERM", ERR_CONFIG, ""},
        {"MOVED", ERR_CONFIG, ""}, /* a cluster: our keys would be spread over servers */
        {"ASK", ERR_CONFIG, ""},
        {"CROSSSLOT", ERR_CONFIG, ""},
    };
    const char *text = redis_str(r);
    /* "unknown command 'X', with args beginning with: ..." would carry data into logs. */
    const char *args = strstr(text, ", with args");
    int len = args ? (int)(args - text) : (int)strnlen(text, 150);

    if (!redis_is_error(r, NULL)) return err_set(err, ERR_BUG, "a reply of Redis that is no error");
    if (len > 150) len = 150;
    for (size_t i = 0; i < COUNT_OF(meanings); i++)
        if (redis_is_error(r, meanings[i].prefix))
            return err_code(err, meanings[i].kind, meanings[i].code, "Redis says: %.*s", len, text);
    return err_set(err, ERR_BUG, "Redis says: %.*s", len, text);
}
