/* straighten: takes the slant of a scan out of the boxes that distances are measured by.  Evidence (raw_box)
 * stays as it is. */
#ifndef SHEAF_LLM_SVC_STRAIGHTEN_H
#define SHEAF_LLM_SVC_STRAIGHTEN_H

#include "llm-svc/llm.h"

int page_straighten(struct page *page, struct err *err);

#endif
