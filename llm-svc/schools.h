/* schools: what a doubtful reading of a school's name is.
 *
 * The operator may have named the schools there are (SHEAF_SCHOOLS), and the same school stands in many
 * entries of a document and in many documents of a batch.  What several of them say alike, or one entry says
 * surely, tells what another's doubtful reading is.  Pure.
 *
 * Stage `split` hears all entries and keeps what is sure (struct schools, in llm.h); `extract` settles an
 * entry's own reading by it, and by what the batch's other documents said (batch_schools.h).  A reading's words
 * and box stay its evidence. */
#ifndef SHEAF_LLM_SVC_SCHOOLS_H
#define SHEAF_LLM_SVC_SCHOOLS_H

#include "llm-svc/lexicon.h"
#include "llm-svc/llm.h"

/* Adds an entry's reading, its confidence not yet set; but not one with a word shaped as hardly any is ("BulHonwood"): one hand
 * is misread alike in all its entries, and that would confirm it.  -1: no memory. */
int schools_hear(struct schools *schools, const struct value *value);
/* Forgets what was heard once and not surely. */
void schools_keep_sure(struct schools *schools);
/* The names, at most `most`, that most entries say; borrowed.  How many: those that are no line of text are left out. */
int schools_most_named(const struct schools *schools, int most, const char *names[]);
/* Adds what `times` others say.  -1: no memory. */
int schools_add(struct schools *schools, const char *name, int times);

/* Two names are never taken for each other when they differ in a number or a known word ("School 12", "Twin
 * Rock East"), nor when another school is about as near.  Both: 0, or -1: no memory. */

/* A recognised reading that is a school of the operator's list, or, when doubtful, nearly is one, becomes
 * that and agrees. */
int schools_look_up(const lexicon_t *lexicon, bool doubtful, struct value *value);
/* A recognised reading that another entry has as well is heard; one that is not sure and nearly is one of the
 * schools heard of becomes that and is heard; one that stays as it is, though another is nearly so, is beside that: one of the two may be
 * misread, and a number may be it ("K-3" beside "K-8").  `schools` NULL: nothing was heard. */
int schools_settle(const struct schools *schools, const lexicon_t *lexicon, struct value *value);

#endif
