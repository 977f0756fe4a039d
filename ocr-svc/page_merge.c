/* Two readings of one page made one.
 *
 * Another network, or another size, reads the same page differently and is right in other places.  Words of
 * both readings that lie on each other form a group, which may be one word against two; the reading that was
 * surer of the group, by letters, has it.  A word that only one reading saw is kept when that reading was
 * not merely guessing: whole blocks are missed by one and seen by the other. */
#include <stdlib.h>
#include <string.h>
#include "ocr-svc/page.h"

#define COVERED 0.3 /* of the smaller box: less is a neighbour that leans over */
/* Speckle and rules become words of confidence around 0.2. Measured: at 0.5 lines of handwriting are lost. */
#define GUESS 0.3

/* Union-find over the words of both readings; a set is a group. */
static size_t root_of(size_t *parent, size_t i)
{
    while (parent[i] != i) i = parent[i] = parent[parent[i]];
    return i;
}

static bool on_each_other(const struct page_box *a, const struct page_box *b)
{
    double right = a->right < b->right ? a->right : b->right, left = a->left > b->left ? a->left : b->left;
    double bottom = a->bottom < b->bottom ? a->bottom : b->bottom, top = a->top > b->top ? a->top : b->top;
    if (right <= left || bottom <= top) return false;
    double size_a = (double)(a->right - a->left) * (a->bottom - a->top);
    double size_b = (double)(b->right - b->left) * (b->bottom - b->top);
    return (right - left) * (bottom - top) > COVERED * (size_a < size_b ? size_a : size_b);
}

/* What each reading says about a group. */
struct votes {
    double sure[2], letters[2]; /* sums: confidence × letters, letters */
};

static bool has_it(const struct votes *v, int reading)
{
    double mean[2];
    for (int r = 0; r < 2; r++) mean[r] = v->letters[r] > 0 ? v->sure[r] / v->letters[r] : -1;
    if (mean[1 - reading] < 0) return mean[reading] >= GUESS;
    return reading == 0 ? mean[0] >= mean[1] : mean[1] > mean[0];
}

/* Words 0 to `first` - 1 are the first reading's, the others the second's. */
static void settle_groups(struct page *page, size_t first, size_t *parent, struct votes *votes)
{
    size_t n = page->n_words, kept = 0;
    for (size_t i = 0; i < n; i++) parent[i] = i;
    for (size_t i = 0; i < first; i++)
        for (size_t j = first; j < n; j++)
            if (on_each_other(&page->words[i].box, &page->words[j].box))
                parent[root_of(parent, i)] = root_of(parent, j);
    for (size_t i = 0; i < n; i++) {
        struct votes *v = &votes[root_of(parent, i)];
        double letters = (double)strlen(page_word_text(page, &page->words[i]));
        v->letters[i >= first] += letters;
        v->sure[i >= first] += letters * (double)page->words[i].confidence;
    }
    for (size_t i = 0; i < n; i++)
        if (has_it(&votes[root_of(parent, i)], i >= first)) page->words[kept++] = page->words[i];
    page->n_words = kept;
}

int page_merge(struct page *page, size_t first, struct err *err)
{
    if (page->n_words == 0) return 0;
    size_t *parent = calloc(page->n_words, sizeof *parent);
    struct votes *votes = calloc(page->n_words, sizeof *votes);
    bool enough = parent && votes;
    if (enough) settle_groups(page, first, parent, votes);
    free(parent);
    free(votes);
    return enough ? 0 : err_set(err, ERR_NOMEM, "out of memory for a page's words");
}
