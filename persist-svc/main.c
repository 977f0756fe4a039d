/* persist-svc: keeps originals and records, and serves the records to the gateway. */
#include <malloc.h>
#include <stdio.h>
#include <string.h>
#include "lib/log.h"
#include "lib/svc.h"
#include "persist-svc/records_http.h"
#include "persist-svc/stage.h"

static int run(struct svc *svc, struct err *err)
{
    const struct settings *settings = svc_settings(svc);
    const int port = settings_gateway_port(settings) + SETTINGS_RECORDS_PORT_OFFSET;
    struct stores stores;
    /* A dozen threads that mostly wait: two heaps are plenty, and each costs memory even when idle. */
    mallopt(M_ARENA_MAX, 2);
    if (stores_open(&stores, settings, err) == -1) return -1;
    log_info("stores_open", F_STR("records", stores.records->name), F_STR("objects", stores.objects->name));
    records_http_t *http = records_http_start(&stores, settings->bind, port, err);
    int rc = http ? persist_stage_run(svc, &stores, err) : -1;
    records_http_stop(&http, settings->drain_ms);
    stores_close(&stores);
    return rc;
}

/* Brings the records database up to date and ends; what a start does anyway, for those who want it done
 * before. */
static int migrate(void)
{
    struct settings settings;
    struct stores stores;
    struct err err = {0};
    if (settings_load(&settings, &err) == -1) {
        fprintf(stderr, "persist-svc: %s\n", err.text);
        return SVC_EXIT_MISTAKE;
    }
    int rc = stores_open(&stores, &settings, &err);
    if (rc == 0) stores_close(&stores);
    settings_done(&settings);
    if (rc == 0) return SVC_EXIT_OK;
    fprintf(stderr, "persist-svc: %s\n", err.text);
    return err.kind == ERR_CONFIG || err.kind == ERR_INPUT ? SVC_EXIT_MISTAKE : SVC_EXIT_SYSTEM;
}

static const struct service service = {
    .name = "persist-svc",
    .about = "Keeps originals and records, and serves the records to the gateway. --migrate only updates the "
             "database.",
    .who = W_PERSIST,
    .run = run,
    .versions = stores_versions,
};

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "--migrate") == 0) return migrate();
    return svc_main(&service, argc, argv);
}
