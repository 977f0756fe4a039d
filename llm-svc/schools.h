/* schools: the same school stands in many entries of a document.  What several of them say alike, or one says
 * surely, tells what another's doubtful reading is.  Pure.
 *
 * Stage `split` hears all entries and keeps what is sure (struct schools, in llm.h); `extract` settles an
 * entry's own reading by it.  A reading's words and box stay its evidence. */
#ifndef SHEAF_LLM_SVC_SCHOOLS_H
#define SHEAF_LLM_SVC_SCHOOLS_H

#include "llm-svc/lexicon.h"
#include "llm-svc/llm.h"

/* Adds an entry's reading, its confidence not yet set.  -1: no memory. */
int schools_hear(struct schools *schools, const struct value *value);
/* Forgets what was heard once and not surely. */
void schools_keep_sure(struct schools *schools);

/* A recognised reading that another entry has as well is heard; a doubtful one that nearly is just one of the
 * schools becomes it and is heard, unless the word they differ in is a known one or a number: then they are
 * two schools.  -1: no memory. */
int schools_settle(const struct schools *schools, const lexicon_t *lexicon, struct value *value);

#endif
