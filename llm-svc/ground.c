#include "llm-svc/ground.h"

#include <stdlib.h>
#include <string.h>
#include "lib/auto.h"
#include "lib/buf.h"

#define RUN_MAX     16  /* words of a value */
#define SHORT_QUOTE 6   /* letters: a shorter one must be whole words, or "5" stands in every "150" */
#define AS_READ     0.9 /* of the words' confidence: a model chose them */
#define CORRECTED   0.75
#define UNLABELLED  0.85 /* no label of the form says what the words are */

/* The letters of a page one after the other, and the word that each belongs to. */
struct letters {
    char *text;
    int *word;
    int n;
};

static void letters_done(struct letters *l)
{
    free(l->text);
    free(l->word);
}

static int letters_of(const struct page *page, struct letters *l)
{
    size_t n = 0;
    for (int i = 0; i < page->n_words; i++) n += strlen(page->words[i].tight);
    l->text = malloc(n + 1);
    l->word = malloc((n + 1) * sizeof *l->word);
    if (!l->text || !l->word) return -1;
    for (int i = 0; i < page->n_words; i++)
        for (const char *c = page->words[i].tight; *c; c++) {
            l->text[l->n] = *c;
            l->word[l->n++] = i;
        }
    l->text[n] = '\0';
    return 0;
}

static bool is_whole_words(const struct letters *l, int from, int to)
{
    return (from == 0 || l->word[from - 1] != l->word[from]) && (to == l->n || l->word[to] != l->word[to - 1]);
}

static bool may_be_value(const struct face *face, int word)
{
    return *face->page->words[word].tight && !face_is_essay_word(face, word) && face->role[word] == ROLE_FREE;
}

struct run {
    int first, last; /* words, both included */
    char *text;      /* as it stands there; the caller's */
    char *normal;    /* by the form's rule; the caller's */
    double factor;
};

static void run_done(struct run *run)
{
    free(run->text);
    free(run->normal);
    *run = (struct run){0};
}

static char *join_words(const struct page *page, int first, int last)
{
    struct buf text = BUF_INIT;
    for (int i = first; i <= last; i++) buf_printf(&text, "%s%s", i > first ? " " : "", page->words[i].text);
    return buf_take(&text, NULL);
}

/* Does what stands there say the value, letter by letter or but for what recognition misread? 0 when it does not. */
static double says(const struct form_field *field, const char *normal, const char *value)
{
    if (strcmp(normal, value) == 0) return AS_READ;
    if (field->rule == FORM_GRADE || field->rule == FORM_PHONE || field->rule == FORM_EMAIL) return 0;
    AUTO_FREE char *a = form_letters(normal);
    AUTO_FREE char *b = form_letters(value);
    if (!a || !b) return 0;
    if (strcmp(a, b) == 0) return AS_READ;
    int n = (int)strlen(a), m = (int)strlen(b), most = edits_allowed(n < m ? n : m);
    if (n > PHRASE_MAX || m > PHRASE_MAX || most < 1) return 0;
    return edit_distance(a, n, b, m, most) <= most ? CORRECTED : 0;
}

static bool run_is_free(const struct face *face, int first, int last)
{
    for (int i = first; i <= last; i++)
        if (!may_be_value(face, i)) return false;
    return true;
}

/* The best run of words between `first` and `last` that gives `value`; run.factor 0 when there is none. */
static void find_run(const form_t *form, const struct face *face, const struct claim *c, const char *value, int first, int last,
                     struct run *best)
{
    for (int from = first; from <= last; from++) {
        for (int to = from; to <= last && to - from < RUN_MAX; to++) {
            if (!run_is_free(face, from, to)) break;
            struct run run = {.first = from, .last = to, .text = join_words(face->page, from, to)};
            run.normal = run.text ? form_normalise(form, c->field, run.text, NULL) : NULL;
            run.factor = run.normal ? says(c->field, run.normal, value) : 0;
            bool better = run.factor > best->factor ||
                          (run.factor > 0 && run.factor >= best->factor && to - from < best->last - best->first);
            if (better) {
                run_done(best);
                *best = run;
            } else {
                run_done(&run);
            }
        }
    }
}

/* Where the quote stands, and in it the value. */
static int find_on_page(const form_t *form, const struct face *face, const struct claim *c, const char *quote, const char *value,
                        struct run *best)
{
    AUTO(letters_done) struct letters l = {0};
    size_t len = strlen(quote);
    if (letters_of(face->page, &l) == -1) return -1;
    for (const char *at = l.text; best->factor < AS_READ && (at = strstr(at, quote)); at++) {
        int from = (int)(at - l.text), to = from + (int)len;
        if (len < SHORT_QUOTE && !is_whole_words(&l, from, to)) continue;
        find_run(form, face, c, value, l.word[from], l.word[to - 1], best);
    }
    return 0;
}

static int take_evidence(const struct face *face, const struct claim *c, const char *value, struct run *run, struct value *out)
{
    const struct page *page = face->page;
    const struct word *first = &page->words[run->first];
    struct box box = {first->raw_box[0], first->raw_box[1], first->raw_box[2], first->raw_box[3]};
    double sum = 0;
    *out = (struct value){.field = c->field, .page = page->number, .n_words = run->last - run->first + 1};
    out->words = calloc((size_t)out->n_words, sizeof *out->words);
    out->text = run->factor < AS_READ ? strdup(value) : run->normal;
    if (run->factor >= AS_READ) run->normal = NULL;
    out->raw = run->text;
    run->text = NULL;
    for (int i = 0; out->words && i < out->n_words; i++) {
        const struct word *w = &page->words[run->first + i];
        box_join(&box, &(struct box){w->raw_box[0], w->raw_box[1], w->raw_box[2], w->raw_box[3]});
        out->words[i] = run->first + i;
        sum += w->confidence;
    }
    out->box[0] = (int)box.x0, out->box[1] = (int)box.y0, out->box[2] = (int)box.x1, out->box[3] = (int)box.y1;
    out->source = first->source == WORD_FIELD ? "field" : first->source == WORD_TEXT ? "text" : "ocr";
    out->confidence = sum / out->n_words * run->factor * (face->n_labels ? 1 : UNLABELLED);
    return out->words && out->text ? 1 : -1;
}

int ground_claim(const form_t *form, const struct face *faces, int n_faces, const struct claim *c, struct value *value,
                 struct err *err)
{
    AUTO_FREE char *wanted = form_normalise(form, c->field, c->value, NULL);
    AUTO_FREE char *quote = form_letters(c->quote && *c->quote ? c->quote : c->value);
    int rc = 0;
    if (!wanted || !quote || !*quote) return 0; /* the form's rule refuses it */
    for (int turn = 0; turn < 2 && rc == 0; turn++) { /* the page that was named, then the others */
        for (int i = 0; i < n_faces && rc == 0; i++) {
            AUTO(run_done) struct run run = {0};
            if ((faces[i].page->number == c->page) != (turn == 0)) continue;
            if (find_on_page(form, &faces[i], c, quote, wanted, &run) == -1)
                rc = -1;
            else if (run.factor > 0)
                rc = take_evidence(&faces[i], c, wanted, &run, value);
        }
    }
    return rc == -1 ? err_set(err, ERR_NOMEM, "evidence") : rc;
}
