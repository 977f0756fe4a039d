/* record_change: what a person does to records, and what is written down about it.  Pure; any thread. */
#ifndef SHEAF_PERSIST_SVC_RECORD_CHANGE_H
#define SHEAF_PERSIST_SVC_RECORD_CHANGE_H

#include <jansson.h>
#include <stddef.h>
#include "lib/err.h"
#include "lib/form.h"

enum record_action {
    RECORD_EDIT,            /* sets `fields`: they are the person's from now on, and no run changes them */
    RECORD_APPROVE,         /* accepts the codes the record has now */
    RECORD_SEND_FOR_REVIEW, /* takes an approval back and asks for a look */
    RECORD_DELETE,
    RECORD_APPLY_DEFAULTS /* fills `fields` where they are blank and no person has set them */
};

struct record_change {
    enum record_action action;
    const char *owner;      /* only records of this owner are touched */
    const char *by;         /* who: a user's name or id, for the history */
    const char *const *ids; /* the records; not used with `batch` */
    size_t n_ids;
    const char *batch;    /* all records of this batch; NULL: `ids` */
    const char *if_match; /* updated_at that the caller has seen; NULL: any.  For one id only */
    const json_t *fields; /* field name -> text in its normal form, or null to empty it */
};

const char *record_action_name(enum record_action action); /* as written in the history */

/* Checks `given` (name -> text or null) against the form and writes normal forms to *fields (the caller's).
 * ERR_INPUT with code "invalid_field" and a text for the user; *field_out then names the field (borrowed from
 * `given`; NULL: none in particular). Only the names of record_fields (and "essay_text" for "essay") are
 * known. */
int record_fields_check(const form_t *form, const json_t *given, json_t **fields, const char **field_out,
                        struct err *err);

/* Does it to one record as of `at`, without settling it.  1: changed, 0: nothing to do, -1: ERR_INPUT with
 * code "precondition_failed" or "conflict", or ERR_NOMEM; then the record may be half changed and is to be
 * thrown away. */
int record_apply(json_t *record, const struct record_change *change, const form_t *form, const char *at,
                 struct err *err);

/* Calls `emit` for each field whose value differs, with texts or NULL. Stops at, and returns, the first
 * non-zero answer. */
int record_diff(const json_t *before, const json_t *after,
                int (*emit)(void *user, const char *field, const char *old, const char *fresh), void *user);

#endif
