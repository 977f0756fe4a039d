/* export_csv: records as lines of a table, CONTRACT section 6. Pure. */
#ifndef SHEAF_PERSIST_SVC_EXPORT_CSV_H
#define SHEAF_PERSIST_SVC_EXPORT_CSV_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include "lib/buf.h"

/* The columns, and what stands in one of a record: in `room`, or the record's own text; "" for nothing. */
#define EXPORT_COLUMNS  15
#define EXPORT_CELL_MAX 1024
extern const char *const export_columns[EXPORT_COLUMNS];
const char *export_cell(const json_t *record, int column, const char *address, char room[EXPORT_CELL_MAX], bool *number);

/* RFC 4180: lines end with CRLF, cells are quoted where they must be.  A cell that a spreadsheet would take
 * for a formula gets an apostrophe before it. */
void export_csv_header(struct buf *out);
void export_csv_row(struct buf *out, const json_t *record,
                    const char *address); /* what goes before a pdf_url that is a path */
void export_csv_cell(struct buf *out, const char *text);

/* "clean_records_export_12_records.csv", "school_<s>_export_…", "school_<s>_grade_<g>_export_…": only
 * letters, digits,
 * '-' and '_', whatever the school is called. school and grade may be NULL. */
void export_filename(struct buf *out, const char *school, const char *grade, int64_t n,
                     const char *extension);

#endif
