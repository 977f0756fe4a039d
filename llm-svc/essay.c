#include "llm-svc/essay.h"

#include <ctype.h>
#include <string.h>

/* The rest of the heading's row is the essay's first line when it reaches this far across the page, else it
 * is the heading's own
 * ("Essay: What my garden means to me"). */
#define FIRST_LINE_REACHES 0.80
/* A row this far below the row before it, in usual word heights, in the last part of the page, is a footer.
 */
#define FOOTER_GAP  3.0
#define FOOTER_PART 0.90
/* Without a heading: a row of so many words below the labels looks like prose, not like an answer. */
#define PROSE_WORDS 6
/* A bar no higher than this, in usual word heights, is a letter; a higher one is a rule or a margin. */
#define LETTER_HIGH 1.6

/* The row from which the page is footer: "Page 2 of 2", a scanner's mark. */
static int footer_row(const struct face *face)
{
    const struct layout *layout = &face->layout;
    for (int r = layout->n_rows - 1; r > 0; r--) {
        const struct box *above = &layout->rows[r - 1].box, *box = &layout->rows[r].box;
        if (box->y0 < FOOTER_PART * face->page->height) break;
        if (box->y0 - above->y1 > FOOTER_GAP * layout->height) return r;
    }
    return layout->n_rows;
}

/* On a form page without a heading: the first row of prose below the last label. */
static int prose_row(const struct face *face)
{
    const struct layout *layout = &face->layout;
    int after = face->n_labels ? face->labels[face->n_labels - 1].row + 1 : 0;
    for (int r = after; r < layout->n_rows; r++) {
        int words = 0;
        for (int i = 0; i < layout->rows[r].n; i++) {
            int w = layout->rows[r].words[i];
            words += face->role[w] == ROLE_FREE && *face->page->words[w].tight;
        }
        if (words >= PROSE_WORDS) return r;
    }
    return layout->n_rows;
}

static bool is_form(const struct face *face)
{
    return face_fields_above(face, 1) > 0;
}

static bool first_line_is_essay(const struct face *face)
{
    const struct label *heading = &face->labels[face->essay];
    return heading->colon && face->layout.rows[heading->row].box.x1 >= FIRST_LINE_REACHES * face->page->width;
}

/* Decides word by word; `from` is the row that the essay begins with where no heading says so. */
static bool belongs(const vocabulary_t *v, const struct face *face, int word, int from, bool first_line)
{
    const struct word *w = &face->page->words[word];
    int row = face->layout.row_of[word];
    if (face->role[word] != ROLE_FREE) return false;
    if (w->field) {
        const struct form_field *field = vocabulary_field_named(v, w->field);
        if (field) return field->rule == FORM_ESSAY;
    }
    if (face->essay < 0) return row >= from;
    int heading = face->labels[face->essay].row;
    if (row == heading) return first_line && face_is_essay_word(face, word);
    /* On a page that bears no form, what stands above the heading may be the essay's too, but is rather a
     * name or a date. */
    return face_is_essay_word(face, word);
}

/* An upright stroke as high as a letter is the word "I", or begins one ("|t was"). */
static void put_word(struct buf *text, const struct word *word, double usual)
{
    const char *rest = word->text + 1;
    bool bracket = word->text[0] == '[' && !*rest; /* a stroke with a speck at its foot */
    bool stroke = word->source == WORD_OCR && (word->text[0] == '|' || bracket) && box_height(&word->box) <= LETTER_HIGH * usual;
    bool letter = stroke && (!*rest || isalpha((unsigned char)*rest) || *rest == '\'' || !strncmp(rest, "\xE2\x80\x99", 3));
    buf_puts(text, letter ? "I" : "");
    buf_puts(text, letter ? rest : word->text);
}

bool essay_read(const vocabulary_t *v, const struct face *face, bool headed, struct buf *text)
{
    const struct page *page = face->page;
    int footer = footer_row(face), from = 0, line = -1;
    bool first_line = face->essay >= 0 && first_line_is_essay(face), any = false;
    if (face->essay < 0 && is_form(face)) from = headed ? face->layout.n_rows : prose_row(face);
    for (int w = 0; w < page->n_words; w++) {
        if (face->layout.row_of[w] >= footer || !belongs(v, face, w, from, first_line)) continue;
        bool new_line = page->words[w].line != line;
        if (text->len) buf_putc(text, new_line ? '\n' : ' ');
        put_word(text, &page->words[w], face->layout.height);
        line = page->words[w].line;
        any = true;
    }
    return any;
}
