#include "persist-svc/store.h"

int stores_open(struct stores *stores, const struct settings *settings, struct err *err)
{
    struct stores made = {.settings = settings};
    made.records = record_store_find(settings_records(settings), err);
    made.objects = made.records ? object_store_find(settings_objects(settings), err) : NULL;
    made.form = made.objects ? form_load(settings->form_file, err) : NULL;
    struct store_options options = {.settings = settings, .form = made.form};
    if (!made.form) {
        made.records = NULL; /* nothing is open yet */
        made.objects = NULL;
        goto fail;
    }
    if (made.records->open(&made.record_state, &options, err) == -1) goto fail;
    if (made.objects->open(&made.object_state, settings, err) == -1) goto fail;
    *stores = made;
    return 0;
fail:
    stores_close(&made);
    return -1;
}

void stores_close(struct stores *stores)
{
    if (stores->objects) stores->objects->close(&stores->object_state);
    if (stores->records) stores->records->close(&stores->record_state);
    form_destroy(&stores->form);
    *stores = (struct stores){0};
}
