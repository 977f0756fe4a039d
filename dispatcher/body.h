/* body: the JSON body of a TASK (proto/STAGES.md), made from a row of take.lua.  Pure. */
#ifndef SHEAF_DISPATCHER_BODY_H
#define SHEAF_DISPATCHER_BODY_H

#include "dispatcher/engine.h"
#include "lib/buf.h"

/* Into *out, which is cleared first; out->bad when memory is out.  The caller checks the length. */
void body_build(struct buf *out, const struct taken *taken);

#endif
