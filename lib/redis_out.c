#include "lib/redis_inner.h"

#include <stdlib.h>
#include <string.h>

#define FIRST_CAP (16 * 1024)
#define IDLE_CAP  (64 * 1024) /* an empty buffer larger than this goes back: one long turn must not be paid for ever */
#define LINE_MAX_ 24            /* '$' or '*', 20 digits, "\r\n" */

uint64_t redis_out_position(const struct redis_out *o)
{
    return o->base + o->end;
}

/* Moves the kept bytes to the front.  Worth it only when at least half is dead: then each byte is moved
 * once on average, however long the connection lives. */
static void compact(struct redis_out *o)
{
    if (o->released == 0) return;
    memmove(o->data, o->data + o->released, o->end - o->released);
    o->base += o->released;
    o->sent -= o->released;
    o->end -= o->released;
    o->released = 0;
}

static int make_room(struct redis_out *o, size_t len)
{
    size_t cap = o->cap ? o->cap : FIRST_CAP;
    char *data;

    if (o->released >= o->end / 2) compact(o);
    if (o->cap - o->end >= len) return 0;
    while (cap - o->end < len) {
        if (cap > SIZE_MAX / 2) return -1;
        cap *= 2;
    }
    data = realloc(o->data, cap);
    if (!data) return -1;
    o->data = data;
    o->cap = cap;
    return 0;
}

static inline int reserve(struct redis_out *o, size_t len)
{
    return o->cap - o->end >= len ? 0 : make_room(o, len);
}

/* The caller reserved LINE_MAX_. */
static void add_number_line(struct redis_out *o, char mark, size_t value)
{
    char digits[20];
    size_t n = 0;
    char *to = o->data + o->end;

    do {
        digits[n++] = (char)('0' + value % 10);
        value /= 10;
    } while (value > 0);
    *to++ = mark;
    while (n > 0) *to++ = digits[--n];
    *to++ = '\r';
    *to++ = '\n';
    o->end = (size_t)(to - o->data);
}

static int add_arg(struct redis_out *o, const char *data, size_t len)
{
    if (len > SIZE_MAX / 4 || reserve(o, len + LINE_MAX_ + 2) == -1) return -1;
    add_number_line(o, '$', len);
    if (len > 0) memcpy(o->data + o->end, data, len);
    o->end += len;
    o->data[o->end++] = '\r';
    o->data[o->end++] = '\n';
    return 0;
}

int redis_out_command(struct redis_out *o, int heads, const struct redis_arg *head, int argc,
                      const char *const *argv, const size_t *argvlen)
{
    uint64_t begin = redis_out_position(o);

    if (reserve(o, LINE_MAX_) == -1) return -1;
    add_number_line(o, '*', (size_t)heads + (size_t)argc);
    for (int i = 0; i < heads; i++)
        if (add_arg(o, head[i].data, head[i].len) == -1) goto undo;
    for (int i = 0; i < argc; i++)
        if (add_arg(o, argv[i], argvlen ? argvlen[i] : strlen(argv[i])) == -1) goto undo;
    return 0;
undo:
    o->end = (size_t)(begin - o->base);
    return -1;
}

int redis_out_again(struct redis_out *o, uint64_t from, uint64_t to)
{
    size_t len = (size_t)(to - from);

    if (reserve(o, len) == -1) return -1;
    memcpy(o->data + o->end, o->data + (from - o->base), len);
    o->end += len;
    return 0;
}

/* Behind "$<n>\r\n", n bytes and "\r\n": one word of a command that we wrote ourselves. */
static const char *behind_word(const char *at)
{
    size_t len = strtoul(at + 1, NULL, 10);
    return strchr(at, '\n') + 1 + len + 2;
}

int redis_out_instead(struct redis_out *o, uint64_t from, uint64_t to, const struct redis_arg first[2])
{
    size_t len = (size_t)(to - from), more = first[0].len + first[1].len + 2 * (LINE_MAX_ + 2);

    if (reserve(o, len + more) == -1) return -1;
    const char *begin = o->data + (from - o->base), *words = strchr(begin, '\n') + 1;
    const char *rest = behind_word(behind_word(words));
    memcpy(o->data + o->end, begin, (size_t)(words - begin));
    o->end += (size_t)(words - begin);
    (void)add_arg(o, first[0].data, first[0].len); /* there is room */
    (void)add_arg(o, first[1].data, first[1].len);
    memcpy(o->data + o->end, rest, (size_t)(begin + len - rest));
    o->end += (size_t)(begin + len - rest);
    return 0;
}

size_t redis_out_unsent(const struct redis_out *o, const char **data)
{
    *data = o->data ? o->data + o->sent : NULL;
    return o->end - o->sent;
}

void redis_out_sent(struct redis_out *o, size_t len)
{
    o->sent += len;
}

bool redis_out_was_sent(const struct redis_out *o, uint64_t to)
{
    return to <= o->base + o->sent;
}

void redis_out_release(struct redis_out *o, uint64_t to)
{
    o->released = (size_t)(to - o->base);
    if (o->released < o->end) return;
    o->base += o->end;
    o->end = o->sent = o->released = 0;
    if (o->cap > IDLE_CAP) {
        free(o->data);
        o->data = NULL;
        o->cap = 0;
    }
}

void redis_out_clear(struct redis_out *o)
{
    free(o->data);
    *o = (struct redis_out){0};
}
