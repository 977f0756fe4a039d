#include "dispatcher/args.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/scripts.h"

struct arg {
    const char *borrowed; /* NULL: at `at` in numbers, which may move while it grows */
    size_t at, len;
};

static struct arg *next(struct args *a)
{
    if (a->n == a->cap) {
        int cap = a->cap ? a->cap * 2 : 64;
        struct arg *list = realloc(a->list, (size_t)cap * sizeof *list);
        if (!list) {
            a->numbers.bad = true;
            return NULL;
        }
        a->list = list;
        a->cap = cap;
    }
    return &a->list[a->n++];
}

void args_text(struct args *a, const char *text)
{
    struct arg *arg = next(a);
    if (arg) *arg = (struct arg){.borrowed = text, .len = strlen(text)};
}

void args_copy(struct args *a, const char *text)
{
    struct arg *arg = next(a);
    if (!arg) return;
    *arg = (struct arg){.at = a->numbers.len, .len = strlen(text)};
    buf_add(&a->numbers, text, arg->len);
}

void args_int(struct args *a, int64_t n)
{
    char text[24];
    snprintf(text, sizeof text, "%" PRId64, n);
    args_copy(a, text);
}

void args_u64(struct args *a, uint64_t n)
{
    char text[24];
    snprintf(text, sizeof text, "%" PRIu64, n);
    args_copy(a, text);
}

void args_entry(struct args *a, const struct entry_id *entry)
{
    char text[ENTRY_TEXT];
    args_copy(a, entry_format(entry, text));
}

void args_job(struct args *a, const uint8_t job[16])
{
    char text[ID_TEXT];
    id_from_bytes(job, text);
    args_copy(a, text);
}

void args_packed(struct args *a, uint16_t number)
{
    struct arg *arg = next(a);
    if (!arg) return;
    *arg = (struct arg){.at = a->numbers.len, .len = 2};
    buf_putc(&a->numbers, (char)(number >> 8));
    buf_putc(&a->numbers, (char)(number & 0xff));
}

void args_pack(struct args *a, const char *text)
{
    size_t len = strlen(text) + 1;
    buf_add(&a->numbers, text, len);
    if (a->n) a->list[a->n - 1].len += len;
}

void args_send(struct args *a, redis_t *r, const struct redis_script *script, unsigned shard, redis_handler *handler,
               void *user)
{
    const char **argv = malloc((size_t)(a->n + 1) * sizeof *argv);
    size_t *lens = malloc((size_t)(a->n + 1) * sizeof *lens);
    if (argv && lens && !a->numbers.bad) {
        for (int i = 0; i < a->n; i++) {
            argv[i] = a->list[i].borrowed ? a->list[i].borrowed : a->numbers.data + a->list[i].at;
            lens[i] = a->list[i].len;
        }
        char key[SHARD_KEY_MAX];
        (void)redis_send_script(r, script, shard_key(key, shard), a->n, argv, lens, handler, user);
    } else if (handler) {
        handler(user, NULL);
    }
    free(argv);
    free(lens);
    free(a->list);
    buf_done(&a->numbers);
    *a = ARGS_INIT;
}
