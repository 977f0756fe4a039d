/* A label belongs to the words that follow it in its row as far as the next label, else to those right below it.  So each word that is
 * nobody's print is asked whose answer it is, and a label that no word names is open. */
#include "ocr-svc/answered.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Distances are in heights of the higher of two words. */
#define APART 1.5 /* a gap in a row behind which another text begins */
#define BELOW 2.5 /* an answer stands at most so far under its label */
#define REACH 1.0 /* … and may begin so far before it */
/* A heading with fewer words below it has instructions, or nothing. */
#define ESSAY_WORDS 40
/* Prose: so many words a row, over so much of the page's height. */
#define ROW_WORDS 6
#define PROSE     0.5
/* More is no form and no essay, and would take long. */
#define WORDS_MAX 3000

enum role { FILLED_IN, SIGN, PRINT, LABEL };

struct piece {
    const struct word_record *at;
    char *letters; /* folded, without spaces */
    enum role role;
    /* of a label's first word, whose place is the whole label's */
    const struct form_field *field;
    struct word_record place;
    int answers;
};

struct face {
    const vocabulary_t *vocabulary;
    const char *texts;
    struct piece *pieces;
    int n;
};

static double high(const struct word_record *a, const struct word_record *b)
{
    return fmax(1, fmax(a->bottom - a->top, b->bottom - b->top));
}

static bool level(const struct word_record *a, const struct word_record *b)
{
    double shared = fmin(a->bottom, b->bottom) - fmax(a->top, b->top);
    return shared > 0.5 * fmin(a->bottom - a->top, b->bottom - b->top);
}

static bool follows(const struct word_record *a, const struct word_record *b)
{
    double gap = b->left - a->right;
    return level(a, b) && gap > -0.5 * high(a, b) && gap < APART * high(a, b);
}

static bool is_below(const struct word_record *label, const struct word_record *w)
{
    double h = high(label, w);
    return w->top > label->bottom - 0.5 * h && w->top < label->bottom + BELOW * h && w->right > label->left - REACH * h;
}

/* ---- what is print ------------------------------------------------------------------------------- */

/* The last word of `phrase` when it begins with word i; -1: it does not. */
static int last_word_of(const struct face *f, int i, const struct phrase *phrase)
{
    int len = 0;
    for (int k = i; k < f->n && (k == i || follows(f->pieces[k - 1].at, f->pieces[k].at)); k++) {
        const char *letters = f->pieces[k].letters;
        int more = (int)strlen(letters);
        if (len + more > phrase->len || strncmp(phrase->text + len, letters, (size_t)more) != 0) return -1;
        len += more;
        if (len == phrase->len) return k;
    }
    return -1;
}

static bool ends_with_colon(const struct face *f, int i)
{
    const char *text = f->texts + f->pieces[i].at->text;
    size_t len = strlen(text);
    return len && text[len - 1] == ':';
}

/* Where a printed text may begin: not within a sentence, unless its colon says what it is. */
static bool begins(const struct face *f, int i)
{
    const struct piece *before = &f->pieces[i - (i > 0)];
    return i == 0 || before->role != FILLED_IN || !follows(before->at, f->pieces[i].at);
}

static void widen(struct word_record *place, const struct word_record *by)
{
    place->left = fminf(place->left, by->left);
    place->top = fminf(place->top, by->top);
    place->right = fmaxf(place->right, by->right);
    place->bottom = fmaxf(place->bottom, by->bottom);
}

/* Marks the longest of the form's texts that begins with word i; returns its last word, or i. */
static int mark(struct face *f, int i)
{
    const struct phrase *best = NULL;
    const bool at_start = begins(f, i);
    int last = i;
    for (int p = 0; p < f->vocabulary->n; p++) {
        const struct phrase *phrase = &f->vocabulary->phrases[p];
        if (best && phrase->len <= best->len) continue;
        int end = last_word_of(f, i, phrase);
        if (end >= 0 && (at_start || (phrase->kind == PHRASE_LABEL && ends_with_colon(f, end)))) best = phrase, last = end;
    }
    if (!best) return i;
    struct piece *first = &f->pieces[i];
    first->place = *first->at;
    for (int k = i; k <= last; k++) {
        f->pieces[k].role = PRINT;
        widen(&first->place, f->pieces[k].at);
    }
    if (best->kind == PHRASE_LABEL) {
        first->role = LABEL;
        first->field = best->field;
    }
    return last;
}

/* "Grade / Grado": two labels of one field with nothing but signs between are one. */
static void join_languages(struct face *f)
{
    for (int i = 0; i < f->n; i++) {
        struct piece *a = &f->pieces[i];
        int k = i + 1;
        if (a->role != LABEL) continue;
        while (k < f->n && (f->pieces[k].role == SIGN || f->pieces[k].role == PRINT)) k++;
        if (k == f->n || f->pieces[k].role != LABEL || f->pieces[k].field != a->field || !level(&a->place, &f->pieces[k].place)) continue;
        struct piece *b = &f->pieces[k];
        widen(&b->place, &a->place);
        a->role = PRINT;
    }
}

static void find_print(struct face *f)
{
    for (int i = 0; i < f->n; i++)
        if (f->pieces[i].role == FILLED_IN && !f->pieces[i].at->is_field && !f->pieces[i].at->is_note) i = mark(f, i);
    join_languages(f);
}

/* ---- whose answer -------------------------------------------------------------------------------- */

/* The nearest label before a word in its row. */
static struct piece *label_beside(const struct face *f, const struct word_record *w)
{
    struct piece *best = NULL;
    for (int i = 0; i < f->n; i++) {
        struct piece *l = &f->pieces[i];
        if (l->role == LABEL && level(&l->place, w) && l->place.left < w->left && (!best || l->place.left > best->place.left)) best = l;
    }
    return best;
}

/* The label that it stands under: the lowest; of those side by side, the last that begins before it. */
static struct piece *label_above(const struct face *f, const struct word_record *w)
{
    struct piece *best = NULL;
    for (int i = 0; i < f->n; i++) {
        struct piece *l = &f->pieces[i];
        if (l->role != LABEL || !is_below(&l->place, w) || l->place.left - REACH * high(&l->place, w) > w->left) continue;
        bool lower = best && !level(&best->place, &l->place) && l->place.top > best->place.top;
        bool nearer = best && level(&best->place, &l->place) && l->place.left > best->place.left;
        if (!best || lower || nearer) best = l;
    }
    return best;
}

/* A label of the same question further down is that question in the other language, and counts as its answers do. */
static void count_answers(struct face *f)
{
    for (int i = 0; i < f->n; i++) {
        const struct piece *w = &f->pieces[i];
        struct piece *label = NULL;
        if (w->role == FILLED_IN) label = label_beside(f, w->at);
        if (!label && (w->role == FILLED_IN || w->role == LABEL)) label = label_above(f, w->role == LABEL ? &w->place : w->at);
        if (label && (w->role == FILLED_IN || label->field == w->field)) label->answers++;
    }
}

static int words_below(const struct face *f, const struct word_record *heading)
{
    int n = 0;
    for (int i = 0; i < f->n; i++) n += f->pieces[i].role == FILLED_IN && f->pieces[i].at->top > (heading->top + heading->bottom) / 2;
    return n;
}

static bool is_open(const struct face *f, const struct piece *label)
{
    return label->field->rule == FORM_ESSAY ? words_below(f, &label->place) < ESSAY_WORDS : label->answers == 0;
}

/* A page of an essay, from about its top to its bottom. */
static bool is_prose(const struct face *f, double page_height)
{
    int rows = 0;
    float top = INFINITY, bottom = 0;
    for (int i = 0; i < f->n; i++) {
        const struct word_record *w = f->pieces[i].at;
        rows += i == 0 || !level(f->pieces[i - 1].at, w);
        top = fminf(top, w->top);
        bottom = fmaxf(bottom, w->bottom);
    }
    return rows && f->n >= ROW_WORDS * rows && bottom - top >= PROSE * page_height;
}

static bool says_all(const struct face *f, double page_height)
{
    int labels = 0;
    for (int i = 0; i < f->n; i++) {
        if (f->pieces[i].role != LABEL) continue;
        labels++;
        if (is_open(f, &f->pieces[i])) return false;
    }
    return labels || is_prose(f, page_height);
}

/* ---- the whole ----------------------------------------------------------------------------------- */

static int read_pieces(struct face *f, const struct decode_words *words)
{
    for (; f->n < (int)words->head->n; f->n++) {
        struct piece *p = &f->pieces[f->n];
        const struct word_record *w = &words->words[f->n];
        *p = (struct piece){.at = w, .letters = form_letters(words->texts + w->text)};
        if (!p->letters) return -1;
        if (!*p->letters && !w->is_field && !w->is_note) p->role = SIGN;
    }
    return 0;
}

bool answered_by_text(const vocabulary_t *vocabulary, const struct decode_words *words)
{
    struct face f = {.vocabulary = vocabulary, .texts = words->texts};
    bool all = false;
    if (words->head->turn || words->head->n > WORDS_MAX) return false;
    f.pieces = calloc(words->head->n + 1, sizeof *f.pieces);
    if (f.pieces && read_pieces(&f, words) == 0) {
        find_print(&f);
        count_answers(&f);
        all = says_all(&f, words->head->height_pt);
    }
    for (int i = 0; f.pieces && i < (int)words->head->n; i++) free(f.pieces[i].letters);
    free(f.pieces);
    return all;
}
