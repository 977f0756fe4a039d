#include "llm-svc/labels.h"

#include <string.h>

/* Words further apart than this many heights do not belong to one printed text. */
#define WIDE_GAP 2.0
/* A gap that shows where a label ends and what was filled in begins, when there is no colon. */
#define VALUE_GAP 0.9
/* The least gap before a question that follows an answer on its line, by its colon alone. */
#define WITHIN_GAP 0.25
/* A label of so many letters that ends in a colon may have one more of them wrong: "Phorie:". */
#define COLON_LETTERS 5
/* Printed words that may follow a label after a slash before its colon: the other language, read badly. */
#define OTHER_HALF_MAX 7
/* Shorter words with a stop are abbreviations ("Tel."), whatever the form's labels end in. */
#define MIN_STOPPED 4
/* Titles stand in the upper part, in a short row. */
#define TITLE_PART  0.34
#define TITLE_WORDS 14

struct match {
    const struct phrase *phrase;
    int last; /* position of its last word in the row */
    int edits;
};

static const struct word *word_at(const struct face *face, const struct row *row, int i)
{
    return &face->page->words[row->words[i]];
}

/* Space before word i, in heights of the higher of the two words. */
static double gap_before(const struct face *face, const struct row *row, int i)
{
    const struct box *a = &word_at(face, row, i - 1)->box, *b = &word_at(face, row, i)->box;
    double high = box_height(a) > box_height(b) ? box_height(a) : box_height(b);
    return (b->x0 - a->x1) / (high > 1 ? high : 1);
}

static char last_char(const char *text)
{
    size_t len = strlen(text);
    return len ? text[len - 1] : '\0';
}

/* Recognition takes a colon for a semicolon at times. */
static bool ends_with_colon(const struct word *word)
{
    size_t len = strlen(word->text);
    return last_char(word->text) == ':' || last_char(word->text) == ';' ||
           (len >= 3 && !strcmp(word->text + len - 3, "\xEF\xBC\x9A"));
}

/* A speck more or less makes a stop, a comma or an exclamation mark of a colon: "Student. Ana" on a form whose labels end in
 * colons. */
static bool ends_label(const struct face *face, const struct word *word)
{
    size_t len = strlen(word->text);
    return ends_with_colon(word) ||
           (face->colons && len > MIN_STOPPED && strchr(".,!", last_char(word->text)));
}

/* The slash between two languages, also as recognition misreads it. */
static bool is_slash(const struct word *word)
{
    const char *t = word->text;
    return strlen(t) == 1 && strchr("/|\\Il1!", *t);
}

static bool is_better(const struct match *a, const struct match *b)
{
    return !b->phrase || a->phrase->len - 2 * a->edits > b->phrase->len - 2 * b->edits;
}

/* "3" or "12°": an answer's number, never a word of a label. */
static bool is_number(const struct word *word)
{
    return *word->tight && strspn(word->tight, "0123456789") == strlen(word->tight);
}

/* The best phrase of the wanted kinds (and field, when given) that begins with word i of the row. */
static struct match match_at(const vocabulary_t *v, const struct face *face, const struct row *row, int i,
                             unsigned kinds, const struct form_field *field)
{
    struct match best = {0};
    char letters[PHRASE_MAX + 1];
    int len = 0;
    for (int last = i; last < row->n; last++) {
        const struct word *word = word_at(face, row, last);
        int more = (int)strlen(word->tight);
        bool apart = last > i && gap_before(face, row, last) > WIDE_GAP;
        if (apart || len + more > PHRASE_MAX || word->source == WORD_FIELD) break;
        if (kinds == 1u << PHRASE_LABEL && is_number(word)) break;
        memcpy(letters + len, word->tight, (size_t)more);
        len += more;
        if (!more) continue;
        for (int p = 0; p < v->n; p++) {
            const struct phrase *phrase = &v->phrases[p];
            if (!(kinds & 1u << phrase->kind) || (field && phrase->field != field)) continue;
            int most = edits_allowed(phrase->len) + (ends_with_colon(word) && phrase->len >= COLON_LETTERS);
            struct match m = {phrase, last, edit_distance(letters, len, phrase->text, phrase->len, most)};
            if (m.edits <= most && is_better(&m, &best)) best = m;
        }
    }
    return best;
}

static void mark(struct face *face, const struct row *row, int first, int last, enum word_role role)
{
    for (int i = first; i <= last; i++) face->role[row->words[i]] = (unsigned char)role;
}

/* Nothing but specks and bullets ("- School:") stands before word i in its part of the row; a speck may have
 * been read as a letter or digit of its own. */
static bool begins_segment(const struct face *face, const struct row *row, int i)
{
    while (i > 0 && gap_before(face, row, i) <= WIDE_GAP) {
        if (strlen(word_at(face, row, --i)->tight) > 1) return false;
    }
    return true;
}

/* Not even that. */
static bool begins_purely(const struct face *face, const struct row *row, int i)
{
    while (i > 0 && gap_before(face, row, i) <= WIDE_GAP)
        if (*word_at(face, row, --i)->tight) return false;
    return true;
}

static int segment_start(const struct face *face, const struct row *row, int i)
{
    while (i > 0 && gap_before(face, row, i) <= WIDE_GAP) i--;
    return i;
}

static int segment_end(const struct face *face, const struct row *row, int i)
{
    while (i + 1 < row->n && gap_before(face, row, i + 1) <= WIDE_GAP) i++;
    return i;
}

void labels_mark_print(const vocabulary_t *v, struct face *face, int r)
{
    const struct row *row = &face->layout.rows[r];
    double top = row->box.y0 / face->page->height;
    bool title_row = top < TITLE_PART && row->n <= TITLE_WORDS;
    for (int i = 0; i < row->n; i++) {
        bool start = begins_segment(face, row, i) || is_slash(word_at(face, row, i - 1)) ||
                     strchr(".:/", last_char(word_at(face, row, i - 1)->text));
        if (face->role[row->words[i]] != ROLE_FREE || !(start || title_row)) continue;
        struct match m = match_at(
            v, face, row, i, (title_row ? 1u << PHRASE_TITLE : 0u) | (start ? 1u << PHRASE_NOTE : 0u), NULL);
        if (!m.phrase) continue;
        if (m.phrase->kind == PHRASE_NOTE) {
            mark(face, row, i, m.last, ROLE_NOTE);
        } else {
            /* "Riverside 2031 Essay Contest" is a title as a whole. */
            mark(face, row, segment_start(face, row, i), segment_end(face, row, m.last), ROLE_TITLE);
            if (top < face->title_y) face->title_y = top;
        }
        i = m.last;
    }
}

/* In a narrow form a question may follow the answer before it without a gap: "Grade: Grade 1 Teacher: …".  There its colon
 * and each of its letters must be as printed, and nothing but an answer may stand before it. */
static bool begins_within(const vocabulary_t *v, const struct face *face, const struct row *row, int i)
{
    if (!face->colons || i < 2 || gap_before(face, row, i) < WITHIN_GAP || face->role[row->words[i - 1]] != ROLE_FREE) return false;
    int before = i - 1;
    while (before > 0 && face->role[row->words[before]] == ROLE_FREE) before--;
    struct match m = match_at(v, face, row, i, 1u << PHRASE_LABEL, NULL);
    return face->role[row->words[before]] == ROLE_LABEL && m.phrase && !m.edits && m.phrase->field->rule != FORM_ESSAY &&
           ends_with_colon(word_at(face, row, m.last));
}

/* Directly behind another label, but for the border between their cells. */
static bool follows_label(const struct face *face, const struct row *row, int i)
{
    if (i > 1 && !strcmp(word_at(face, row, i - 1)->text, "|")) i--;
    return i > 0 && face->role[row->words[i - 1]] == ROLE_LABEL;
}

/* Extends a label over its other half ("Name / Nombre", "Grade (K-12):") and its colon; returns its last
 * word. */
static int extend(const vocabulary_t *v, const struct face *face, const struct row *row, int last,
                  const struct form_field *field)
{
    for (;;) {
        if (ends_label(face, word_at(face, row, last)) || last + 1 >= row->n ||
            gap_before(face, row, last + 1) > WIDE_GAP)
            return last;
        const struct word *next = word_at(face, row, last + 1);
        if (!*next->tight && ends_with_colon(next)) return last + 1;
        bool slash = is_slash(next) || last_char(word_at(face, row, last)->text) == '/';
        int from = is_slash(next) ? last + 2 : last + 1;
        /* "Nombre del Colegio   Colegio Lago": what was filled in begins like the question, at times behind a cell's border. */
        int begun = last + 1;
        while (!slash && begun + 1 < row->n && !*word_at(face, row, begun)->tight) begun++;
        if (!slash && !strcmp(word_at(face, row, begun)->tight, word_at(face, row, last)->tight)) return last;
        struct match m =
            from < row->n ? match_at(v, face, row, from, 1u << PHRASE_LABEL, field) : (struct match){0};
        if (m.phrase) {
            last = m.last;
            continue;
        }
        /* A cell's border looks like a slash: behind it begins the next question. */
        if (slash && from < row->n && match_at(v, face, row, from, 1u << PHRASE_LABEL, NULL).phrase) return last;
        /* What stands between a slash or a bracket and the next colon or bracket is printed too. */
        bool bracket = next->text[0] == '(';
        int end = -1;
        for (int i = from; (slash || bracket) && i < row->n && i < from + OTHER_HALF_MAX; i++) {
            const char *text = word_at(face, row, i)->text;
            if (i > from && gap_before(face, row, i) > WIDE_GAP) break;
            if (ends_with_colon(word_at(face, row, i)) || (bracket && last_char(text) == ')')) {
                end = i;
                break;
            }
        }
        if (end < 0) return last;
        last = end;
    }
}

/* Does a short label look like one?  "School: …", "School / Escuela", or a word by itself; not "school play".
 */
static bool stands_out(const struct face *face, const struct row *row, int last)
{
    const struct word *word = word_at(face, row, last);
    if (ends_label(face, word) || last_char(word->text) == '/' || last + 1 == row->n)
        return ends_label(face, word) || last_char(word->text) != '.';
    const struct word *next = word_at(face, row, last + 1);
    return next->text[0] == '/' || next->source == WORD_FIELD || gap_before(face, row, last + 1) > VALUE_GAP;
}

/* An answer may repeat its label ("5° grado" below "Grado", "Escuela Rosa" below "Escuela"): a label that the
 * page has already is one again only where it stands alone and is printed well. */
static bool is_answer(const struct face *face, const struct row *row, int first, int last,
                      const struct match *m)
{
    if (ends_with_colon(word_at(face, row, last))) return false;
    bool again = false;
    for (int i = 0; i < face->n_labels; i++) again = again || face->labels[i].field == m->phrase->field;
    if (!again) return false;
    bool alone = last + 1 == row->n || gap_before(face, row, last + 1) > WIDE_GAP;
    return !alone || m->edits > 0 || !begins_purely(face, row, first);
}

static void append(struct face *face, const struct row *row, int r, int first, const struct match *m,
                   int last)
{
    struct label *label = &face->labels[face->n_labels++];
    *label = (struct label){.field = m->phrase->field,
                            .row = r,
                            .first = first,
                            .last = last,
                            .box = word_at(face, row, first)->box,
                            .quality = 1 - (double)m->edits / m->phrase->len,
                            .colon = ends_with_colon(word_at(face, row, last))};
    for (int i = first; i <= last; i++) box_join(&label->box, &word_at(face, row, i)->box);
    /* Recognition at times gives a label's last word a box that holds the answer as well. */
    const struct box *next = last + 1 < row->n ? &word_at(face, row, last + 1)->box : NULL;
    if (next && next->x0 < label->box.x1 && next->x0 > word_at(face, row, last)->box.x0)
        label->box.x1 = next->x0;
    mark(face, row, first, last, ROLE_LABEL);
}

void labels_read_row(const vocabulary_t *v, struct face *face, int r)
{
    const struct row *row = &face->layout.rows[r];
    for (int i = 0; i < row->n; i++) {
        bool after = follows_label(face, row, i);
        bool start = after || begins_segment(face, row, i) || begins_within(v, face, row, i);
        if (!start || face->role[row->words[i]] != ROLE_FREE || !*word_at(face, row, i)->tight) continue;
        struct match m = match_at(v, face, row, i, 1u << PHRASE_LABEL, NULL);
        if (!m.phrase) continue;
        int last = extend(v, face, row, m.last, m.phrase->field);
        bool telling =
            m.phrase->telling && m.phrase->field->rule != FORM_ESSAY; /* a heading stands by itself */
        if (!telling && last == m.last && !stands_out(face, row, last)) continue;
        bool stopped =
            !ends_with_colon(word_at(face, row, last)) && ends_label(face, word_at(face, row, last));
        if (stopped && m.edits > 0) continue;
        if (!ends_label(face, word_at(face, row, last)) && !after && !begins_purely(face, row, i)) continue;
        if (is_answer(face, row, i, last, &m)) continue;
        append(face, row, r, i, &m, last);
        i = last;
    }
}
