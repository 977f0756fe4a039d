/* record_update: from a change to what is to be stored of it: the record settled, its new moment, and the lines of its
 * history.  The same for every provider; pure, any thread.
 *
 * A note is {"at","by","action","field","old","new","run"}: texts or null, run 0 for a person's deeds.
 */
#ifndef SHEAF_PERSIST_SVC_RECORD_UPDATE_H
#define SHEAF_PERSIST_SVC_RECORD_UPDATE_H

#include <jansson.h>
#include <stdint.h>
#include "lib/err.h"
#include "lib/form.h"
#include "persist-svc/record_change.h"

struct record_rules {
    const form_t *form;
    double review_below;
};

/* A run has written a row: `before` (NULL: there was none) became `after`, which is settled here.  `at`: when.
 * 1: `after` is to be stored, with *notes (the caller's); 0: nobody could see a difference; -1 with *err.
 * That a row is new is not among the notes: who inserts it says so. */
int record_update_by_run(const struct record_rules *rules, const json_t *before, json_t *after, const char *at, int64_t run,
                         json_t **notes, struct err *err);

/* A person's change of `record`, done and settled.  The same answers; ERR_INPUT with "precondition_failed" or "conflict"
 * when it may not be; then the record may be half changed. */
int record_update_by_person(const struct record_rules *rules, const struct record_change *change, json_t *record,
                            const char *now, json_t **notes, struct err *err);

#endif
