#include "llm-svc/values.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include "lib/auto.h"
#include "llm-svc/choices.h"
#include "llm-svc/owners.h"
#include "llm-svc/repair.h"
#include "llm-svc/schools.h"
#include "llm-svc/spell.h"
#include "llm-svc/tidy.h"

/* A value goes on in the next line when its first line comes this near the end of its column, and the next is
 * this near. */
#define FULL_LINE 0.70
#define LINE_STEP 1.9

/* Grades in words are at least this long, but for "one", "two", …, which hardly anybody writes. */
#define SPELLED 5
/* Recognition says this much of no word it read at once; of one it read again when all readings had it alike. */
#define AGREED 0.985
/* Where every word was read surer than this, none is taken for another. */
#define SURE 0.90
/* Two words of one field's value stand in one row, and no more than this many heights apart. */
#define ANOTHER_ROW 0.5
#define APART       3.0
/* Of a page's people so many are looked for in its addresses. */
#define NAMES_MAX 8

/* What a page's values are read with. */
struct context {
    const vocabulary_t *vocabulary;
    const lexicon_t *lexicon;
    const struct face *face;
    double page, shaky; /* of what was filled in: its mean confidence, the share that was not read surely */
    const char *const *names; /* folded, of the page's people as far as they are read; ended by NULL */
};

struct line {
    const int *words; /* indexes into page->words */
    int n;
    double label; /* how well its label was read; 1 for a named form field */
};

/* Leaves out words without a letter or digit at the ends of a line. */
static void trim_line(const struct page *page, struct line *line)
{
    while (line->n > 0 && !*page->words[line->words[0]].tight) line->words++, line->n--;
    while (line->n > 0 && !*page->words[line->words[line->n - 1]].tight) line->n--;
}

/* A grade that is none ("13th") is kept as it stands, so that the review can say so; of "3th" nothing is, since it may be one. */
static char *number_alone(const char *text)
{
    size_t n = strspn(text, "0123456789");
    bool number = n >= 1 && n <= 3 && strspn(text + n, " .thTHgradeGRADE") == strlen(text + n);
    return number && (!text[n] || atoi(text) > FORM_GRADE_MAX) ? strndup(text, n) : NULL;
}

/* Where a value comes from: recognised as soon as one of its words was, for the surer ones say nothing of it. */
static const char *source_of(const struct page *page, const struct line *line)
{
    enum word_source source = page->words[line->words[0]].source;
    for (int i = 1; i < line->n; i++)
        if (page->words[line->words[i]].source == WORD_OCR && *page->words[line->words[i]].tight) source = WORD_OCR;
    return source == WORD_FIELD ? "field" : source == WORD_TEXT ? "text" : "ocr";
}

/* Fills the evidence of a value from its words. */
static int add_evidence(const struct face *face, const struct line *line, struct value *value,
                        struct err *err)
{
    const struct page *page = face->page;
    value->words = calloc((size_t)line->n, sizeof *value->words);
    if (!value->words) return err_set(err, ERR_NOMEM, "evidence");
    double sum = 0, least = 1;
    for (int i = 0; i < line->n; i++) {
        const struct word *word = &page->words[line->words[i]];
        for (int k = 0; k < 4; k++) {
            bool wider = k < 2 ? word->raw_box[k] < value->box[k] : word->raw_box[k] > value->box[k];
            if (i == 0 || wider) value->box[k] = word->raw_box[k];
        }
        value->words[value->n_words++] = line->words[i];
        sum += word->confidence;
        if (*word->tight && word->confidence < least) least = word->confidence;
        value->signs.again += word->confidence >= AGREED;
    }
    value->page = page->number;
    value->source = source_of(page, line);
    value->signs.mean = sum / line->n;
    value->signs.least = least;
    return 0;
}

static struct value *append(struct values *values, struct err *err)
{
    struct value *grown = realloc(values->list, (size_t)(values->n + 1) * sizeof *grown);
    if (!grown) {
        err_set(err, ERR_NOMEM, "values of a page");
        return NULL;
    }
    values->list = grown;
    memset(&grown[values->n], 0, sizeof *grown);
    return &grown[values->n++];
}

/* A grade whose digit was read as a letter ("Sth"), or may have been ("1!"). */
static bool is_doubtful_grade(const char *text)
{
    size_t digits = strcspn(text, "0123456789"), word = strcspn(text, " ");
    if (!text[digits]) return word < SPELLED && isupper((unsigned char)text[0]) && text[1] && text[1] != ' ';
    digits += strspn(text + digits, "0123456789");
    return text[digits] && strchr("!lI][", text[digits]);
}

/* A recognised address is read with its signs put right also where it passes as it stands: ".con" is well-formed. */
static void read_address(const struct context *c, const struct form_field *field, const char *clean, char **text, bool *repaired,
                         struct err *why)
{
    const form_t *form = c->vocabulary->form;
    AUTO_FREE char *mended = repair_address(clean, c->names);
    AUTO_FREE char *plain = form_normalise(form, field, clean, why);
    if (mended) *text = form_normalise(form, field, mended, why);
    *repaired = *text && (!plain || strcmp(plain, *text) != 0);
    if (*text || !plain) return;
    *text = plain;
    plain = NULL;
}

/* What the text says by the field's rule, as it stands or with its misread signs put right.  *text NULL: it
 * is no value. */
static int read_value(const struct context *c, const struct form_field *field, const char *clean, bool recognised, char **text,
                      bool *repaired, struct err *err)
{
    struct err why = {0};
    const form_t *form = c->vocabulary->form;
    if (field->rule == FORM_EMAIL && recognised) {
        read_address(c, field, clean, text, repaired, &why);
        return !*text && why.kind == ERR_NOMEM ? err_set(err, ERR_NOMEM, "value") : 0;
    }
    AUTO_FREE char *mended = recognised ? repair_text(field->rule, clean) : NULL; /* a typed A is no 4, and a typed 20 no 2 */
    bool doubtful = recognised && field->rule == FORM_GRADE && is_doubtful_grade(clean);
    if (doubtful && mended) *text = form_normalise(form, field, mended, &why);
    if (!*text) *text = form_normalise(form, field, clean, &why);
    *repaired = *text && doubtful;
    if (!*text && mended) {
        *text = form_normalise(form, field, mended, &why);
        *repaired = *text != NULL;
    }
    if (!*text && why.kind == ERR_NOMEM) return err_set(err, ERR_NOMEM, "value");
    if (!*text && field->rule == FORM_GRADE) *text = number_alone(clean);
    return 0;
}

/* "12° grado" is no school: it slipped there from another line. */
static bool is_grade(const form_t *form, const char *text)
{
    for (int i = 0; i < form->n_fields; i++) {
        if (form->fields[i].rule != FORM_GRADE || !strpbrk(text, "0123456789")) continue;
        AUTO_FREE char *grade = form_normalise(form, &form->fields[i], text, NULL);
        if (grade) return true;
    }
    return false;
}

/* Adds what the words say when the field's rule takes it; else nothing: a value is not invented. */
static int accept(const struct context *c, const struct form_field *field, struct line line,
                  struct values *values, struct err *err)
{
    const struct page *page = c->face->page;
    trim_line(page, &line);
    AUTO_FREE char *raw = tidy_raw(page, line.words, line.n);
    AUTO_FREE char *clean = tidy_line(page, line.words, line.n, field->rule);
    if (!raw || !clean) return err_set(err, ERR_NOMEM, "value");
    if (!line.n || !*clean || field->rule == FORM_ESSAY) return 0;
    AUTO_FREE char *text = NULL;
    bool repaired = false;
    bool recognised = !strcmp(source_of(page, &line), "ocr");
    if (read_value(c, field, clean, recognised, &text, &repaired, err)) return -1;
    if (!text || (field->rule == FORM_SCHOOL && is_grade(c->vocabulary->form, text))) return 0;
    struct value *value = append(values, err);
    if (!value) return -1;
    *value = (struct value){.field = field, .text = text, .raw = raw};
    value->signs = (struct signs){.label = line.label, .page = c->page, .shaky = c->shaky, .repaired = repaired};
    text = raw = NULL;
    if (add_evidence(c->face, &line, value, err)) return -1;
    const struct spell_source source = {page, line.words, line.n};
    bool doubtful = !strcmp(value->source, "ocr") && value->signs.least < SURE;
    if (spell_text(c->lexicon, field->rule, &source, &value->text, &value->signs) ||
        schools_look_up(c->lexicon, doubtful, value))
        return err_set(err, ERR_NOMEM, "value");
    return 0;
}

/* The same for a field whose answers are printed and ticked. */
static int accept_choice(const struct context *c, const struct form_field *field, struct line line, struct values *values,
                         struct err *err)
{
    const struct page *page = c->face->page;
    struct choice_made made = choices_read(page, field, line.words, line.n);
    if (!made.choice) return 0;
    line.words += made.first;
    line.n = made.n;
    struct value *value = append(values, err);
    if (!value) return -1;
    value->field = field;
    value->text = strdup(made.choice->value);
    value->raw = tidy_raw(page, line.words, line.n);
    value->signs = (struct signs){.label = line.label, .page = c->page, .shaky = c->shaky, .repaired = made.doubtful};
    const struct spell_source source = {page, line.words, line.n};
    if (!value->text || !value->raw || spell_text(c->lexicon, field->rule, &source, &value->text, &value->signs))
        return err_set(err, ERR_NOMEM, "value");
    return add_evidence(c->face, &line, value, err);
}

/* The words of one row that label `label` owns in the way `how`, in order; returns how many. */
static int owned_in_row(const struct face *face, const struct owner *owners, int label, enum owned how, int r,
                        int *words)
{
    const struct row *row = &face->layout.rows[r];
    int n = 0;
    for (int i = 0; i < row->n; i++) {
        const struct owner *o = &owners[row->words[i]];
        if (o->label == label && o->how == how) words[n++] = row->words[i];
    }
    return n;
}

/* The words that a label of printed answers owns, row by row. */
static int collect_choices(const struct face *face, const struct owner *owners, int label, int *words)
{
    int n = 0;
    for (int r = 0; r < face->layout.n_rows; r++) {
        n += owned_in_row(face, owners, label, OWNED_BESIDE, r, words + n);
        n += owned_in_row(face, owners, label, OWNED_BELOW, r, words + n);
    }
    return n;
}

/* Is there more than specks and cell borders, which are read as one letter, and as digits, which no name has?  For a grade, one sign
 * may be all. */
static bool is_telling(const struct page *page, enum form_rule rule, const int *words, int n)
{
    size_t letters = 0;
    for (int i = 0; i < n; i++) {
        const char *tight = page->words[words[i]].tight;
        if (page->words[words[i]].source != WORD_OCR && *tight) return true;
        if (rule != FORM_NAME || tight[strspn(tight, "0123456789")]) letters += strlen(tight);
        if (rule == FORM_GRADE && (strpbrk(tight, "0123456789") || !strcmp(tight, "k"))) return true;
    }
    return letters > 1;
}

static bool may_wrap(const struct form_field *field)
{
    return field->rule == FORM_NAME || field->rule == FORM_SCHOOL || field->rule == FORM_TEXT;
}

/* Does a line end so near its column's end that the value may go on below? */
static bool is_full(const struct face *face, int label, const int *words, int n)
{
    double left = face->labels[label].box.x0, end = owners_column_end(face, label);
    if (end == face->page->width)
        end -= left < end / 2 ? left : 0; /* the margin on the right is as wide as that on the left */
    return face->page->words[words[n - 1]].box.x1 - left >= FULL_LINE * (end - left);
}

/* The words of a label's value in order: its line, or the first line below, and one more when it wraps. */
static int collect(const struct face *face, const struct owner *owners, int label, int *words)
{
    const struct label *of = &face->labels[label];
    int n = 0, at = of->row;
    /* A tall hand may have pushed the words beside a label into a row of their own, just above or below. */
    for (int r = of->row > 0 ? of->row - 1 : 0; r <= of->row + 1 && r < face->layout.n_rows; r++)
        n += owned_in_row(face, owners, label, OWNED_BESIDE, r, words + n);
    if (!is_telling(face->page, of->field->rule, words, n)) n = 0;
    for (int r = of->row + 1; r < face->layout.n_rows; r++) {
        int more = owned_in_row(face, owners, label, OWNED_BELOW, r, words + n);
        if (!is_telling(face->page, of->field->rule, words + n, more)) continue;
        if (!n) {
            n = more;
            at = r;
            continue;
        }
        double step = face->page->words[words[n]].box.y0 - face->page->words[words[n - 1]].box.y0;
        bool near = step <= LINE_STEP * box_height(&face->layout.rows[at].box);
        if (near && may_wrap(of->field) && is_full(face, label, words, n)) n += more;
        break;
    }
    return n;
}

/* Which answer a ticked box belongs to says its place, not its name. */
static bool is_box(const struct form_field *field, const struct word *word)
{
    return field->rule == FORM_CHOICE && (!*word->tight || !strcmp(word->tight, "x"));
}

/* Is word `b` not simply the next of what word `a` stands in? */
static bool stands_apart(const struct page *page, int a, int b)
{
    const struct box *x = &page->words[a].box, *y = &page->words[b].box;
    return box_overlap_y(x, y) < ANOTHER_ROW || y->x0 - x->x1 > APART * box_height(x);
}

/* A field of a PDF may stand on a page several times, and says the same everywhere.  How many words it says: the n words are all of them. */
static int words_once(const struct page *page, const int *words, int n)
{
    for (int part = 1; part <= n / 2; part++) {
        bool same = n % part == 0 && stands_apart(page, words[part - 1], words[part]);
        for (int i = part; i < n && same; i++) same = !strcmp(page->words[words[i]].text, page->words[words[i - part]].text);
        if (same) return part;
    }
    return n;
}

/* Values of PDF form fields whose names say which field they are; their words are nobody else's afterwards.
 */
static int read_named(const struct context *c, struct owner *owners, int *words, struct values *values,
                      struct err *err)
{
    const struct page *page = c->face->page;
    for (int w = 0; w < page->n_words; w++) {
        const char *name = page->words[w].field;
        const struct form_field *field =
            name && owners[w].how != OWNED_NAMED ? vocabulary_field_named(c->vocabulary, name) : NULL;
        if (!field || is_box(field, &page->words[w])) continue;
        struct line line = {.words = words, .label = 1};
        for (int i = w; i < page->n_words; i++) {
            if (!page->words[i].field || strcmp(page->words[i].field, name)) continue;
            owners[i] = (struct owner){.label = -1, .how = OWNED_NAMED};
            words[line.n++] = i;
        }
        line.n = words_once(page, words, line.n);
        if (accept(c, field, line, values, err)) return -1;
    }
    return 0;
}

static void weigh_answers(const struct face *face, double *mean, double *shaky)
{
    double sum = 0;
    int n = 0, unsure = 0;
    for (int w = 0; w < face->page->n_words; w++) {
        if (face->role[w] != ROLE_FREE || !*face->page->words[w].tight) continue;
        sum += face->page->words[w].confidence;
        unsure += face->page->words[w].confidence < SURE;
        n++;
    }
    *mean = n ? sum / n : 0;
    *shaky = n ? (double)unsure / n : 0;
}

/* The names that were read, folded: what an address may hold. */
static int gather_names(const struct values *values, char **names)
{
    int n = 0;
    for (int i = 0; i < values->n && n < NAMES_MAX; i++) {
        if (values->list[i].field->rule != FORM_NAME) continue;
        names[n] = form_fold(values->list[i].text);
        if (!names[n++]) return -1;
    }
    return 0;
}

/* The values of the labels whose fields are addresses, or of all others. */
static int read_labelled(const struct context *c, const struct owner *owners, bool addresses, int *words, struct values *values, int *refused,
                         struct err *err)
{
    const struct face *face = c->face;
    for (int i = 0; i < face->n_labels; i++) {
        const struct form_field *field = face->labels[i].field;
        struct line line = {.words = words, .label = face->labels[i].quality};
        bool printed = field->rule == FORM_CHOICE;
        if ((field->rule == FORM_EMAIL) != addresses) continue;
        line.n = printed ? collect_choices(face, owners, i, words) : collect(face, owners, i, words);
        int before = values->n;
        if (line.n && (printed ? accept_choice : accept)(c, field, line, values, err)) return -1;
        *refused += line.n && values->n == before && field->rule != FORM_ESSAY && !printed;
    }
    return 0;
}

int values_read(const vocabulary_t *vocabulary, const lexicon_t *lexicon, const struct face *face,
                struct values *values, struct err *err)
{
    char *names[NAMES_MAX + 1] = {0};
    struct context c = {.vocabulary = vocabulary, .lexicon = lexicon, .face = face, .names = (const char *const *)names};
    weigh_answers(face, &c.page, &c.shaky);
    size_t n = face->page->n_words > 0 ? (size_t)face->page->n_words : 1;
    AUTO_FREE struct owner *owners = calloc(n, sizeof *owners);
    AUTO_FREE int *words = calloc(n, sizeof *words);
    if (!owners || !words) return err_set(err, ERR_NOMEM, "values of a page");
    owners_find(face, owners);
    int refused = 0, rc = read_named(&c, owners, words, values, err);
    if (!rc) rc = read_labelled(&c, owners, false, words, values, &refused, err);
    if (!rc && gather_names(values, names)) rc = err_set(err, ERR_NOMEM, "names of a page");
    if (!rc) rc = read_labelled(&c, owners, true, words, values, &refused, err);
    for (int i = 0; names[i]; i++) free(names[i]);
    for (int i = 0; i < values->n; i++) values->list[i].signs.refused = refused;
    return rc;
}

void values_done(struct values *values)
{
    for (int i = 0; i < values->n; i++) value_done(&values->list[i]);
    free(values->list);
    memset(values, 0, sizeof *values);
}
