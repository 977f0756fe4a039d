#include "llm-svc/tidy.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include "lib/auto.h"
#include "lib/buf.h"
#include "lib/utf8.h"
#include "llm-svc/layout.h"

/* Two pieces of one word stand closer than this, in heights: measured gaps inside cut words go up to 0.25,
 * but narrow hands leave only 0.18 between words, so that a small letter must begin the second piece, too. */
#define PIECE_GAP 0.30
/* Longer words are not abbreviated ("Srta."): a stop behind them is a speck. */
#define ABBREVIATION 5
#define ORDINAL      2 /* letters behind a number */

/* Signs that ruled lines, cell borders and specks leave at the ends of what is written on them; "(" begins a
 * telephone number. */
static const char *const ruling[] = {"|", "_", "[", "]", "{", "}", "~",  "<", ">", "=",  "*",
                                     "-", ".", ",", ":", ";", "'", "\"", "`", "/", "\\", " ",
                                     "«", "»", "—", "–", "°", "•", "“",  "”", "‘", "’",  "¡"};

static size_t ruling_before(const char *text, size_t end)
{
    for (size_t i = 0; i < COUNT_OF(ruling); i++) {
        size_t len = strlen(ruling[i]);
        if (len <= end && !memcmp(text + end - len, ruling[i], len)) return len;
    }
    return 0;
}

static size_t ruling_at(const char *text)
{
    for (size_t i = 0; i < COUNT_OF(ruling); i++)
        if (!strncmp(text, ruling[i], strlen(ruling[i]))) return strlen(ruling[i]);
    return 0;
}

/* Cuts ruling signs off both ends, in place; a stop that abbreviates ("Jr.") stays. */
static void trim_ruling(char *text)
{
    size_t from = 0, len = strlen(text), cut;
    while (from < len && (cut = ruling_at(text + from)) > 0) from += cut;
    while (len > from && (cut = ruling_before(text + from, len - from)) > 0) {
        bool abbreviation = text[len - 1] == '.' && len - from >= 3 && isalpha((unsigned char)text[len - 2]);
        if (abbreviation) break;
        len -= cut;
    }
    memmove(text, text + from, len - from);
    text[len - from] = '\0';
}

/* Drops the rule that a word was written on where it was read along with it ("_Ana"), in place. */
static void drop_rules(char *text)
{
    char *to = text;
    for (const char *from = text; *from; from++)
        if (*from != '_' && *from != '|') *to++ = *from;
    *to = '\0';
}

/* Small words that may follow a capital one in names of people, schools and towns. */
static bool is_particle(const char *text)
{
    static const char *const particles[] = {
        "de",  "del", "la",  "las", "los", "y",  "e",   "da",  "das", "do", "dos", "di", "du", "van",
        "von", "der", "den", "el",  "al",  "of", "the", "and", "for", "at", "in",  "en", "or", "o"};
    for (size_t i = 0; i < COUNT_OF(particles); i++)
        if (!strcmp(text, particles[i])) return true;
    return false;
}

/* Words that are whole and may be written small behind another: "Colegio san Telmo". */
static bool is_saint(const char *text)
{
    return !strcmp(text, "san") || !strcmp(text, "santa") || !strcmp(text, "santo");
}

/* Letters of ASCII and Latin-1. */
static bool begins_small(const char *text)
{
    uint32_t c = utf8_next(&text);
    return c < 0x80 ? islower((int)c) : c >= 0xDF && c <= 0xFF && c != 0xF7;
}

static bool begins_capital(const char *text)
{
    uint32_t c = utf8_next(&text);
    return c < 0x80 ? isupper((int)c) : c >= 0xC0 && c <= 0xDE && c != 0xD7;
}

static bool is_words(enum form_rule rule)
{
    return rule == FORM_NAME || rule == FORM_SCHOOL || rule == FORM_TEXT;
}

/* "Pequeñor oble": is `b` the rest of the word that `a` began? */
static bool is_rest(const struct word *a, const struct word *b)
{
    if (a->source != WORD_OCR || b->source != WORD_OCR) return false;
    double high = box_height(&a->box) > box_height(&b->box) ? box_height(&a->box) : box_height(&b->box);
    bool near = b->box.x0 - a->box.x1 < PIECE_GAP * high;
    size_t len = strlen(a->text);
    bool whole = len && (isalpha((unsigned char)a->text[len - 1]) || (unsigned char)a->text[len - 1] >= 0x80);
    return near && whole && begins_small(b->text) && !is_particle(b->tight) && !is_particle(a->tight) && !is_saint(b->tight);
}

char *tidy_raw(const struct page *page, const int *words, int n)
{
    struct buf text = BUF_INIT;
    buf_puts(&text, "");
    for (int i = 0; i < n; i++) buf_printf(&text, "%s%s", i ? " " : "", page->words[words[i]].text);
    return buf_take(&text, NULL);
}

/* Goes on as a word that begins with a consonant does, other than an L's double. */
static bool goes_on(const char *rest)
{
    return islower((unsigned char)*rest) && !strchr("aeiouyl", *rest);
}

/* A capital I is often read as an L: "lronbark"; no word begins with an L and another consonant. */
static bool is_capital_i(const char *word)
{
    if (word[0] == '!' && isalpha((unsigned char)word[1])) return true;
    return (word[0] == 'l' || word[0] == 'L') && goes_on(word + 1);
}

/* Or as a stroke, "\ronbark", which before a particle or a capital is a cell's border. */
static bool is_stroke_i(const char *word)
{
    return (word[0] == '\\' || word[0] == '|') && goes_on(word + 1) && !is_particle(word + 1);
}

/* The letter that a sign in the midst of letters was: "Nor+h", "P1necone", "Loren3o"; 0: none. */
static char letter_of(char sign, bool capital)
{
    static const char from[] = "+0153|69", small[] = "tolszlbg", large[] = "TOISZIGG";
    _Static_assert(sizeof from == sizeof small && sizeof from == sizeof large, "one letter for each sign");
    const char *at = sign ? strchr(from, sign) : NULL;
    return !at ? '\0' : capital ? large[at - from] : small[at - from];
}

static bool is_letter(char c)
{
    return isalpha((unsigned char)c) || (unsigned char)c >= 0x80;
}

/* The capital that a digit before letters was, "6reyson", "1tzel"; 0: none.  `least` letters must follow:
 * an ordinal ("4th", "5to") has two. */
static char capital_of(const char *word, size_t len, size_t least)
{
    static const char from[] = "012345678", to[] = "OIZZASGTB";
    _Static_assert(sizeof from == sizeof to, "one letter for each digit");
    const char *at = word[0] ? strchr(from, word[0]) : NULL;
    size_t letters = 0;
    while (1 + letters < len && is_letter(word[1 + letters])) letters++;
    return at && letters >= least ? to[at - from] : '\0';
}

/* Beginnings that no word has, and the capital that each was: a hand's K is two strokes, its H too, its W is as wide as two. */
static void mend_beginning(char *word)
{
    static const struct {
        const char *read, *meant;
    } beginnings[] = {{"IC", "K"}, {"tt", "H"}, {"Ww", "W"}};
    for (size_t i = 0; i < COUNT_OF(beginnings); i++) {
        size_t two = strlen(beginnings[i].read);
        if (strncmp(word, beginnings[i].read, two) != 0 || !islower((unsigned char)word[two])) continue;
        word[0] = beginnings[i].meant[0];
        memmove(word + 1, word + two, strlen(word + two) + 1);
        return;
    }
}

/* Schools are for K to 8, for K to 12; a number before them is none: "1-8", "IC-8"; nor is a letter behind them: "K-B". */
static void mend_span(char *word)
{
    static const char *const ends[] = {"-5", "-6", "-8", "-12"}, *const begins[] = {"K", "1", "I", "l", "IC", "H", "R", "k"};
    char *dash = strchr(word, '-');
    if (dash && dash - word <= 2 && !strcmp(dash, "-B")) dash[1] = '8';
    for (size_t e = 0; dash && e < COUNT_OF(ends); e++)
        for (size_t b = 0; !strcmp(dash, ends[e]) && b < COUNT_OF(begins); b++) {
            size_t len = strlen(begins[b]);
            if ((size_t)(dash - word) != len || memcmp(word, begins[b], len) != 0) continue;
            word[0] = 'K';
            memmove(word + 1, dash, strlen(dash) + 1);
            return;
        }
}

/* Puts single letters of a word right, in place; `name`: it can bear no digit. */
static void mend_word(char *word, size_t len, bool name)
{
    if (len < 2) return;
    if (is_capital_i(word)) word[0] = 'I';
    char capital = capital_of(word, len, name ? 1 : ORDINAL + 1);
    if (capital) word[0] = capital;
    for (size_t i = 1; i + 1 < len; i++) {
        if (!name && word[i] != '+') continue;
        if (!is_letter(word[i - 1]) || !is_letter(word[i + 1])) continue;
        char letter =
            letter_of(word[i], isupper((unsigned char)word[i - 1]) && isupper((unsigned char)word[i + 1]));
        if (letter) word[i] = letter;
    }
    char last = name && len > ORDINAL && is_letter(word[len - 2]) ? letter_of(word[len - 1], isupper((unsigned char)word[len - 2])) : '\0';
    if (last && isdigit((unsigned char)word[len - 1])) word[len - 1] = last;
}

/* Puts right what recognition makes of words. What was typed is as it was meant: Ljubica, 7Hills, 1-8. */
static void mend_read_word(char *own, bool name, bool school)
{
    for (char *part = own; part; part = (part = strchr(part, '-')) ? part + 1 : NULL) mend_beginning(part);
    if (school) mend_span(own);
    mend_word(own, strlen(own), name);
}

/* Appends a word without what stuck to it: quotes before it, a stop that abbreviates nothing behind it. */
static void append_word(struct buf *text, const struct word *word, bool name, bool school)
{
    AUTO_FREE char *own = strdup(word->text);
    if (!own) {
        text->bad = true;
        return;
    }
    if (word->source == WORD_OCR && is_stroke_i(own)) own[0] = 'I';
    drop_rules(own);
    if (name) {
        trim_ruling(own);
        size_t len = strlen(own);
        if (len > ABBREVIATION && own[len - 1] == '.') own[len - 1] = '\0';
    }
    if (word->source == WORD_OCR) mend_read_word(own, name, school);
    buf_puts(text, own);
}

/* A cell's border read as a 1 before a name: "1 Dashiell", but "1 de Mayo" is a school's. */
static bool begins_with_border(const struct page *page, const int *words, int n, enum form_rule rule)
{
    if (n < 2 || (rule != FORM_NAME && rule != FORM_SCHOOL)) return false;
    const struct word *first = &page->words[words[0]];
    return first->source == WORD_OCR && !strcmp(first->text, "1") && begins_capital(page->words[words[1]].text);
}

char *tidy_line(const struct page *page, const int *words, int n, enum form_rule rule)
{
    struct buf text = BUF_INIT;
    buf_puts(&text, "");
    if (begins_with_border(page, words, n, rule)) words++, n--;
    bool joins = is_words(rule) && n > 0 && begins_capital(page->words[words[0]].text);
    for (int i = 0; i < n; i++) {
        const struct word *word = &page->words[words[i]];
        bool rest = joins && i > 0 && is_rest(&page->words[words[i - 1]], word);
        if (i > 0 && !rest && text.len && text.data[text.len - 1] != ' ') buf_putc(&text, ' ');
        if (is_words(rule))
            append_word(&text, word, rule == FORM_NAME, rule == FORM_SCHOOL);
        else
            buf_puts(&text, word->text);
    }
    char *line = buf_take(&text, NULL);
    if (!line) return NULL;
    if (rule != FORM_EMAIL && !is_words(rule)) drop_rules(line);
    trim_ruling(line);
    return line;
}
