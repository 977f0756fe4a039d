#include "llm-svc/face.h"

#include <stdlib.h>
#include <string.h>
#include "llm-svc/labels.h"

/* Under the essay's heading only what can hardly be prose is a label. */
#define SURE_QUALITY 0.9
/* A page with labels of so many fields is a form. */
#define FORM_FIELDS 2
/* So many colons in this upper part of a page are no chance. */
#define COLONS     3
#define COLON_PART 0.6

static bool is_essay(const struct label *label)
{
    return label->field->rule == FORM_ESSAY;
}

/* A label that an essay's own lines may have made by chance: "School: it was closed." must be printed well
 * and stand at the row's beginning to count. */
static bool is_sure(const struct label *label)
{
    return label->colon && label->quality >= SURE_QUALITY && label->first == 0;
}

static void forget(struct face *face, int i)
{
    const struct label *label = &face->labels[i];
    const struct row *row = &face->layout.rows[label->row];
    for (int w = label->first; w <= label->last; w++) face->role[row->words[w]] = ROLE_FREE;
    memmove(&face->labels[i], &face->labels[i + 1], (size_t)(face->n_labels - i - 1) * sizeof *label);
    face->n_labels--;
}

/* On a page that bears no form (an essay's second page), a line that happens to begin like a label is none.
 */
static void forget_chance(struct face *face)
{
    if (face->essay >= 0 || face_fields_above(face, 1) >= FORM_FIELDS) return;
    for (int i = face->n_labels - 1; i >= 0; i--)
        if (!is_sure(&face->labels[i])) forget(face, i);
}

/* The essay is headed by its first label; further labels of it, and unsure ones below it, are words of the
 * essay. */
static void find_essay(struct face *face)
{
    face->essay = -1;
    for (int i = 0; i < face->n_labels;) {
        struct label *label = &face->labels[i];
        bool below = face->essay >= 0 && label->row > face->labels[face->essay].row;
        if (below && (is_essay(label) || !is_sure(label))) {
            forget(face, i);
            continue;
        }
        if (is_essay(label) && face->essay < 0) face->essay = i;
        i++;
    }
}

/* Do several words end in a colon above where an essay would begin? */
static bool has_colons(const struct page *page)
{
    int n = 0;
    for (int w = 0; w < page->n_words; w++) {
        const char *text = page->words[w].text;
        n += text[strlen(text) - 1] == ':' && page->words[w].box.y0 < COLON_PART * page->height;
    }
    return n >= COLONS;
}

int face_read(const vocabulary_t *v, const struct page *page, struct face *face, struct err *err)
{
    size_t n = page->n_words > 0 ? (size_t)page->n_words : 1;
    struct face made = {.page = page, .essay = -1, .title_y = 2, .colons = has_colons(page)};
    if (layout_read(page, &made.layout, err)) return -1;
    made.labels = calloc(n, sizeof *made.labels);
    made.role = calloc(n, sizeof *made.role);
    if (!made.labels || !made.role) {
        face_done(&made);
        return err_set(err, ERR_NOMEM, "labels of a page");
    }
    for (int r = 0; r < made.layout.n_rows; r++) {
        labels_mark_print(v, &made, r);
        labels_read_row(v, &made, r);
    }
    find_essay(&made);
    forget_chance(&made);
    *face = made;
    return 0;
}

void face_done(struct face *face)
{
    layout_done(&face->layout);
    free(face->labels);
    free(face->role);
    memset(face, 0, sizeof *face);
}

int face_fields_above(const struct face *face, double share)
{
    int n = 0;
    for (int i = 0; i < face->n_labels; i++) {
        const struct label *label = &face->labels[i];
        bool seen = is_essay(label) || label->box.y0 > share * face->page->height;
        for (int j = 0; j < i && !seen; j++) seen = face->labels[j].field == label->field;
        if (!seen) n++;
    }
    return n;
}

/* The essay reaches from its heading to the next row with a label, or to the end of the page. */
bool face_is_essay_word(const struct face *face, int word)
{
    if (face->essay < 0 || face->role[word] != ROLE_FREE) return false;
    int heading = face->labels[face->essay].row, row = face->layout.row_of[word];
    for (int i = face->essay + 1; i < face->n_labels; i++)
        if (face->labels[i].row > heading && face->labels[i].row <= row) return false;
    return row > heading ||
           (row == heading && face->page->words[word].box.x0 >= face->labels[face->essay].box.x1);
}
