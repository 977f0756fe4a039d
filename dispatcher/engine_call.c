/* One script call: what it carries, and what its answer means. */
#include "dispatcher/engine_inner.h"

#include <stdlib.h>

#include "lib/clock.h"
#include "lib/log.h"
#include "lib/metrics.h"

#define AGAIN_MS     200 /* after an error answer (LOADING, full memory): not at once again */
#define ENDINGS_KEPT 128 /* places kept when all are sent: the busiest turn must not be paid for ever */

static struct metric deliveries = METRIC_COUNTER1("sheaf_deliveries_total", "deliveries by how they ended", "outcome");
static struct metric script_errors = METRIC_COUNTER1("sheaf_script_errors_total", "script calls that failed", "script");

const char *const ending_names[] = {"done", "retry", "throttled", "lost", "refused"};

struct call *call_new(engine_t *e, size_t n_endings, size_t n_tasks)
{
    struct call *c = calloc(1, sizeof *c);
    if (!c) return NULL;
    c->engine = e;
    c->endings = n_endings ? malloc(n_endings * sizeof *c->endings) : NULL; /* call_gather() fills them: half a KiB each to be zeroed */
    c->tasks = n_tasks ? calloc(n_tasks, sizeof *c->tasks) : NULL;
    if ((n_endings && !c->endings) || (n_tasks && !c->tasks)) {
        free(c->endings);
        free(c->tasks);
        free(c);
        return NULL;
    }
    return c;
}

void call_done(struct call *c)
{
    for (int i = 0; c->endings && i < c->n; i++) ending_done(&c->endings[i]);
    free(c->endings);
    free(c->tasks);
    free(c);
}

bool call_usable(engine_t *e, const redis_reply_t *reply, const char *script)
{
    if (reply && redis_type(reply) != REDIS_ERROR) return true;
    if (reply) {
        log_warn("script_error", F_STR("script", script), F_STR("text", redis_str(reply)));
        metric_add(&script_errors, script, 1);
    }
    e->not_before_ms = clock_ms() + AGAIN_MS;
    return false;
}

void call_take_answers(struct call *c, const redis_reply_t *answers)
{
    engine_t *e = c->engine;
    for (int i = 0; i < c->n; i++) {
        if (!answers) {
            engine_end(e, &c->endings[i]);
            continue;
        }
        int64_t answer = redis_int(redis_at(answers, (size_t)i));
        metric_add(&deliveries, answer == 2 ? "superseded" : ending_names[c->endings[i].mode], 1);
        e->events.ended(e->events.user, &c->endings[i], answer != 2, answer == 3);
    }
}

static bool belongs(const struct ending *x, unsigned shard, bool results)
{
    return x->task.shard == shard && (x->mode == ENDING_DONE) == results;
}

int call_count_endings(const engine_t *e, unsigned shard, bool results)
{
    int n = 0;
    for (int i = 0; i < e->n_endings && n < CALL_ITEMS_MAX; i++) n += belongs(&e->endings[i], shard, results);
    return n;
}

void call_gather(engine_t *e, struct call *c, int n, bool results)
{
    int left = 0;
    for (int i = 0; i < e->n_endings; i++) {
        struct ending *x = &e->endings[i];
        if (c->n == n || !belongs(x, c->shard, results)) {
            e->endings[left++] = *x;
            continue;
        }
        c->endings[c->n++] = *x;
    }
    e->n_endings = left;
    if (left || e->cap_endings <= ENDINGS_KEPT) return;
    free(e->endings);
    e->endings = NULL;
    e->cap_endings = 0;
}

void put_delivery(struct args *a, const struct wire_header *task)
{
    args_text(a, task->type);
    args_entry(a, &task->entry);
    args_int(a, task->token.delivery);
    args_job(a, task->job);
    args_u64(a, task->token.run);
}
