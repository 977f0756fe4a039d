#include "persist-svc/record_update.h"

#include "lib/clock.h"
#include "persist-svc/record.h"

struct author {
    const char *at, *by, *action;
    int64_t run;
    json_t *notes;
};

static int note(const struct author *a, const char *field, const char *old, const char *fresh)
{
    return json_array_append_new(a->notes, json_pack("{s:s, s:s?, s:s, s:s?, s:s?, s:s?, s:I}", "at", a->at, "by", a->by, "action",
                                                     a->action, "field", field, "old", old, "new", fresh, "run",
                                                     (json_int_t)a->run));
}

static int note_field(void *user, const char *field, const char *old, const char *fresh)
{
    return note(user, field, old, fresh);
}

static int set_moment(json_t *record, const char *at)
{
    return json_object_set_new(record, "updated_at", json_string(at));
}

static int no_memory(json_t *notes, struct err *err)
{
    json_decref(notes);
    return err_set(err, ERR_NOMEM, "out of memory");
}

int record_update_by_run(const struct record_rules *rules, const json_t *before, json_t *after, const char *at, int64_t run,
                         json_t **notes, struct err *err)
{
    char moment[CLOCK_RFC3339_MAX];
    struct author author = {.at = at, .action = "extracted", .run = run, .notes = json_array()};
    json_t *raw = json_copy(after);
    int rc = -1;
    if (!raw || !author.notes || record_settle(after, rules->form, rules->review_below) == -1) goto out;
    /* The row may also differ from what it should be because a process died between writing and settling it. */
    rc = !before || record_differs(before, after) || record_differs(raw, after);
    if (rc != 1 || !before) goto out;
    record_next_moment(record_text(before, "updated_at"), at, moment);
    if (set_moment(after, moment) == -1) rc = -1;
    if (record_text(before, "deleted_at") && !record_text(after, "deleted_at")) {
        author.action = "restored";
        if (note(&author, NULL, NULL, NULL) == -1) rc = -1;
        author.action = "extracted";
    }
    if (record_diff(before, after, note_field, &author) == -1) rc = -1;
out:
    json_decref(raw);
    if (rc == -1) return no_memory(author.notes, err);
    *notes = author.notes;
    return rc;
}

int record_update_by_person(const struct record_rules *rules, const struct record_change *change, json_t *record,
                            const char *now, json_t **notes, struct err *err)
{
    char at[CLOCK_RFC3339_MAX];
    struct author author = {.at = at, .by = change->by, .action = record_action_name(change->action), .notes = json_array()};
    json_t *before = json_deep_copy(record);
    int rc = -1;
    if (!before || !author.notes) {
        json_decref(before);
        return no_memory(author.notes, err);
    }
    record_next_moment(record_text(record, "updated_at"), now, at);
    rc = record_apply(record, change, rules->form, at, err);
    if (rc == 1) {
        bool by_field = change->action == RECORD_EDIT || change->action == RECORD_APPLY_DEFAULTS;
        if (record_settle(record, rules->form, rules->review_below) == -1 || set_moment(record, at) == -1 ||
            (by_field ? record_diff(before, record, note_field, &author)
                      : note(&author, NULL, record_text(before, "review_reason_codes"),
                             record_text(record, "review_reason_codes"))) == -1)
            rc = err_set(err, ERR_NOMEM, "out of memory");
    }
    json_decref(before);
    if (rc == -1) {
        json_decref(author.notes);
        return -1;
    }
    *notes = author.notes;
    return rc;
}
