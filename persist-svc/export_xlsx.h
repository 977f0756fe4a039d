/* export_xlsx: records as an Excel workbook (ECMA-376), written as a stream: a ZIP of a few small parts and one
 * sheet, packed as it grows.  The only code here that includes zlib.  Pure: bytes are appended to a buffer that the
 * caller may send and empty between calls.  Texts are inline strings, which no spreadsheet takes for a formula. */
#ifndef SHEAF_PERSIST_SVC_EXPORT_XLSX_H
#define SHEAF_PERSIST_SVC_EXPORT_XLSX_H

#include <jansson.h>
#include "lib/buf.h"

typedef struct xlsx xlsx_t;

/* The parts before the rows, and the header row. NULL: no memory. */
xlsx_t *export_xlsx_begin(struct buf *out);
void export_xlsx_row(xlsx_t *x, struct buf *out, const json_t *record, const char *address);
void export_xlsx_end(xlsx_t *x, struct buf *out);
void export_xlsx_destroy(xlsx_t **x);

#endif
