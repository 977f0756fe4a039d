/* spell: looks at a value word by word: which are known, which are shaped as no word is; and takes a doubtful
 * word that nearly is a known one for that.  Pure. */
#ifndef SHEAF_LLM_SVC_SPELL_H
#define SHEAF_LLM_SVC_SPELL_H

#include "llm-svc/lexicon.h"
#include "llm-svc/llm.h"

/* What a value is read from: some words of a page. */
struct spell_source {
    const struct page *page;
    const int *words;
    int n;
};

/* Fills signs->letters, words, unknown, corrected and odd.  Where a recognised word was not read surely,
 * *text may be replaced by a corrected one (the old is freed).  -1: no memory. */
int spell_text(const lexicon_t *lexicon, enum form_rule rule, const struct spell_source *source, char **text,
               struct signs *signs);

#endif
