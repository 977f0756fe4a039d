/* record: one student's record as a JSON object whose keys are the columns of record.def.
 *
 * Everything that a record's rules say lives here and in record_change.h, without a database: which codes
 * follow from its state, what a person sees of it, what changed between two states.  A provider loads such an
 * object, lets these functions work on it, and stores it.  Pure; any thread.
 */
#ifndef SHEAF_PERSIST_SVC_RECORD_H
#define SHEAF_PERSIST_SVC_RECORD_H

#include <jansson.h>
#include <stdbool.h>
#include "lib/form.h"
#include "proto/ids.h"

enum record_kind { RECORD_TEXT, RECORD_INT, RECORD_REAL, RECORD_BOOL, RECORD_JSON };
enum record_shown { RECORD_SHOWN_LIST, RECORD_SHOWN_ONE, RECORD_SHOWN_NEVER };

struct record_column {
    const char *name;
    enum record_kind kind;
    enum record_shown shown;
};
extern const struct record_column record_columns[];
extern const int record_columns_count;

/* The fields of the form that have a column of their own, ended by NULL: "student_name", ..., "essay". */
extern const char *const record_fields[];
/* "essay" -> "essay_text", others the same; NULL when no such field has a column. The column's own name is
 * taken too. */
const char *record_field_column(const char *field);
/* The other way round: "essay_text" -> "essay". NULL likewise. */
const char *record_column_field(const char *column);

/* A text of the record, or NULL when it is null, absent or no text. Borrowed. */
const char *record_text(const json_t *record, const char *column);
/* Who set a field: "extracted", "batch_default", "manual", or NULL when nobody did. Borrowed. */
const char *record_source(const json_t *record, const char *field);

/* Field -> its value, for the fields that have one, the essay not among them; also those of another form, which have no column.
 * The caller's; NULL: no memory. */
json_t *record_values(const json_t *record);

/* What follows from the rest: review_reason_codes, needs_review, word_count of a typed essay, school_source,
 * grade_source, teacher_source.  To be called after every change.  0, or -1 when memory is out. */
int record_settle(json_t *record, const form_t *form, double review_below);

/* Is there a difference that somebody who looks at the record can see.  Tokens, job and batch do not count,
 * so that a second delivery of the same result does not spoil the If-Match of a person who is editing. */
bool record_differs(const json_t *before, const json_t *after);

/* What goes out: a new object (the caller's), NULL when memory is out.  `whole`: with the columns shown ONE.
 */
json_t *record_public(const json_t *record, bool whole);

/* The id of an entry, or of the parent of several (CONTRACT section 4); with `owner` (not NULL) in it where another owner's
 * row has the plain one. */
void record_id(const char *base, const char *owner, unsigned index, bool parent, char id[BASE_ID]);

/* The moment after `last`: `now`, or one millisecond after `last` when the clock has not moved on. updated_at
 * serves as the ETag, so two changes of a record never carry the same one. `last` may be NULL. out has
 * CLOCK_RFC3339_MAX bytes. */
char *record_next_moment(const char *last, const char *now, char *out);

#endif
