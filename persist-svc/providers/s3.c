/* s3: originals and artifacts in an S3 bucket. */
#include <stdio.h>
#include <string.h>
#include "lib/auto.h"
#include "lib/digest.h"
#include "lib/s3.h"
#include "persist-svc/object_path.h"
#include "persist-svc/providers/providers.h"

static int put_file(void *state, const char *path, int fd, int64_t size, const char *digest, struct err *err)
{
    return s3_put_file(state, &(struct s3_put){.key = path, .mime = object_mime(path), .digest = digest}, fd, size, err);
}

static int put_data(void *state, const char *path, const void *data, size_t len, struct err *err)
{
    char hex[DIGEST_HEX];
    digest_hex(data, len, hex);
    return s3_put_data(state, &(struct s3_put){.key = path, .mime = object_mime(path), .digest = hex}, data, len, err);
}

static int get(void *state, const char *path, int *fd, int64_t *size, struct err *err)
{
    return s3_get_file(state, path, fd, size, err);
}

static int links(void *state, const char *const *paths, size_t n, int64_t expires_s, json_t **out, struct err *err)
{
    json_t *list = json_array();
    for (size_t i = 0; i < n; i++) {
        AUTO(buf_done) struct buf link = BUF_INIT;
        int rc = s3_link(state, paths[i], expires_s, &link);
        if (rc == -1 || json_array_append_new(list, json_string(link.data)) == -1) {
            json_decref(list);
            return err_set(err, ERR_NOMEM, "out of memory");
        }
    }
    *out = list;
    return 0;
}

static int remove_below(void *state, const char *folder, struct err *err)
{
    char prefix[OBJECT_PATH_MAX + 1];
    snprintf(prefix, sizeof prefix, "%s/", folder);
    return s3_delete_all(state, prefix, err);
}

static int probe(void *state, struct err *err)
{
    return s3_probe(state, err);
}

static void close_store(void **state)
{
    s3_t *s = *state;
    s3_close(&s);
    *state = NULL;
}

static int open_store(void **state, const struct settings *settings, struct err *err)
{
    *state = s3_open(settings, "s3", "store,fetch,save", (int)settings->provider_calls, err);
    return *state ? 0 : -1;
}

static int64_t paused_until_ms(void *state)
{
    return s3_paused_until_ms(state);
}

const struct object_store object_store_s3 = {
    .name = "s3",
    .open = open_store,
    .close = close_store,
    .paused_until_ms = paused_until_ms,
    .probe = probe,
    .put_file = put_file,
    .put_data = put_data,
    .get = get,
    .links = links,
    .remove = remove_below,
};
