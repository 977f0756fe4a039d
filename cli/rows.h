/* rows: what `sheaf submit --records` shows, one line per record. */
#ifndef SHEAF_CLI_ROWS_H
#define SHEAF_CLI_ROWS_H

#include "cli/api.h"

/* The line that names the columns, on standard output. */
void rows_head(void);

/* The records of one ended job (as /api/job_status gives it) on standard output: all their lines, or, with -1, none,
 * so that asking again doubles nothing.  A job without a record has a line that says why. */
int rows_of_job(api_t *api, const json_t *job, struct err *err);

#endif
