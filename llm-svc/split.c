#include "llm-svc/split.h"

#include <stdlib.h>
#include "lib/buf.h"
#include "lib/auto.h"
#include "llm-svc/essay.h"
#include "llm-svc/pages.h"

/* The form's labels stand in the top quarter of a page that begins an entry; scans shift and letters get
 * lost, hence a third. */
#define TOP 0.34
/* Labels of so many fields there begin an entry; one fewer does under the form's title. */
#define FIELDS 2
/* A page after a form without an essay that repeats no more labels than this, of a form with at least twice
 * as many, is its second page with the name written again. */
#define REPEATED    2
#define ESSAY_WORDS 15

struct page_kind split_judge(const vocabulary_t *v, const struct face *face)
{
    const struct page *page = face->page;
    struct page_kind kind = {.failed = page->failed != NULL, .ocr = page->ocr};
    kind.blank = !kind.failed && page_is_blank(page);
    if (kind.failed || kind.blank) return kind;
    AUTO(buf_done) struct buf essay = BUF_INIT;
    int top = face_fields_above(face, TOP);
    kind.fields = face_fields_above(face, 1);
    kind.begins = top >= FIELDS || (face->title_y < TOP && (top >= FIELDS - 1 || kind.fields >= FIELDS));
    kind.heads_essay = face->essay >= 0 && face->labels[face->essay].box.y0 < TOP * page->height;
    kind.has_essay = essay_read(v, face, false, &essay) && form_count_words(essay.data) >= ESSAY_WORDS;
    return kind;
}

/* The second page of the entry that page `form` began, with its name or title repeated at its head? */
static bool repeats(const struct page_kind *form, const struct page_kind *page)
{
    return !form->has_essay && page->has_essay && page->fields <= REPEATED && form->fields >= 2 * REPEATED;
}

/* first[i] is set where page i begins an entry; returns how many do. */
static int find_first(const struct page_kind *kinds, int n, bool *first)
{
    int found = 0, open = -1; /* the page that began the entry at hand, as long as its essay has not come */
    for (int i = 0; i < n; i++) {
        if (kinds[i].begins && !(open >= 0 && repeats(&kinds[open], &kinds[i]))) {
            first[i] = true;
            found++;
            open = kinds[i].has_essay ? -1 : i;
        } else if (kinds[i].has_essay) {
            open = -1;
        }
    }
    return found;
}

/* An unreadable page, or one under the essay's heading, that stands before the first form belongs to the
 * first entry; covers and blank pages belong to none. */
static int first_page(const struct page_kind *kinds, int n, const bool *first)
{
    int at = 0;
    while (at < n && !first[at]) at++;
    for (int i = 0; i < at; i++)
        if (kinds[i].failed || kinds[i].heads_essay) return i;
    return at;
}

static int last_page(const struct page_kind *kinds, int from, int end)
{
    while (end > from && kinds[end].blank) end--;
    return end;
}

static const char *class_of(const struct page_kind *kinds, const struct split *split)
{
    if (split->n > 1) return "BULK_SCANNED_BATCH";
    if (split->n == 1 && split->entries[0].last > split->entries[0].first) return "MULTI_PAGE_SINGLE";
    return split->n == 1 && kinds[split->entries[0].first - 1].ocr ? "SINGLE_SCANNED" : "SINGLE_TYPED";
}

/* A document without any label: one entry, from its first page with something on it to its last. */
static void one_entry(const struct page_kind *kinds, int n, struct split *split)
{
    int from = 0;
    while (from < n && kinds[from].blank) from++;
    if (from == n) from = 0;
    split->entries[split->n++] = (struct span){from + 1, last_page(kinds, from, n - 1) + 1};
}

int split_pages(const struct page_kind *kinds, int n, struct split *split, struct err *err)
{
    AUTO_FREE bool *first = calloc((size_t)n + 1, sizeof *first);
    split->entries = calloc((size_t)n + 1, sizeof *split->entries);
    split->n = 0;
    if (!first || !split->entries) return err_set(err, ERR_NOMEM, "split");
    if (!find_first(kinds, n, first)) {
        if (n > 0) one_entry(kinds, n, split);
    } else {
        int from = first_page(kinds, n, first);
        bool begun = first[from];
        for (int i = from + 1; i <= n; i++) {
            if (i < n && !first[i]) continue;
            if (i < n && !begun) { /* what stands before the first form goes with it */
                begun = true;
                continue;
            }
            split->entries[split->n++] = (struct span){from + 1, last_page(kinds, from, i - 1) + 1};
            from = i;
        }
    }
    split->doc_class = class_of(kinds, split);
    return 0;
}
