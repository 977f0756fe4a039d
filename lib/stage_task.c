/* What a work function may do with the task that it was given. */
#include "lib/clock.h"
#include "lib/stage.h"
#include "lib/stage_pool.h"

/* `inner` is NULL where a test calls a work function by itself. */

bool stage_cancelled(const struct stage_task *task)
{
    if (task->inner && atomic_load_explicit(&task->inner->cancelled, memory_order_relaxed)) return true;
    return clock_ms() >= task->deadline_ms;
}

void stage_progress(const struct stage_task *task, unsigned done, unsigned total)
{
    if (!task->inner) return;
    atomic_store_explicit(&task->inner->progress, (uint64_t)done << 32 | total, memory_order_relaxed);
}

int stage_output(const struct stage_task *task, const void *data, size_t len, struct err *err)
{
    char name[BLOB_NAME_MAX];
    blob_output_name(name, task->job, task->type, task->index, task->token_text);
    if (blob_put(task->blobs, name, data, len, err) == -1) return -1;
    return blob_keep(task->blobs, name, err);
}

int stage_input(const struct stage_task *task, const char *stage, unsigned index, const char *token,
                size_t max, struct buf *out, struct err *err)
{
    struct token parsed;
    char name[BLOB_NAME_MAX];
    /* It comes from a body, and becomes part of a file's name. */
    if (!token_parse(token, &parsed)) return err_set(err, ERR_INPUT, "\"%.40s\" is not a token", token);
    blob_output_name(name, task->job, stage, index, token);
    return blob_get(task->blobs, name, max, out, err);
}
