/* pipeline: what follows what. The one table that declares the job's graph; nobody else knows it.
 *
 * Adding a stage: 1. a row in pipeline.c  2. its section in proto/STAGES.md and its name in proto/stages.c
 * 3. a stage type in the service that does it.  The scripts carry whatever this table says.
 *
 * Behind the forms' graph stands a second one, of steps that do nothing (tests/bench/step-svc.c): what the engine itself
 * costs is measured on it, by the same code and the same scripts.  A row costs nothing while no worker offers it.
 */
#ifndef SHEAF_DISPATCHER_PIPELINE_H
#define SHEAF_DISPATCHER_PIPELINE_H

#include <stdbool.h>
#include <stdint.h>
#include "lib/buf.h"
#include "lib/err.h"
#include "lib/settings.h"

enum pipeline_opens {
    OPENS_NOTHING,
    OPENS_ONE,  /* next, index 0 */
    OPENS_FAN,  /* next, as many as the result's "fan" says */
    OPENS_SAME, /* next, with this task's index */
};

struct pipeline_row {
    const char *type;
    enum pipeline_opens opens;
    const char *next;  /* opened by each task of this type that is done */
    const char *join;  /* opened once, when all tasks of this type are done */
    const char *needs; /* job fields that its TASK carries; the notation of take.lua */
    int64_t time_ms;   /* how long one delivery may take */
};

#define PIPELINE_TYPES 13
#define FAN_MAX        500  /* most tasks one result may open */
#define OPENS_TEXT     24   /* "extract:0:500" */

extern const struct pipeline_row pipeline[PIPELINE_TYPES];

int pipeline_find(const char *type); /* row number, -1 when there is none */
int64_t pipeline_time_ms(int row, const struct settings *settings);

/* What a done task opens, in the notation of commit.lua ("page:0:12"); "": nothing.  -1 when the result lacks a
 * sound "fan" although the row asks for one (ERR_INPUT). */
int pipeline_opens(int row, const char *result, char out[OPENS_TEXT], struct err *err);

/* The whole graph for rerun.lua: "inspect>page page>split …". */
void pipeline_graph(struct buf *out);

#endif
