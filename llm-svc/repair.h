/* repair: what recognition commonly misreads in answers of a known shape, put right: digits read as letters,
 * an at sign read as a letter, "gr 0d e".  Pure.
 *
 * A repair is a reading of what stands there, never a guess at what should: where a sign may have been two
 * different ones, there is none.  Whoever uses one trusts it less (values.c). */
#ifndef SHEAF_LLM_SVC_REPAIR_H
#define SHEAF_LLM_SVC_REPAIR_H

#include "lib/form.h"

/* The text with its misread signs replaced, for form_normalise() to judge; the caller frees.  NULL: there is
 * nothing to repair in a value of this rule, or no memory. */
char *repair_text(enum form_rule rule, const char *text);

/* The same for an e-mail address. `names`: the folded names that stand beside it, ended by NULL.  An address mostly holds
 * one of them, and its at sign comes soon behind it. */
char *repair_address(const char *text, const char *const *names);

#endif
