/* What is doubtful is read again, in pieces.
 *
 * A page is read as a whole by networks that know print, and once more by the one for handwriting where that went badly.  Neighbouring words of a line that came out
 * doubtful, mostly an answer by hand, are cut out and read several times, until three readings agree: by the network
 * for handwriting at full contrast, black on white, wider and leaning, and once more by those for print.  All readings
 * vote letter by letter (vote.c); how far they agree becomes the confidence, which says more than any network's own
 * figure does. */
#include <stdlib.h>
#include <string.h>
#include "lib/auto.h"
#include "lib/utf8.h"
#include "ocr-svc/providers/tesseract.h"
#include "ocr-svc/triage.h"
#include "ocr-svc/vote.h"

/* Gaps in heights of a word: between words of an answer, and between parts of one word. */
#define APART    1.5
#define TOGETHER 0.2
#define MARGIN   4 /* pixels around a piece, as Tesseract has them around a line */
/* Every reading is heard a little, a sure one more. */
#define HEARD 0.2
/* On a page that was read well, which is mostly print, the network for handwriting weighs less. */
#define ON_PRINT 0.5
/* All readings may agree and be wrong. */
#define SUREST     0.99
#define WAYS       5
/* For all pieces of a page (triage.h). A page of handwriting costs up to 2,100. */
#define BUDGET 6000.0
/* So many readings that say the same settle a piece: where three agree, the others change one in a hundred. */
#define ENOUGH 3
#define WORD_BYTES 256
/* Shares of a piece's pixels that are darker than its ink at most, than its paper at least; between them lie so
 * many levels of grey at least where there is ink at all. */
#define INK_RANK       0.02f
#define PAPER_RANK     0.5f
#define LEAST_CONTRAST 20

/* Neighbouring words of a line. */
struct piece {
    size_t from, to;
};

static bool is_doubtful(const struct page_word *w)
{
    return w->confidence < WORD_DOUBTFUL;
}

/* Do two words of one line, `b` behind `a`, belong to one piece?  Answers that stand side by side do not;
 * parts of a word do, however sure. */
static bool belong(const struct page_word *a, const struct page_word *b, double aspect)
{
    if (a->line != b->line) return false;
    int high = a->box.bottom - a->box.top, other = b->box.bottom - b->box.top;
    double gap = (b->box.left - a->box.right) * aspect, height = high > other ? high : other;
    return gap < (is_doubtful(a) && is_doubtful(b) ? APART : TOGETHER) * height;
}

static struct page_box box_of(const struct page *page, const struct piece *p)
{
    struct page_box all = page->words[p->from].box;
    for (size_t i = p->from + 1; i < p->to; i++) {
        const struct page_box *b = &page->words[i].box;
        if (b->left < all.left) all.left = b->left;
        if (b->top < all.top) all.top = b->top;
        if (b->right > all.right) all.right = b->right;
        if (b->bottom > all.bottom) all.bottom = b->bottom;
    }
    return all;
}

/* Does a word of the piece's line stand within its picture?  It would be read there once more. */
static bool is_inside(const struct page *page, const struct piece *p, size_t i)
{
    const struct page_word *w = &page->words[i];
    struct page_box all = box_of(page, p);
    int middle = (w->box.left + w->box.right) / 2;
    return w->line == page->words[p->from].line && middle > all.left && middle < all.right;
}

/* The next piece behind `p` in words that stand in reading order. */
static bool next_piece(const struct page *page, double aspect, struct piece *p)
{
    const struct page_word *words = page->words;
    size_t i = p->to;
    while (i < page->n_words && !is_doubtful(&words[i])) i++;
    if (i == page->n_words) return false;
    struct piece next = {i, i + 1};
    while (next.from > p->to && belong(&words[next.from - 1], &words[next.from], aspect)) next.from--;
    while (next.to < page->n_words && (belong(&words[next.to - 1], &words[next.to], aspect) || is_inside(page, &next, next.to)))
        next.to++;
    *p = next;
    return true;
}

/* ---- the ways to read a piece -------------------------------------------------------------------- */

static PIX *as_it_is(PIX *pix)
{
    return pixClone(pix);
}

/* The paper white, the ink black: as the pictures were that the network learnt from. */
static PIX *full_contrast(PIX *pix)
{
    l_float32 ink = 0, paper = 0;
    if (pixGetRankValueMasked(pix, NULL, 0, 0, 1, INK_RANK, &ink, NULL) != 0 ||
        pixGetRankValueMasked(pix, NULL, 0, 0, 1, PAPER_RANK, &paper, NULL) != 0 || paper - ink < LEAST_CONTRAST)
        return pixClone(pix);
    return pixGammaTRC(NULL, pix, 1, (int)ink, (int)paper);
}

/* Black and white, each part of the piece by its own paper, at twice the size. */
static PIX *black_on_white(PIX *pix)
{
    PIX *twice = pixScale(pix, 2, 2);
    PIX *black = twice ? pixOtsuThreshOnBackgroundNorm(twice, NULL, 20, 20, 100, 50, 255, 2, 2, 0.1f, NULL) : NULL;
    if (!black) return twice;
    PIX *grey = pixConvertTo8(black, 0);
    pixDestroy(&black);
    pixDestroy(&twice);
    return grey;
}

static PIX *wider(PIX *pix)
{
    return pixScale(pix, 1.2f, 1);
}

/* Letters that stand upright lean a little, those that lean back stand. */
static PIX *leaning(PIX *pix)
{
    return pixHShear(NULL, pix, pixGetHeight(pix) / 2, 0.12f, L_BRING_IN_WHITE);
}

/* In this order: a piece that its first readings agree on is not read in the later ways. */
static const struct way {
    bool hand; /* by the network for handwriting */
    PIX *(*change)(PIX *pix);
} ways[WAYS] = {{true, full_contrast}, {true, black_on_white}, {true, wider}, {true, leaning}, {false, as_it_is}};

/* What the piece says when it is read in one way; NULL: nothing, or it could not be read. */
static char *read_piece(struct engine *e, PIX *pix, int dpi, const struct way *way,
                        const struct ocr_wait *wait, double *confidence)
{
    TessBaseAPI *api = way->hand ? e->hand : e->print;
    PIX *changed = way->change(pix);
    char *text = NULL;
    if (changed && engine_recognise(api, changed, dpi, PSM_RAW_LINE, wait, NULL) == 0) {
        char *read = TessBaseAPIGetUTF8Text(api);
        *confidence = TessBaseAPIMeanTextConf(api) / 100.0;
        text = read ? strdup(read) : NULL;
        TessDeleteText(read);
    }
    TessBaseAPIClear(api);
    pixDestroy(&changed);
    if (!text) return NULL;
    text[strcspn(text, "\r\n")] = '\0';
    if (*text) return text;
    free(text);
    return NULL;
}

/* ---- from letters to words ----------------------------------------------------------------------- */

struct token {
    char text[WORD_BYTES];
    int at, letters; /* where it begins among the letters that won, and how many it has */
    float share;
};

/* The next word of what won, from place *i on; its share is that of its most doubtful place. */
static bool next_token(const struct vote_result *v, int *i, int *letters, struct token *token)
{
    size_t len = 0;
    *token = (struct token){.share = 1};
    for (; *i < v->n; ++*i) {
        uint32_t c = v->letter[*i];
        *letters += c != 0;
        if (c == ' ' && token->letters > 0) break;
        if (c == ' ' || len + UTF8_BYTES >= sizeof token->text) continue;
        if (v->share[*i] < token->share) token->share = v->share[*i];
        if (c == 0) continue;
        if (token->letters++ == 0) token->at = *letters - 1;
        len += utf8_put(token->text + len, c);
    }
    token->text[len] = '\0';
    return token->letters > 0;
}

static int count_tokens(const struct vote_result *v, int *letters)
{
    struct token token;
    int n = 0, i = 0;
    for (*letters = 0; next_token(v, &i, letters, &token);) n++;
    return n;
}

/* Puts the words that won in the place of the piece's: in their boxes when they are as many, else where they
 * stand among the letters.  False: no memory, nothing was changed. */
static bool replace_words(struct page *page, const struct piece *p, const struct vote_result *v)
{
    struct token token;
    struct page_box all = box_of(page, p);
    size_t before = page->n_words, k = p->from;
    int total, i = 0, at = 0, n = count_tokens(v, &total);
    while (next_token(v, &i, &at, &token)) {
        struct page_box box = all;
        if ((size_t)n == p->to - p->from) {
            box = page->words[k++].box;
        } else {
            box.left = all.left + (all.right - all.left) * token.at / total;
            box.right = all.left + (all.right - all.left) * (token.at + token.letters) / total;
        }
        double confidence = (double)token.share < SUREST ? (double)token.share : SUREST;
        if (page_add_word(page, token.text, NULL, &box, confidence, WORD_RECOGNISED, NULL) != 0) {
            page->n_words = before;
            return false;
        }
    }
    for (size_t w = p->from; n > 0 && w < p->to; w++) page->words[w].text = 0;
    return true;
}

/* ---- a piece ------------------------------------------------------------------------------------- */

static char *text_of(const struct page *page, const struct piece *p, double *confidence)
{
    struct buf text = BUF_INIT;
    double sum = 0;
    for (size_t i = p->from; i < p->to; i++) {
        if (i > p->from) buf_putc(&text, ' ');
        buf_puts(&text, page_word_text(page, &page->words[i]));
        sum += (double)page->words[i].confidence;
    }
    *confidence = sum / (double)(p->to - p->from);
    return buf_take(&text, NULL);
}

/* What the pieces of a page are read with. */
struct rereading {
    struct engine *engine;
    const struct sheet *sheet;
    const struct ocr_wait *wait;
    double hand; /* what the network for handwriting weighs */
};

static bool all_say_the_same(const struct vote_reading *readings, int n)
{
    for (int i = 1; i < n; i++)
        if (strcmp(readings[i].text, readings[0].text) != 0) return false;
    return true;
}

/* Reads the piece in one way after the other until ENOUGH readings agree or all are made; returns how many there
 * are.  `readings` begin with the page's own; their texts are the caller's to free. */
static int hear_piece(const struct rereading *r, PIX *pix, struct vote_reading readings[WAYS + 1])
{
    int n = 1;
    for (int w = 0; w < WAYS && !(n >= ENOUGH && all_say_the_same(readings, n)); w++) {
        double confidence;
        char *text = read_piece(r->engine, pix, r->sheet->dpi, &ways[w], r->wait, &confidence);
        if (text) readings[n++] = (struct vote_reading){text, (HEARD + confidence) * (ways[w].hand ? r->hand : 1)};
    }
    return n;
}

static void reread_piece(const struct rereading *r, struct page *page, const struct piece *p)
{
    struct page_box box = box_of(page, p);
    PIX *pix = sheet_cut(r->sheet, &box, MARGIN);
    double confidence;
    char *first = text_of(page, p, &confidence);
    AUTO_FREE struct vote_result *v = malloc(sizeof *v);
    struct vote_reading readings[WAYS + 1] = {{first, HEARD + confidence}};
    int n = pix && first && v ? hear_piece(r, pix, readings) : 1;
    if (n > 1 && vote(readings, n, v) == 0) (void)replace_words(page, p, v);
    for (int i = 1; i < n; i++) free((char *)(uintptr_t)readings[i].text);
    free(first);
    pixDestroy(&pix);
}

/* ---- a page -------------------------------------------------------------------------------------- */

static size_t words_of_line(const struct page *page, size_t at)
{
    size_t from = at, to = at;
    while (from > 0 && page->words[from - 1].line == page->words[at].line) from--;
    while (to < page->n_words && page->words[to].line == page->words[at].line) to++;
    return to - from;
}

/* All pieces of the page, and which of them are read again; the caller frees both. Returns how many; 0 also without memory. */
static size_t find_pieces(const struct sheet *sheet, const struct page *page, struct piece **pieces,
                          struct triage_piece **asked)
{
    double x = (double)pixGetWidth(sheet->pix) / PAGE_UNITS, y = (double)pixGetHeight(sheet->pix) / PAGE_UNITS;
    double aspect = (double)pixGetWidth(sheet->pix) / pixGetHeight(sheet->pix);
    size_t n = 0;
    *pieces = calloc(page->n_words, sizeof **pieces); /* each has a word at least */
    *asked = calloc(page->n_words, sizeof **asked);
    if (!*pieces || !*asked) return 0;
    for (struct piece p = {0, 0}; next_piece(page, aspect, &p); n++) {
        struct page_box box = box_of(page, &p);
        (*pieces)[n] = p;
        (*asked)[n].line_words = words_of_line(page, p.from);
        (*asked)[n].cost = triage_cost((int)((box.right - box.left) * x), (int)((box.bottom - box.top) * y));
    }
    triage(*asked, n, BUDGET);
    return n;
}

void reread_doubtful(struct engine *e, const struct sheet *sheet, const struct ocr_wait *wait,
                     struct page *page)
{
    if (page_set_reading_order(page, NULL) != 0) return;
    const struct rereading r = {e, sheet, wait, page_confidence(page) >= PAGE_STRONG ? ON_PRINT : 1};
    AUTO_FREE struct piece *pieces = NULL;
    AUTO_FREE struct triage_piece *asked = NULL;
    size_t kept = 0, n = find_pieces(sheet, page, &pieces, &asked);
    for (size_t i = 0; i < n; i++)
        if (asked[i].chosen) reread_piece(&r, page, &pieces[i]);
    for (size_t i = 0; i < page->n_words; i++)
        if (page->words[i].text != 0) page->words[kept++] = page->words[i];
    page->n_words = kept;
}
