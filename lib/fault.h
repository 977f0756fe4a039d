/* fault: points at which a test build ends itself with SIGKILL, so that a test can stand between any two steps.
 *
 *     SHEAF_FAULT=after_commit:3  build/faults/dispatcher      dies when it comes by for the third time
 *
 * Only where SHEAF_FAULTS is defined (MODE=faults); everywhere else a point is nothing at all and SHEAF_FAULT is an
 * unknown setting.  The points are a table, fault.def, and tests/system/test_faults.py goes through all of them: a new
 * point is a row there, a FAULT(name) in the code, and a situation in that test in which it is passed.
 */
#ifndef SHEAF_FAULT_H
#define SHEAF_FAULT_H

#include <stdbool.h>
#include <stddef.h>

enum fault_point {
#define P(service, name, what) FAULT_##name,
#include "lib/fault.def"
#undef P
    FAULT_POINTS
};

#ifdef SHEAF_FAULTS
void fault_pass(enum fault_point point);           /* any thread; may not return */
bool fault_due(enum fault_point point);            /* the next fault_pass() of it ends us */
bool fault_is_setting(const char *name, size_t len);
#define FAULT(name) fault_pass(FAULT_##name)
/* A point behind something that would else happen a little later: it is done first, but only when we are to die there. */
#define FAULT_AFTER(name, something)                                                                         \
    do {                                                                                                     \
        if (fault_due(FAULT_##name)) something;                                                              \
        fault_pass(FAULT_##name);                                                                            \
    } while (0)
#else
#define FAULT(name) ((void)0)
#define FAULT_AFTER(name, something) ((void)0)
static inline bool fault_is_setting(const char *name, size_t len)
{
    (void)name, (void)len;
    return false;
}
#endif

#endif
