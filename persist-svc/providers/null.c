/* null: keeps nothing and says that all went well.  The smallest provider, the first run without a disk, and
 * the zero of the benchmark. */
#include <stdio.h>
#include "lib/digest.h"
#include "persist-svc/providers/providers.h"

static int null_open(void **state, const struct store_options *options, struct err *err)
{
    (void)options, (void)err;
    *state = NULL;
    return 0;
}

static void null_close(void **state)
{
    *state = NULL;
}

static int null_save(void *state, const struct record_save *save, struct record_saved *saved, struct err *err)
{
    (void)state, (void)err;
    submission_id(saved->submission_id, save->base, save->index);
    saved->action = "inserted";
    return 0;
}

static int empty_array(json_t **out, struct err *err)
{
    json_t *array = json_array();
    if (!array) return err_set(err, ERR_NOMEM, "out of memory");
    *out = array;
    return 0;
}

static int null_change(void *state, const struct record_change *change, json_t **changed, struct err *err)
{
    (void)state, (void)change;
    return empty_array(changed, err);
}

static int null_get(void *state, const char *owner, const char *id, json_t **record, struct err *err)
{
    (void)state, (void)owner, (void)id, (void)record;
    return err_code(err, ERR_INPUT, "not_found", "There is no such record.");
}

static int null_list(void *state, const struct record_query *query, const struct record_sink *sink,
                     struct err *err)
{
    (void)state, (void)query;
    if (sink->begin && sink->begin(sink->user, 0) == -1)
        return err_set(err, ERR_CANCELLED, "the reader broke off");
    return 0;
}

static int null_groups(void *state, const struct record_query *query, json_t **groups, struct err *err)
{
    (void)state, (void)query;
    return empty_array(groups, err);
}

static int null_history(void *state, const char *owner, const char *id, json_t **history, struct err *err)
{
    return null_get(state, owner, id, history, err);
}

static int null_find_digest(void *state, const char *owner, const char *digest, char id[BASE_ID],
                            struct err *err)
{
    (void)state, (void)owner, (void)digest, (void)err;
    id[0] = '\0';
    return 0;
}

static int null_stats(void *state, const char *owner, json_t **stats, struct err *err)
{
    (void)state, (void)owner;
    json_t *out = json_pack("{s:i, s:i, s:i}", "total", 0, "needs_review", 0, "approved", 0);
    if (!out) return err_set(err, ERR_NOMEM, "out of memory");
    *stats = out;
    return 0;
}

const struct record_store record_store_null = {
    .name = "null",
    .instant = true,
    .open = null_open,
    .close = null_close,
    .save = null_save,
    .change = null_change,
    .get = null_get,
    .list = null_list,
    .groups = null_groups,
    .history = null_history,
    .find_digest = null_find_digest,
    .stats = null_stats,
};

static int null_objects_open(void **state, const struct settings *settings, struct err *err)
{
    (void)settings, (void)err;
    *state = NULL;
    return 0;
}

static int null_put_file(void *state, const char *path, int fd, int64_t size, const char *digest,
                         struct err *err)
{
    (void)state, (void)path, (void)fd, (void)size, (void)digest, (void)err;
    return 0;
}

static int null_put_data(void *state, const char *path, const void *data, size_t len, struct err *err)
{
    (void)state, (void)path, (void)data, (void)len, (void)err;
    return 0;
}

static int null_object_get(void *state, const char *path, int *fd, int64_t *size, struct err *err)
{
    (void)state, (void)path, (void)fd, (void)size;
    return err_code(err, ERR_INPUT, "not_found", "There is no such object.");
}

static int null_remove(void *state, const char *folder, struct err *err)
{
    (void)state, (void)folder, (void)err;
    return 0;
}

const struct object_store object_store_null = {
    .name = "null",
    .open = null_objects_open,
    .close = null_close,
    .put_file = null_put_file,
    .put_data = null_put_data,
    .get = null_object_get,
    .remove = null_remove,
};
