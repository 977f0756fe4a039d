/* entry_json: an entry as the JSON of proto/STAGES.md, and a split as the result of its stage.  Pure. */
#ifndef SHEAF_LLM_SVC_ENTRY_JSON_H
#define SHEAF_LLM_SVC_ENTRY_JSON_H

#include "llm-svc/llm.h"

struct entry_head {
    unsigned index; /* from 0 */
    struct span pages;
    const char *doc_class;
    const char *form;
    const char *provider;
};

/* NULL: no memory.  The caller owns the result. `pages` are those whose text is told (split_pages_told()),
 * NULL for a blind provider. */
json_t *entry_to_json(const struct entry_head *head, const struct entry *entry, const struct page *pages,
                      int n_pages);
json_t *split_to_json(const struct split *split);

#define SCHOOLS_MAX 200 /* a document has at most as many entries as pages */
/* The output of a split: names of schools are text of the document, and go to `extract` by the blob store. */
json_t *schools_to_json(const struct schools *schools);
/* Any JSON gives schools or an error; the caller frees with schools_done(), also after a failure. */
int schools_from_json(const json_t *json, struct schools *schools, struct err *err);

/* Entry `index` of a split's result; -1 when it has none of that number. */
int split_entry_from_json(const json_t *split, unsigned index, struct span *span);
/* The pages whose text entry `index` tells: its own, and those that belong to nobody (covers, blanks) in
 * front of it, for the last entry also behind it; so that the text of no page is lost.  Its values come from
 * its own. */
struct span split_pages_told(const json_t *split, unsigned index, size_t n_pages);

#endif
