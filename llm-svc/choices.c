#include "llm-svc/choices.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include "lib/auto.h"
#include "llm-svc/layout.h"
#include "lib/vocabulary.h"

/* More printed answers than a form file's field can have do not stand on a line, whatever was recognised. */
#define FOUND_MAX 64
/* A box that was read into its answer's first word ("Ochild") makes at most so many signs of it. */
#define GLUED_MAX 2
/* A box is no longer than this, whatever was made of it; what is longer is another text. */
#define BOX_BYTES 4

enum mark { MARK_NONE, MARK_OFF, MARK_ON, MARK_UNCLEAR };

/* An answer that is printed there. */
struct found {
    const struct form_choice *choice;
    int first, last; /* positions in the field's words */
    size_t glued;    /* bytes of its first word that are its mark */
    int letters, edits;
    enum mark left, right;
    int left_from, right_to; /* where the marks on either side begin and end */
};

static const char *const ticked[] = {"\xE2\x98\x91", "\xE2\x98\x92", "\xE2\x9C\x93", "\xE2\x9C\x94",
                                     "\xE2\x9C\x97", "\xE2\x9C\x98", "\xE2\x96\xA0", "\xE2\x97\x8F",
                                     "\xC3\x97",     "\xE2\x88\x9A"};
static const char *const empty[] = {"\xE2\x98\x90", "\xE2\x96\xA1", "\xE2\x97\x8B"};

/* The length of the box that the text begins with, 0: none. */
static size_t sign_at(const char *text, const char *const *signs, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!strncmp(text, signs[i], strlen(signs[i]))) return strlen(signs[i]);
    return 0;
}

/* What one sign says.  A box drawn by a printer is recognised as letters that are round or upright, one with
 * a cross, a tick or ink in it as letters that are crossed or dark. */
static enum mark judge_sign(char c, bool ocr)
{
    if (strchr("xXvV*#", c)) return MARK_ON;
    if (strchr("[](){}_-.", c)) return MARK_OFF;
    if (!ocr) return c == 'o' || c == 'O' ? MARK_OFF : MARK_UNCLEAR;
    if (strchr("yY&%@$mMkKhHwWnNR", c)) return MARK_ON;
    return strchr("oO0QcCDdlLIiJj1uU|!/\\,:;'`~", c) ? MARK_OFF : MARK_UNCLEAR;
}

/* One telling sign is enough: "[x]" is ticked. */
static enum mark judge(const char *text, size_t len, bool ocr, enum mark so_far)
{
    for (const char *p = text; p < text + len;) {
        size_t on = sign_at(p, ticked, COUNT_OF(ticked)), off = sign_at(p, empty, COUNT_OF(empty));
        enum mark mark = on ? MARK_ON : off ? MARK_OFF : judge_sign(*p, ocr);
        p += on ? on : off ? off : 1;
        if (mark == MARK_ON || (mark == MARK_UNCLEAR && so_far != MARK_ON) || so_far == MARK_NONE)
            so_far = mark;
    }
    return so_far;
}

static const struct word *word_at(const struct page *page, const int *words, int i)
{
    return &page->words[words[i]];
}

static enum mark judge_words(const struct page *page, const int *words, int from, int to)
{
    enum mark mark = MARK_NONE;
    for (int i = from; i < to; i++) {
        const struct word *word = word_at(page, words, i);
        mark = judge(word->text, strlen(word->text), word->source == WORD_OCR, mark);
    }
    return mark;
}

static bool is_short(const struct page *page, const int *words, int i)
{
    return strlen(word_at(page, words, i)->text) <= BOX_BYTES;
}

/* The bytes of a word up to behind its first `letters` letters and the boxes around them. */
static size_t glued_bytes(const char *text, size_t letters)
{
    size_t at = 0, seen = 0, box;
    while (text[at]) {
        box = sign_at(text + at, ticked, COUNT_OF(ticked)) + sign_at(text + at, empty, COUNT_OF(empty));
        bool letter = isalnum((unsigned char)text[at]) || (!box && (unsigned char)text[at] >= 0x80);
        if (letter && seen == letters) break;
        seen += letter;
        at += box ? box : 1;
    }
    return at;
}

/* The letters that stand before an answer's own must be a box misread, not a word's beginning. */
static bool is_box(const struct word *word, size_t letters)
{
    if (!letters) return true;
    enum mark mark = judge(word->text, glued_bytes(word->text, letters), word->source == WORD_OCR, MARK_NONE);
    return word->source == WORD_OCR && (mark == MARK_OFF || mark == MARK_ON);
}

/* A label of a choice without its spaces. */
static int tighten(const char *label, char out[PHRASE_MAX + 1])
{
    int n = 0;
    for (; *label && n < PHRASE_MAX; label++)
        if (*label != ' ') out[n++] = *label;
    out[n] = '\0';
    return n;
}

static bool is_better(const struct found *a, const struct found *b)
{
    return !b->choice || a->letters - 2 * a->edits > b->letters - 2 * b->edits;
}

/* Compares the letters of words i to last with each of the field's printed answers. */
static void compare(const struct form_field *field, const char *letters, int len, struct found at,
                    struct found *best)
{
    char label[PHRASE_MAX + 1];
    for (int c = 0; c < field->n_choices; c++) {
        for (const char *const *l = field->choices[c].labels; *l; l++) {
            int n = tighten(*l, label), most = edits_allowed(n);
            at.choice = &field->choices[c];
            at.letters = n;
            at.edits = edit_distance(letters, len, label, n, most);
            if (at.edits <= most && is_better(&at, best)) *best = at;
        }
    }
}

/* The printed answer that begins with word i. */
static struct found find_at(const struct page *page, const struct form_field *field, const int *words, int n,
                            int i)
{
    struct found best = {0};
    for (size_t skip = 0; skip <= GLUED_MAX && !best.choice; skip++) {
        const struct word *first = word_at(page, words, i);
        char letters[PHRASE_MAX + 1];
        int len = 0;
        if (strlen(first->tight) <= skip || !is_box(first, skip)) break;
        for (int last = i; last < n; last++) {
            const char *more = word_at(page, words, last)->tight + (last == i ? skip : 0);
            if (word_at(page, words, last)->source == WORD_FIELD || len + (int)strlen(more) > PHRASE_MAX)
                break;
            memcpy(letters + len, more, strlen(more));
            len += (int)strlen(more);
            if (!*more) continue;
            const struct found at = {.first = i, .last = last, .glued = glued_bytes(first->text, skip)};
            compare(field, letters, len, at, &best);
        }
    }
    return best;
}

static int find_all(const struct page *page, const struct form_field *field, const int *words, int n,
                    struct found *found)
{
    int n_found = 0, behind = 0;
    for (int i = 0; i < n && n_found < FOUND_MAX;) {
        struct found at = find_at(page, field, words, n, i);
        /* "X Adult" is nearly "Adult", but the X is its box. */
        const struct found next =
            at.edits && i < n - 1 ? find_at(page, field, words, n, i + 1) : (struct found){0};
        if (!at.choice || (next.choice == at.choice && next.edits < at.edits)) {
            i++;
            continue;
        }
        const struct word *first = word_at(page, words, i);
        at.left_from = i;
        while (at.left_from > behind && is_short(page, words, at.left_from - 1)) at.left_from--;
        at.left = judge(first->text, at.glued, first->source == WORD_OCR,
                        judge_words(page, words, at.left_from, i));
        found[n_found++] = at;
        i = behind = at.last + 1;
    }
    for (int k = 0; k < n_found; k++) {
        int end = k + 1 < n_found ? found[k + 1].first : n;
        found[k].right_to = found[k].last + 1;
        while (found[k].right_to < end && is_short(page, words, found[k].right_to)) found[k].right_to++;
        found[k].right = judge_words(page, words, found[k].last + 1, found[k].right_to);
    }
    return n_found;
}

/* Where only ticked boxes left a word, as in the fields of a PDF: do they stand nearer to the answer on their
 * left? */
static bool stands_right(const struct page *page, const int *words, const struct found *found, int n_found)
{
    for (int k = 0; k + 1 < n_found; k++) {
        if (found[k].right == MARK_NONE || found[k + 1].glued) continue;
        const struct box *before = &word_at(page, words, found[k].last)->box,
                         *after = &word_at(page, words, found[k + 1].first)->box,
                         *mark = &word_at(page, words, found[k].last + 1)->box;
        return box_overlap_y(before, mark) > 0 && mark->x0 - before->x1 < after->x0 - mark->x1;
    }
    return false;
}

struct choice_made choices_read(const struct page *page, const struct form_field *field, const int *words,
                                int n)
{
    struct found found[FOUND_MAX];
    struct choice_made none = {0};
    int n_found = find_all(page, field, words, n, found), by_mark[MARK_UNCLEAR + 1] = {0},
        at_mark[MARK_UNCLEAR + 1] = {0};
    if (!n_found) return none;
    bool right = found[0].left == MARK_NONE &&
                 (found[n_found - 1].right != MARK_NONE || stands_right(page, words, found, n_found));
    for (int k = 0; k < n_found; k++) {
        enum mark mark = right ? found[k].right : found[k].left;
        by_mark[mark]++;
        at_mark[mark] = k;
    }
    bool written = n_found == 1 && by_mark[MARK_NONE];
    bool one_ticked = by_mark[MARK_ON] == 1 && !by_mark[MARK_UNCLEAR];
    bool one_differs =
        !by_mark[MARK_ON] && !by_mark[MARK_NONE] && by_mark[MARK_UNCLEAR] == 1 && by_mark[MARK_OFF] > 0;
    if (!written && !one_ticked && !one_differs) return none;
    const struct found *at = &found[written ? 0 : at_mark[one_ticked ? MARK_ON : MARK_UNCLEAR]];
    int first = right || written ? at->first : at->left_from, end = right ? at->right_to : at->last + 1;
    return (struct choice_made){
        .choice = at->choice, .first = first, .n = end - first, .doubtful = one_differs || at->edits > 0};
}
