/* record_cursor: where a page of the list ended, as a text that leads to the next page.
 *
 * "<id>.<the texts that the list is sorted by, as base64 of a JSON array>": the place itself, so that the next page begins behind it
 * also when its last record has since been given another school, or is gone.  "<id>" alone stands for where that record is now: when
 * the texts are too long for an address.  Pure; one owner. */
#ifndef SHEAF_PERSIST_SVC_RECORD_CURSOR_H
#define SHEAF_PERSIST_SVC_RECORD_CURSOR_H

#include <jansson.h>
#include "lib/buf.h"
#include "persist-svc/store.h"

#define RECORD_CURSOR_MAX 2048 /* bytes of the text, with NUL */

struct record_cursor {
    char id[BASE_ID];
    struct record_place place; /* of texts */
    json_t *texts;             /* NULL: only the id is known */
};

/* The texts that the list is sorted by; borrowed from the record. */
struct record_place record_place_of(const json_t *record);

/* Adds the cursor behind this record to `out`. */
void record_cursor_write(struct buf *out, const json_t *record);
/* -1: no cursor of ours.  record_cursor_done() in either case. */
int record_cursor_read(const char *text, struct record_cursor *out);
void record_cursor_done(struct record_cursor *cursor);

#endif
