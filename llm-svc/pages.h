/* pages: the page JSON of proto/STAGES.md as a struct page.  Total: any bytes give a page or an error. */
#ifndef SHEAF_LLM_SVC_PAGES_H
#define SHEAF_LLM_SVC_PAGES_H

#include "llm-svc/llm.h"

#define PAGE_BYTES_MAX (16 * 1024 * 1024)
#define PAGE_WORDS_MAX 20000 /* a page of print has about 500; what follows is not read */

/* *page is the caller's: page_done().  ERR_INPUT when it is not a page. */
int page_parse(const char *json, size_t len, struct page *page, struct err *err);
void page_done(struct page *page);

/* Nothing a person wrote or printed: no words, or only what recognition makes of dirt and show-through. */
bool page_is_blank(const struct page *page);

#endif
