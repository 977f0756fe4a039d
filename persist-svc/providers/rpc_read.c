/* rpc_read: what is asked of the records, by the database's functions. */
#include <stdio.h>
#include <string.h>
#include "persist-svc/providers/rpc.h"
#include "persist-svc/record.h"
#include "persist-svc/record_cursor.h"

#define PAGE 500 /* records in one answer: an export is never held whole */

static int not_found(struct err *err)
{
    return err_code(err, ERR_INPUT, "not_found", "There is no such record.");
}

int rpc_call(void *state, const char *owner, const char *function, json_t *p, json_t **result, struct err *err)
{
    struct rpc *rpc = state;
    if (!p) return err_set(err, ERR_NOMEM, "out of memory");
    int rc = rpc->call(rpc, owner, function, p, result, err);
    json_decref(p);
    return rc;
}

int rpc_get(void *state, const char *owner, const char *id, json_t **record, struct err *err)
{
    json_t *found = NULL;
    if (rpc_call(state, owner, "get_submissions", json_pack("{s:s, s:[s]}", "owner", owner, "ids", id), &found, err) == -1)
        return -1;
    json_t *first = json_incref(json_array_get(found, 0));
    json_decref(found);
    if (!first) return not_found(err);
    *record = first;
    return 0;
}

static json_t *conditions(const struct record_query *q)
{
    return json_pack("{s:s, s:s?, s:s?, s:s?, s:s?, s:s?, s:s?, s:o}", "owner", q->owner, "school", q->school, "grade", q->grade,
                     "reason", q->reason, "batch", q->batch, "job", q->job, "text", q->text, "needs_review",
                     q->mode == RECORDS_ALL ? json_null() : json_boolean(q->mode == RECORDS_NEEDS_REVIEW));
}

static json_t *place_argument(const struct record_place *place)
{
    return place ? json_pack("{s:s?, s:s?, s:s?}", "school", place->school, "grade", place->grade, "student", place->student) : json_null();
}

/* `after`: the last record of the page before, NULL at the first one. */
static json_t *page_argument(const struct record_query *q, const json_t *after, int limit)
{
    const struct record_place place = record_place_of(after);
    json_t *p = conditions(q);
    json_t *more = json_pack("{s:s?, s:o, s:i, s:b}", "after", after ? record_text(after, "submission_id") : q->after, "place",
                             place_argument(after ? &place : q->place), "limit", limit, "count", !after);
    if (!p || !more || json_object_update(p, more) == -1) {
        json_decref(p);
        p = NULL;
    }
    json_decref(more);
    return p;
}

static int give(const json_t *records, const struct record_sink *sink, struct err *err)
{
    for (size_t i = 0; i < json_array_size(records); i++)
        if (sink->each(sink->user, json_array_get(records, i)) == -1) return err_set(err, ERR_CANCELLED, "the reader broke off");
    return 0;
}

int rpc_list(void *state, const struct record_query *query, const struct record_sink *sink, struct err *err)
{
    json_t *after = NULL;
    for (int left = query->limit;;) {
        int want = query->limit && left < PAGE ? left : PAGE;
        json_t *answer = NULL;
        const bool first = !after;
        int rc = rpc_call(state, query->owner, "list_submissions", page_argument(query, after, want), &answer, err);
        const json_t *records = json_object_get(answer, "records");
        const size_t n = json_array_size(records);
        if (rc == 0 && first && sink->begin && sink->begin(sink->user, json_integer_value(json_object_get(answer, "total"))) == -1)
            rc = err_set(err, ERR_CANCELLED, "the reader broke off");
        if (rc == 0) rc = give(records, sink, err);
        json_decref(after);
        after = n ? json_incref(json_array_get(records, n - 1)) : NULL;
        json_decref(answer);
        left -= (int)n;
        if (rc == 0 && n == (size_t)want && (!query->limit || left > 0)) continue;
        json_decref(after);
        return rc;
    }
}

int rpc_groups(void *state, const struct record_query *query, json_t **groups, struct err *err)
{
    return rpc_call(state, query->owner, "group_submissions", conditions(query), groups, err);
}

int rpc_history(void *state, const char *owner, const char *id, json_t **history, struct err *err)
{
    json_t *lines = NULL;
    if (rpc_call(state, owner, "history_of_submission", json_pack("{s:s, s:s}", "owner", owner, "id", id), &lines, err) == -1)
        return -1;
    if (!json_is_array(lines)) {
        json_decref(lines);
        return not_found(err);
    }
    *history = lines;
    return 0;
}

int rpc_find_digest(void *state, const char *owner, const char *digest, char id[BASE_ID], struct err *err)
{
    json_t *found = NULL;
    if (rpc_call(state, owner, "find_submission", json_pack("{s:s, s:s}", "owner", owner, "digest", digest), &found, err) == -1)
        return -1;
    snprintf(id, BASE_ID, "%s", json_is_string(found) ? json_string_value(found) : "");
    json_decref(found);
    return 0;
}

int rpc_stats(void *state, const char *owner, json_t **stats, struct err *err)
{
    return rpc_call(state, owner, "stats_of_submissions", json_pack("{s:s}", "owner", owner), stats, err);
}

/* The counts of an owner whom nobody is. */
int rpc_probe(void *state, struct err *err)
{
    static const char owner[] = "00000000-0000-0000-0000-000000000000"; /* nobody's */
    json_t *done = NULL;
    int rc = rpc_call(state, owner, "probe_submissions", json_pack("{s:s}", "owner", owner), &done, err);
    json_decref(done);
    return rc;
}

int rpc_sql_error(const char *title, const char *sqlstate, struct err *err)
{
    static const struct {
        const char *begins;
        enum err_kind kind;
        const char *text;
    } rows[] = {
        {"08", ERR_UNAVAILABLE, "the connection broke"},
        {"25006", ERR_UNAVAILABLE, "the database only takes reads just now"},
        {"25", ERR_UNAVAILABLE, "the database broke the change off"},
        {"28", ERR_CONFIG, "the user or password is refused: check DATABASE_URL or the keys"},
        {"3D", ERR_CONFIG, "the database does not exist: check DATABASE_URL"},
        {"3F", ERR_CONFIG, "a schema is missing: run persist-svc --migrate, or apply persist-svc/migrations/postgres"},
        {"40", ERR_UNAVAILABLE, "two changes met; it is tried again"},
        {"42501", ERR_CONFIG, "the database refuses this by its row-level security or rights: use the service key, and run persist-svc --migrate"},
        {"42", ERR_CONFIG, "a table or function is missing: run persist-svc --migrate, or apply persist-svc/migrations/postgres"},
        {"53100", ERR_UNAVAILABLE, "the database's disk is full"},
        {"53", ERR_UNAVAILABLE, "the database has no room for another connection"},
        {"55", ERR_UNAVAILABLE, "the database is busy with this record"},
        {"57014", ERR_TIMEOUT, "the database took too long"},
        {"57P04", ERR_CONFIG, "the database was dropped: check DATABASE_URL"},
        {"57", ERR_UNAVAILABLE, "the database is being restarted"},
        /* A disk's error, damage or a mistake inside may be of the one page or index that this record meets, so an attempt is its price: waited
         * for at none it would be so for ever.  What is the whole server's opens the breaker, which is a pause for all. */
        {"58", ERR_UNAVAILABLE, "the database has trouble with its disk"},
        {"XX", ERR_UNAVAILABLE, "the database reports damage"},
        {"0L", ERR_CONFIG, "the database does not let this user act for others: check the keys"},
        {"0P", ERR_CONFIG, "the database does not know the role that the key names: check the keys"},
        {"21", ERR_INPUT, "the database refuses a change that names a record twice"},
        {"54", ERR_LIMIT, "the record is larger than the database takes"},
        {"P0001", ERR_INPUT, "a function of the database refused the change"},
        {"22", ERR_INPUT, "the database does not take a value of this record"},
        {"23", ERR_INPUT, "the database does not take a value of this record"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (strncmp(sqlstate, rows[i].begins, strlen(rows[i].begins)) != 0) continue;
        if (rows[i].kind == ERR_INPUT || rows[i].kind == ERR_LIMIT || rows[i].kind == ERR_CONFIG)
            return err_code(err, rows[i].kind, "provider_refused", "%s: %s (%s)", title, rows[i].text, sqlstate);
        return err_set(err, rows[i].kind, "%s: %s (%s)", title, rows[i].text, sqlstate);
    }
    return err_set(err, ERR_UNAVAILABLE, "%s: error %s", title, sqlstate);
}
