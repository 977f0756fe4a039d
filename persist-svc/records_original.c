/* records_original: the bytes that were uploaded, for their owner only. */
#include <stdio.h>
#include <string.h>
#include "lib/auto.h"
#include "persist-svc/object_path.h"
#include "persist-svc/records_http.h"

int records_original(struct http_request *rq, struct err *err)
{
    const char *path = rq->path.part[0];
    AUTO_CLOSE int fd = -1;
    int64_t size;
    if (!object_path_is_original_of(path, rq->owner))
        return err_code(err, ERR_INPUT, "not_found", "There is no such document.");
    if (rq->stores->objects->get(rq->stores->object_state, path, &fd, &size, err) == -1) return -1;
    const char *type = object_mime(path);
    const bool shows = strncmp(type, "image/", 6) == 0 || strcmp(type, "application/pdf") == 0;
    return http_file(rq, fd, size, type, strrchr(path, '/') + 1, shows, err);
}
