#include "persist-svc/export_links.h"

#include <string.h>
#include "lib/log.h"

#define GATEWAYS "/pdf/" /* what record_public() makes of an object's path */

void export_links(const struct stores *stores, json_t *records)
{
    const char *paths[STORE_LINKS_MOST];
    json_t *of[STORE_LINKS_MOST], *links = NULL, *record;
    struct err err = {0};
    size_t n = 0, i;
    if (!stores->objects->links) return;
    json_array_foreach(records, i, record)
    {
        const char *url = json_string_value(json_object_get(record, "pdf_url"));
        if (!url || strncmp(url, GATEWAYS, strlen(GATEWAYS)) != 0 || n == STORE_LINKS_MOST) continue;
        paths[n] = url + strlen(GATEWAYS);
        of[n++] = record;
    }
    if (n == 0) return;
    if (stores->objects->links(stores->object_state, paths, n, stores->settings->link_life_ms / 1000, &links, &err) == -1) {
        log_warn("links_missing", F_INT("records", (int64_t)n), F_ERR(&err));
        return;
    }
    for (i = 0; i < n; i++)
        if (json_is_string(json_array_get(links, i))) json_object_set(of[i], "pdf_url", json_array_get(links, i));
    json_decref(links);
}
