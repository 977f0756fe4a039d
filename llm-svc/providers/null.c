/* null: the smallest provider: every document is one entry, in which nothing was found.  For benchmarks and
 * for tests of everything around it. */
#include <stdlib.h>
#include <string.h>
#include "llm-svc/llm.h"

static int null_open(const struct settings *settings, const form_t *form, void **state, struct err *err)
{
    (void)settings, (void)form, (void)err;
    *state = NULL;
    return 0;
}

static int null_split(void *state, const struct page *pages, int n_pages, int64_t deadline_ms,
                      struct split *split, struct err *err)
{
    (void)state, (void)pages, (void)deadline_ms;
    split->entries = calloc(1, sizeof *split->entries);
    if (!split->entries) return err_set(err, ERR_NOMEM, "split");
    split->entries[0] = (struct span){1, n_pages};
    split->n = n_pages > 0;
    split->doc_class = n_pages > 1 ? "MULTI_PAGE_SINGLE" : "SINGLE_TYPED";
    return 0;
}

static int null_extract(void *state, const struct page *pages, int n_pages, const struct schools *schools,
                        int64_t deadline_ms, struct entry *entry, struct err *err)
{
    (void)state, (void)pages, (void)n_pages, (void)schools, (void)deadline_ms;
    entry->essay = strdup("");
    entry->ocr_confidence = -1;
    return entry->essay ? 0 : err_set(err, ERR_NOMEM, "entry");
}

static void null_close(void *state)
{
    (void)state;
}

const struct llm_provider llm_null = {
    .name = "null",
    .blind = true,
    .open = null_open,
    .split = null_split,
    .extract = null_extract,
    .close = null_close,
};
