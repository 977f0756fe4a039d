/* persist-svc: keeps originals and records, and serves the records to the gateway. */
#include <malloc.h>
#include <stdio.h>
#include <string.h>
#include "lib/blob.h"
#include "lib/log.h"
#include "lib/svc.h"
#include "persist-svc/object_path.h"
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

/* A call by an operator: does one thing and ends. */
static int do_once(int (*thing)(const struct settings *settings, const char *about, struct err *err), const char *about)
{
    struct settings settings;
    struct err err = {0};
    if (settings_load(&settings, &err) == -1) {
        fprintf(stderr, "persist-svc: %s\n", err.text);
        return SVC_EXIT_MISTAKE;
    }
    int rc = thing(&settings, about, &err);
    settings_done(&settings);
    if (rc == 0) return SVC_EXIT_OK;
    fprintf(stderr, "persist-svc: %s\n", err.text);
    return err.kind == ERR_CONFIG || err.kind == ERR_INPUT ? SVC_EXIT_MISTAKE : SVC_EXIT_SYSTEM;
}

/* Brings the records database up to date, as a start does anyway, for those who want it done before. */
static int migrate(const struct settings *settings, const char *about, struct err *err)
{
    struct stores stores;
    (void)about;
    if (stores_open(&stores, settings, err) == -1) return -1;
    /* A database that is away is no reason not to start, but it is one not to have done this. */
    int rc = stores.records->probe ? stores.records->probe(stores.record_state, err) : 0;
    stores_close(&stores);
    return rc;
}

/* Originals and artifacts of an owner who is to be forgotten. */
static int remove_objects(const struct settings *settings, const char *owner, struct err *err)
{
    char folder[OBJECT_PATH_MAX];
    void *state = NULL;
    const struct object_store *objects = object_store_find(settings_objects(settings), err);
    if (!objects) return -1;
    if (!is_uuid(owner)) return err_set(err, ERR_INPUT, "\"%.60s\" is not the id of an owner", owner);
    snprintf(folder, sizeof folder, OBJECT_BUCKET "/%s", owner);
    if (objects->open(&state, settings, err) == -1) return -1;
    int rc = objects->remove(state, folder, err);
    objects->close(&state);
    return rc;
}

static void say(const char *subject, const char *name, int rc, const struct err *err)
{
    char text[80];
    snprintf(text, sizeof text, "%s answers", name);
    if (rc == 0)
        svc_probe_say(subject, text, NULL);
    else
        svc_probe_say(subject, err->text, "mend the setting or the project, then look again");
}

static void probe_blobs(const struct settings *settings)
{
    struct err err = {0};
    blob_store_t *blobs = blob_open(settings, &err);
    say("blobs", settings->blobs, blobs ? blob_probe(blobs, &err) : -1, &err);
    blob_close(&blobs);
}

/* Only stores that are somebody else's: the local ones are this machine's disk, which doctor looks at itself. */
static void probe(const struct settings *settings)
{
    struct err err = {0};
    const struct record_store *records = record_store_find(settings_records(settings), &err);
    const struct object_store *objects = object_store_find(settings_objects(settings), &err);
    form_t *form = form_load(settings->form_file, &err);
    void *state = NULL;
    if (records && records->probe && form) {
        int rc = records->open(&state, &(struct store_options){settings, form}, &err);
        if (rc == 0) rc = records->probe(state, &err);
        say("records", records->name, rc, &err);
        records->close(&state);
    }
    state = NULL;
    if (objects && objects->probe) {
        int rc = objects->open(&state, settings, &err);
        if (rc == 0) rc = objects->probe(state, &err);
        say("objects", objects->name, rc, &err);
        objects->close(&state);
    }
    form_destroy(&form);
    if (settings->blobs && strcmp(settings->blobs, "s3") == 0) probe_blobs(settings);
}

static const struct service service = {
    .name = "persist-svc",
    .about = "Keeps originals and records, and serves the records to the gateway. --migrate only updates the "
             "database; --remove-objects OWNER removes an owner's originals and artifacts for good.",
    .who = W_PERSIST,
    .run = run,
    .versions = stores_versions,
    .probe = probe,
};

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "--migrate") == 0) return do_once(migrate, NULL);
    if (argc == 3 && strcmp(argv[1], "--remove-objects") == 0) return do_once(remove_objects, argv[2]);
    return svc_main(&service, argc, argv);
}
