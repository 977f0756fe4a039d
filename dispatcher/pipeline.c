#include "dispatcher/pipeline.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

#define SECONDS(n) ((n) * 1000)

/*   store ────────────────────────────────────────────────────────────┐
 *   inspect ─► page × P ─ join ─► split ─► [extract ─► save] × E ─────┴─► the job's end ─► notify
 *   fetch (after a re-run, when the document is only in the object store) ─► what waits for it          */
const struct pipeline_row pipeline[PIPELINE_TYPES] = {
    {.type = "store", .time_ms = SECONDS(120)},
    {.type = "inspect", .opens = OPENS_FAN, .next = "page", .time_ms = SECONDS(60)},
    {.type = "page", .join = "split", .needs = "res:inspect:0", .time_ms = 0 /* SHEAF_PAGE_TIME */},
    {.type = "split", .opens = OPENS_FAN, .next = "extract", .needs = "out:page:*", .time_ms = SECONDS(60)},
    {.type = "extract", .opens = OPENS_SAME, .next = "save", .needs = "res:split:0,out:split:0,out:page:*", .time_ms = SECONDS(180)},
    {.type = "save", .needs = "res:split:0,out:extract:#", .time_ms = SECONDS(60)},
    /* A mail server may look for ten minutes at a message before it says that it has it (RFC 5321, 4.5.3.2.6). */
    {.type = "notify", .needs = "state,err,created,finished,mail", .time_ms = SECONDS(660)},
    {.type = "fetch", .time_ms = SECONDS(120)},
    /* stepa ─► stepb ─► stepc ─► stepd      stepfan ─► stepd × N */
    {.type = "stepa", .opens = OPENS_ONE, .next = "stepb", .time_ms = SECONDS(60)},
    {.type = "stepb", .opens = OPENS_ONE, .next = "stepc", .needs = "res:stepa:0", .time_ms = SECONDS(60)},
    {.type = "stepc", .opens = OPENS_ONE, .next = "stepd", .needs = "res:stepb:0", .time_ms = SECONDS(60)},
    {.type = "stepd", .time_ms = SECONDS(60)},
    {.type = "stepfan", .opens = OPENS_FAN, .next = "stepd", .time_ms = SECONDS(60)},
};

int pipeline_find(const char *type)
{
    for (int i = 0; i < PIPELINE_TYPES; i++)
        if (!strcmp(pipeline[i].type, type)) return i;
    return -1;
}

int64_t pipeline_time_ms(int row, const struct settings *settings)
{
    return pipeline[row].time_ms ? pipeline[row].time_ms : settings->page_time_ms;
}

static int fan_of(const char *result, int64_t *fan, struct err *err)
{
    json_error_t at;
    json_t *object = json_loads(result, 0, &at);
    const json_t *value = json_object_get(object, "fan");
    int64_t n = json_is_integer(value) ? json_integer_value(value) : -1;
    json_decref(object);
    if (n < 0 || n > FAN_MAX) return err_set(err, ERR_INPUT, "a result without a sound \"fan\"");
    *fan = n;
    return 0;
}

int pipeline_opens(int row, const char *result, char out[OPENS_TEXT], struct err *err)
{
    const struct pipeline_row *r = &pipeline[row];
    int64_t fan = 1;
    out[0] = '\0';
    if (r->opens == OPENS_NOTHING) return 0;
    if (r->opens == OPENS_FAN && fan_of(result, &fan, err)) return -1;
    if (fan > 0) snprintf(out, OPENS_TEXT, "%s:%s:%d", r->next, r->opens == OPENS_SAME ? "#" : "0", (int)fan);
    return 0;
}

void pipeline_graph(struct buf *out)
{
    for (int i = 0; i < PIPELINE_TYPES; i++) {
        if (pipeline[i].next) buf_printf(out, "%s>%s ", pipeline[i].type, pipeline[i].next);
        if (pipeline[i].join) buf_printf(out, "%s>%s ", pipeline[i].type, pipeline[i].join);
    }
}
