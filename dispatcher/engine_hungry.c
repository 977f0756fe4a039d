/* Where there may be something to take, and how much each shard is asked for. */
#include "dispatcher/engine_inner.h"

#include <stdlib.h>
#include <string.h>

void engine_look_everywhere(engine_t *e)
{
    memset(e->hungry, 0, sizeof e->hungry);
    e->want_take = true;
}

void engine_woken(engine_t *e, const char *message)
{
    char type[WIRE_TYPE], *rest;
    unsigned long shard = strtoul(message, &rest, 16);
    e->want_take = true;
    for (size_t len; rest > message && shard < SHARDS_MOST && *rest; rest += len) {
        rest += strspn(rest, " ");
        len = strcspn(rest, " ");
        if (len == 0 || len >= sizeof type) continue;
        memcpy(type, rest, len);
        type[len] = 0;
        int row = pipeline_find(type);
        if (row >= 0) e->hungry[shard][row] = false;
    }
}

static bool asks(const struct sharing *s, const engine_t *e, unsigned shard, int row)
{
    return s->left[row] > 0 && (s->results[shard] || !e->hungry[shard][row]);
}

void sharing_begin(struct sharing *s, const engine_t *e, const int room[PIPELINE_TYPES])
{
    *s = (struct sharing){0};
    memcpy(s->left, room, sizeof s->left);
    for (int i = 0; i < e->n_endings; i++)
        if (e->endings[i].mode == ENDING_DONE) s->results[e->endings[i].task.shard] = true;
    for (unsigned shard = 0; shard < (unsigned)e->settings->shards; shard++)
        for (int row = 0; row < PIPELINE_TYPES; row++) s->askers[row] += asks(s, e, shard, row);
}

bool sharing_next(struct sharing *s, const engine_t *e, unsigned shard, int room[PIPELINE_TYPES])
{
    bool any = false;
    for (int row = 0; row < PIPELINE_TYPES; row++) {
        room[row] = 0;
        if (!asks(s, e, shard, row)) continue;
        room[row] = (s->left[row] + s->askers[row] - 1) / s->askers[row];
        s->left[row] -= room[row];
        s->askers[row]--;
        any = true;
    }
    return any;
}

bool sharing_unserved(const struct sharing *s)
{
    for (int row = 0; row < PIPELINE_TYPES; row++)
        if (s->askers[row] > 0) return true;
    return false;
}

/* Before the answer: a wake-up that crosses it is about what was added after it, and must not be lost by it. */
void hungry_asking(const struct call *c)
{
    for (int row = 0; row < PIPELINE_TYPES; row++)
        if (c->asked[row]) c->engine->hungry[c->shard][row] = true;
}

void hungry_answered(const struct call *c, const int got[PIPELINE_TYPES])
{
    for (int row = 0; row < PIPELINE_TYPES; row++) {
        if (!c->asked[row] || got[row] < c->asked[row]) continue;
        c->engine->hungry[c->shard][row] = false; /* there may be more */
        c->engine->want_take = true;
    }
}

void hungry_unanswered(const struct call *c)
{
    hungry_answered(c, c->asked);
}
