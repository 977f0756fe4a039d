#include "llm-svc/pages.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "llm-svc/straighten.h"

#define LETTER_WIDTH  612.0 /* points; for a page that does not say */
#define LETTER_HEIGHT 792.0

/* Below this mean confidence, and with fewer legible words than this share, recognised words are noise:
 * measured on blank backs of scans (mean 0.36, 6 % legible) against the worst handwriting we have (mean 0.6,
 * 45 % legible). */
#define NOISE_CONFIDENCE 0.50
#define NOISE_LEGIBLE    0.25
#define LEGIBLE_FROM     0.60
#define LEGIBLE_LETTERS  3

static double number_or(const json_t *value, double otherwise)
{
    return json_is_number(value) && isfinite(json_number_value(value)) ? json_number_value(value) : otherwise;
}

static double clamp(double v, double low, double high)
{
    return v < low ? low : v > high ? high : v;
}

/* 0 filled, 1 not a word, -1 no memory. */
static int parse_word(const json_t *json, const struct page *page, struct word *word)
{
    const char *text = json_string_value(json_object_get(json, "t"));
    const json_t *box = json_object_get(json, "b");
    const char *source = json_string_value(json_object_get(json, "s"));
    if (!text || !*text || json_array_size(box) != 4) return 1;
    for (size_t i = 0; i < 4; i++)
        word->raw_box[i] = (int)clamp(number_or(json_array_get(box, i), 0), 0, 10000);
    if (word->raw_box[2] < word->raw_box[0] || word->raw_box[3] < word->raw_box[1]) return 1;
    word->box = (struct box){word->raw_box[0] * page->width / 10000, word->raw_box[1] * page->height / 10000,
                             word->raw_box[2] * page->width / 10000, word->raw_box[3] * page->height / 10000};
    word->text = text;
    word->confidence = clamp(number_or(json_object_get(json, "c"), 0), 0, 1);
    word->line = (int)clamp(number_or(json_object_get(json, "l"), 0), 0, PAGE_WORDS_MAX);
    word->source = source && *source == 'f' ? WORD_FIELD : source && *source == 't' ? WORD_TEXT : WORD_OCR;
    word->field = word->source == WORD_FIELD ? json_string_value(json_object_get(json, "f")) : NULL;
    word->tight = form_letters(text);
    return word->tight ? 0 : -1;
}

static int parse_words(const json_t *words, struct page *page, struct err *err)
{
    size_t n = json_array_size(words);
    if (n > PAGE_WORDS_MAX) n = PAGE_WORDS_MAX;
    page->words = calloc(n ? n : 1, sizeof *page->words);
    if (!page->words) return err_set(err, ERR_NOMEM, "words of a page");
    for (size_t i = 0; i < n; i++) {
        /* Evidence names words by their position, so a bad one is an error, not left out. */
        int rc = parse_word(json_array_get(words, i), page, &page->words[i]);
        if (rc) return err_set(err, rc < 0 ? ERR_NOMEM : ERR_INPUT, "word %zu of a page cannot be read", i);
        page->n_words++;
        page->ocr = page->ocr || page->words[i].source == WORD_OCR;
    }
    return 0;
}

int page_parse(const char *json, size_t len, struct page *page, struct err *err)
{
    json_error_t at;
    struct page p = {.json = json_loadb(json, len, 0, &at)};
    if (!p.json) return err_set(err, ERR_INPUT, "a page is not JSON: line %d", at.line);
    double number = number_or(json_object_get(p.json, "page"), 0);
    int rc = 0;
    if (number < 1 || number > 1e6)
        rc = err_set(err, ERR_INPUT, "a page has no number");
    else {
        const char *source = json_string_value(json_object_get(p.json, "source"));
        p.number = (int)number;
        p.width = number_or(json_object_get(p.json, "width"), 0);
        p.height = number_or(json_object_get(p.json, "height"), 0);
        if (p.width < 1 || p.height < 1) p.width = LETTER_WIDTH, p.height = LETTER_HEIGHT;
        p.ink = number_or(json_object_get(p.json, "ink"), -1);
        p.ocr = source && !strcmp(source, "ocr");
        p.failed = json_string_value(json_object_get(p.json, "failed"));
        p.text = json_string_value(json_object_get(p.json, "text"));
        if (!p.text) p.text = "";
        rc = parse_words(json_object_get(p.json, "words"), &p, err);
        if (!rc) rc = page_straighten(&p, err);
    }
    if (rc) {
        page_done(&p);
        return -1;
    }
    *page = p;
    return 0;
}

void page_done(struct page *page)
{
    for (int i = 0; i < page->n_words; i++) free(page->words[i].tight);
    free(page->words);
    json_decref(page->json);
    memset(page, 0, sizeof *page);
}

bool page_is_blank(const struct page *page)
{
    int counted = 0, legible = 0;
    double sum = 0;
    for (int i = 0; i < page->n_words; i++) {
        const struct word *word = &page->words[i];
        if (!*word->tight) continue;
        counted++;
        sum += word->confidence;
        legible += word->confidence >= LEGIBLE_FROM && strlen(word->tight) >= LEGIBLE_LETTERS;
    }
    return !counted || (sum / counted < NOISE_CONFIDENCE && legible < NOISE_LEGIBLE * counted);
}
