/* agree: what an entry says twice: a child and a father mostly share a family name, and an address often
 * holds it. Two readings that are alike make each other surer; two that nearly are cast doubt.  Pure. */
#ifndef SHEAF_LLM_SVC_AGREE_H
#define SHEAF_LLM_SVC_AGREE_H

#include "llm-svc/llm.h"

/* Sets signs.agrees and signs.differs of the entry's names.  -1: no memory. */
int agree_names(struct entry *entry);

#endif
