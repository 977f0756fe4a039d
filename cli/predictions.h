/* predictions: all records of the owner (or of one batch) in the format of the accuracy measure:
 * {"documents":{"<file name without extension>":{"pages":[...],"entries":[...]}}}. */
#ifndef SHEAF_CLI_PREDICTIONS_H
#define SHEAF_CLI_PREDICTIONS_H

#include "cli/api.h"

/* batch may be NULL. The caller owns *predictions. */
int predictions_collect(api_t *api, const char *batch, json_t **predictions, struct err *err);

/* The pure half: adds one record, as GET /api/records/<id>?include=text gives it, to {"documents":...}, and,
 * after the last, brings entries and pages in order. */
int predictions_add(json_t *predictions, const json_t *record, const json_t *page_texts, struct err *err);
void predictions_sort(json_t *predictions);

#endif
