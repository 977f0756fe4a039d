#include "dispatcher/body.h"

#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"

enum { ROW_NEEDS = 4 }; /* of a task's words in take.lua: behind entry, delivery, packed, about */

static const char *field(const struct taken *t, size_t i)
{
    return redis_str(redis_at(t->words, t->at + i));
}

/* Results and errors are stored as JSON texts and go in as they are. */
static void add_json(struct buf *out, const char *json)
{
    buf_puts(out, *json ? json : "null");
}

static void add_time(struct buf *out, const char *ms)
{
    char text[CLOCK_RFC3339_MAX];
    if (*ms) buf_json_string(out, clock_rfc3339(strtoll(ms, NULL, 10), text));
    else buf_puts(out, "null");
}

static void add_tokens(struct buf *out, const char *tokens)
{
    buf_putc(out, '[');
    for (const char *at = tokens; *at;) {
        size_t len = strcspn(at, " ");
        buf_printf(out, "%s\"%.*s\"", at == tokens ? "" : ",", (int)len, at);
        at += len + (at[len] == ' ');
    }
    buf_putc(out, ']');
}

/* One need of the pipeline's row, "res:inspect:0" or "out:page:*", as  "inspect":{…}  or  "page_out":["…"]. */
static void add_need(struct buf *out, const char *need, size_t len, const char *value)
{
    size_t stage_len = strcspn(need + 4, ":");
    if (len < 5) return;
    buf_putc(out, '"');
    buf_add(out, need + 4, stage_len);
    if (!strncmp(need, "res:", 4)) {
        buf_puts(out, "\":");
        add_json(out, value);
    } else {
        buf_puts(out, "_out\":");
        add_tokens(out, value);
    }
}

static void add_notice(struct buf *out, const struct taken *t)
{
    if (t->task.index == 1) { /* a batch's message: take.lua answers its counts as JSON */
        buf_puts(out, "\"batch\":");
        add_json(out, field(t, ROW_NEEDS));
        return;
    }
    buf_puts(out, "\"job\":{\"state\":");
    buf_json_string(out, field(t, ROW_NEEDS));
    buf_puts(out, ",\"error\":");
    add_json(out, field(t, ROW_NEEDS + 1));
    buf_puts(out, ",\"created\":");
    add_time(out, field(t, ROW_NEEDS + 2));
    buf_puts(out, ",\"finished\":");
    add_time(out, field(t, ROW_NEEDS + 3));
    buf_puts(out, ",\"mail\":");
    buf_json_string(out, field(t, ROW_NEEDS + 4));
    buf_putc(out, '}');
}

static void add_in(struct buf *out, const struct taken *t)
{
    const char *needs = pipeline[t->row].needs;
    size_t at = ROW_NEEDS;
    if (!strcmp(pipeline[t->row].type, "notify")) {
        add_notice(out, t);
        return;
    }
    for (const char *need = needs; need && *need;) {
        size_t len = strcspn(need, ",");
        if (need != needs) buf_putc(out, ',');
        add_need(out, need, len, field(t, at++));
        need += len + (need[len] == ',');
    }
}

/* What all tasks of a job carry was written as a JSON object by the gateway (enqueue.c); the rest is put behind its last member. */
void body_build(struct buf *out, const struct taken *t)
{
    char run[NUMBER_TEXT];
    size_t len = strlen(t->about);
    buf_clear(out);
    if (len < 3) buf_putc(out, '{'); /* a job that lacks it: the stage will refuse the task */
    else {
        buf_add(out, t->about, len - 1);
        buf_putc(out, ',');
    }
    buf_puts(out, "\"run\":\"");
    buf_puts(out, number_format(t->task.token.run, run));
    buf_puts(out, "\",\"in\":{");
    add_in(out, t);
    buf_puts(out, "}}");
}
