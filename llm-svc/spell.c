#include "llm-svc/spell.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "lib/auto.h"
#include "lib/buf.h"
#include "lib/utf8.h"
#include "lib/vocabulary.h"

/* So many consonants in a row stand in hardly any word of English or Spanish. */
#define CONSONANTS 5
/* A piece of a word in a name weighs like two odd words: the other piece is wrong, too.  So does
 * "BulHonwood": its capital stands for two letters. */
#define PIECE_ODD 2
/* Words up to this long are particles and abbreviations, known or not. */
#define SMALL 3

/* A word that was read surer than this is not taken for another. */
#define SURE 0.90
/* Words for a kind of school from this length on are told from names by all letters but one, … */
#define LONG_KIND 7
/* … from this length on by all but their last. */
#define CUT_KIND 5

static bool has_vowel(const char *folded)
{
    return folded[strcspn(folded, "aeiouy")] != '\0';
}

static bool has_run(const char *folded)
{
    int run = 0;
    for (; *folded; folded++) {
        run = isalpha((unsigned char)*folded) && !strchr("aeiouy", *folded) ? run + 1 : 0;
        if (run >= CONSONANTS) return true;
    }
    return false;
}

/* A capital behind a small letter, unless in one of the few places where names have one: McX, O'X, X-Y, MacX.
 */
static bool has_inner_capital(const char *word)
{
    for (size_t i = 1; word[i]; i++) {
        if (!isupper((unsigned char)word[i]) || !islower((unsigned char)word[i - 1])) continue;
        bool mc = (i == 2 && !strncasecmp(word, "mc", 2)) || (i == 3 && !strncasecmp(word, "mac", 3)) ||
                  (i == 2 && (!strncasecmp(word, "de", 2) || !strncasecmp(word, "la", 2)));
        if (!mc) return true;
    }
    return false;
}

/* An ñ is often read as "fi": "Nifios", "Ifiaki".  Where in the word; NULL: nowhere. */
static const char *broken_enye(const char *word)
{
    for (const char *p = word; (p = strstr(p, "fi")) != NULL; p++)
        if (p > word && strchr("aeiouAEIOU", p[-1]) && p[2] && strchr("aeou", p[2])) return p;
    return NULL;
}

/* Neither all large, nor all small, nor begun large: "wAyne". */
static bool begins_small(const char *word, int at)
{
    return at == 0 && islower((unsigned char)word[0]);
}

/* Two letters that are no particle, no initial and no known name: a piece of a word. */
static bool is_piece(const lexicon_t *lexicon, const char *word, const char *folded)
{
    static const char *const small[] = {"de", "la", "el", "al", "y",  "e",  "da", "do", "di",
                                        "du", "mr", "ms", "dr", "sr", "jr", "st", "ii", "iv"};
    size_t len = strlen(folded);
    if (len == 0 || len >= SMALL || strchr(word, '.')) return false;
    for (size_t i = 0; i < COUNT_OF(small); i++)
        if (!strcmp(folded, small[i])) return false;
    return !lexicon_knows(lexicon, FORM_NAME, folded);
}

/* "(uz" was "Luz"; "(North)" is a word in brackets. */
static bool has_open_bracket(const char *word)
{
    return !strchr(word, '(') != !strchr(word, ')');
}

/* A digit behind a small letter: "Lu3" was "Luz". Ordinals have theirs before. */
static bool has_inner_digit(const char *word)
{
    for (size_t i = 1; word[0] && word[i]; i++)
        if (isdigit((unsigned char)word[i]) && islower((unsigned char)word[i - 1])) return true;
    return false;
}

static bool is_odd(const char *word, const char *folded, enum form_rule rule, int at)
{
    static const char *const no_letter = "_+=*%#<>()[]{}|~!?/\\\"";
    bool name = rule == FORM_NAME;
    bool digits = name ? word[strcspn(word, "0123456789")] != '\0' : has_inner_digit(word);
    bool two_capitals =
        isupper((unsigned char)word[0]) && isupper((unsigned char)word[1]) && islower((unsigned char)word[2]);
    size_t len = strlen(folded);
    return digits || has_inner_capital(word) || two_capitals || begins_small(word, at) || has_run(folded) ||
           (len > SMALL && !has_vowel(folded)) || word[strcspn(word, name ? no_letter : "_+=*%<>[]{}|~!?\\")] || has_open_bracket(word);
}

/* The capital of a letter of ASCII and Latin-1 that has one there; of else itself. */
static uint32_t capital(uint32_t c)
{
    if (c < 0x80) return (uint32_t)toupper((int)c);
    return c >= 0xE0 && c <= 0xFE && c != 0xF7 ? c - 0x20 : c;
}

/* The usual spelling, in capitals when the word was. */
static void append_known(struct buf *out, const char *usual, const char *word)
{
    bool large = isupper((unsigned char)word[0]) && isupper((unsigned char)word[1]);
    for (uint32_t c; (c = utf8_next(&usual));) buf_put_utf8(out, large ? capital(c) : c);
}

static bool is_recognised(const struct spell_source *source)
{
    return source->n > 0 && source->page->words[source->words[0]].source == WORD_OCR;
}

/* Was the word not read surely?  A word that is not among the sources was put together from pieces. */
static bool is_doubtful(const struct spell_source *source, const char *folded)
{
    for (int i = 0; i < source->n; i++) {
        const struct word *word = &source->page->words[source->words[i]];
        if (!strcmp(word->tight, folded)) return word->source == WORD_OCR && word->confidence < SURE;
    }
    return is_recognised(source);
}

/* The one title that differs in a letter from the first word of a name ("DY." was "Dr.", "Hiss" was "Miss"), as it is written;
 * NULL: it is one, or none, or several are as near.  Without a stop only a doubtful word may be one. */
static const char *misread_title(const char *word, bool doubtful)
{
    static const char *const titles[] = {"Mr.", "Mrs.", "Ms.", "Miss", "Dr.", "Dra.", "Sr.", "Sra.", "Srta.", "Prof."};
    size_t len = strlen(word);
    const char *found = NULL;
    for (size_t i = 0; i < COUNT_OF(titles); i++) {
        int differ = 0;
        bool stopped = word[len ? len - 1 : 0] == '.';
        if (strlen(titles[i]) != len || (!stopped && (!doubtful || titles[i][len - 1] == '.'))) continue;
        for (size_t k = 0; k < len; k++) differ += tolower((unsigned char)titles[i][k]) != tolower((unsigned char)word[k]);
        if (!differ || (differ == 1 && found)) return NULL;
        if (differ == 1) found = titles[i];
    }
    return found;
}

/* Words that schools call themselves by. */
static const char *const school_words[] = {"school",   "academy", "elementary", "institute", "college",    "center",     "centre", "escuela",
                                           "colegio",  "academia", "instituto", "primaria",  "secundaria", "preparatoria", "liceo",  "centro"};
#define KIND_ROOM 16

static bool is_school_word(const char *folded)
{
    for (size_t i = 0; i < COUNT_OF(school_words); i++)
        if (!strcmp(school_words[i], folded)) return true;
    return false;
}

/* One letter off within a long word that schools call themselves by ("Elenentary").  Other endings make other words ("Academic",
 * "Primario"). */
static bool is_wrong_within(const char *word, size_t len, const char *kind, size_t kind_len)
{
    return len >= LONG_KIND && len == kind_len && word[len - 1] == kind[len - 1];
}

/* Its last letter is gone ("Schoo}") or became a digit, or a stroke behind it became a letter; an s makes it several. */
static bool is_wrong_at_end(const char *word, size_t len, const char *kind, size_t kind_len)
{
    if (len < CUT_KIND) return false;
    char last = word[len - 1];
    if (len + 1 == kind_len) return !strncmp(word, kind, len);
    if (len == kind_len) return isdigit((unsigned char)last) && !strncmp(word, kind, len - 1);
    return isalpha((unsigned char)last) && last != 's' && !strncmp(word, kind, kind_len);
}

/* The kind of school that an unknown word of a school's name is a misreading of, however surely that was read; NULL: none, or it may be another,
 * too. */
static const char *misread_kind(const char *folded)
{
    size_t len = strlen(folded);
    const char *kind = NULL;
    for (size_t i = 0; i < COUNT_OF(school_words); i++) {
        const char *word = school_words[i];
        size_t n = strlen(word);
        if (len + 1 < n || len > n + 1 || edit_distance(folded, (int)len, word, (int)n, 1) > 1) continue;
        if (kind || (!is_wrong_within(folded, len, word, n) && !is_wrong_at_end(folded, len, word, n))) return NULL;
        kind = word;
    }
    return kind;
}

static void append_kind(struct buf *out, const char *kind, const char *word)
{
    char usual[KIND_ROOM];
    snprintf(usual, sizeof usual, "%c%s", toupper((unsigned char)*kind), kind + 1);
    append_known(out, usual, word);
}

static int spell_word(const lexicon_t *lexicon, enum form_rule rule, const struct spell_source *source,
                      const char *word, struct buf *out, struct signs *signs)
{
    AUTO_FREE char *folded = form_fold(word);
    if (!folded) return -1;
    int letters = (int)strlen(folded), at = signs->words;
    signs->letters += letters;
    signs->words += letters > 0;
    const char *title = rule == FORM_NAME && at == 0 && is_recognised(source) ? misread_title(word, is_doubtful(source, folded)) : NULL;
    if (title) {
        signs->corrected++;
        buf_puts(out, title);
        return 0;
    }
    bool known = letters <= SMALL || lexicon_knows(lexicon, rule, folded);
    const char *nearest = known ? NULL : lexicon_nearest(lexicon, rule, folded);
    const char *kind = !known && rule == FORM_SCHOOL && is_recognised(source) ? misread_kind(folded) : NULL;
    if (kind || (nearest && is_doubtful(source, folded))) {
        signs->corrected++;
        if (kind)
            append_kind(out, kind, word);
        else
            append_known(out, nearest, word);
        return 0;
    }
    signs->unknown += !known;
    signs->near += !known && lexicon_nears(lexicon, rule, folded);
    if (!known) signs->strange += lexicon_strange(lexicon, folded);
    bool piece =
        (rule == FORM_NAME && is_piece(lexicon, word, folded)) || (!known && has_inner_capital(word));
    if (piece) signs->odd += PIECE_ODD;
    signs->odd += letters > 0 && !(known && letters > SMALL && !begins_small(word, at)) &&
                  is_odd(word, folded, rule, at);
    const char *enye = !known && is_recognised(source) ? broken_enye(word) : NULL;
    if (enye) {
        signs->odd++;
        buf_add(out, word, (size_t)(enye - word));
        buf_puts(out, "\xC3\xB1");
        word = enye + 2;
    }
    buf_puts(out, word);
    return 0;
}

/* A small s with the ending of a 5th or an 8th. */
static bool is_small_s(const struct spell_source *source)
{
    for (int i = 0; i < source->n; i++) {
        const char *text = source->page->words[source->words[i]].text;
        if (!strncmp(text, "sth", 3) || !strncmp(text, "stn", 3)) return true;
    }
    return false;
}

/* A figure by itself that recognition makes of others by hand, however sure it is: a 3 of an 8, a 4 or a 7 of a 9, a 1 of an 11.  An
 * ending or a word of the grade ("3rd", "4to", "Third") says more; of 43 figures by hand without, not read at their surest, 5 were wrong. */
static bool has_twin(const struct spell_source *source, const char *grade)
{
    if (!strcmp(grade, "5") && is_small_s(source)) return true;
    if (strlen(grade) != 1 || !strchr("1347", *grade)) return false;
    for (int i = 0; i < source->n; i++) {
        const char *word = source->page->words[source->words[i]].tight;
        size_t digits = strspn(word, "0123456789");
        bool says_more = digits ? word[digits] != '\0' : word[0] && strncmp(word, "grad", 4) != 0;
        if (says_more) return false;
    }
    return true;
}

static int look_for_kind(const char *text, struct signs *signs)
{
    AUTO_FREE char *folded = form_fold(text);
    if (!folded) return -1;
    char *save = NULL;
    signs->nameless = true;
    for (char *word = strtok_r(folded, " ", &save); word; word = strtok_r(NULL, " ", &save))
        signs->nameless = signs->nameless && !is_school_word(word);
    return 0;
}

int spell_text(const lexicon_t *lexicon, enum form_rule rule, const struct spell_source *source, char **text,
               struct signs *signs)
{
    bool words = rule == FORM_NAME || rule == FORM_SCHOOL || rule == FORM_TEXT;
    AUTO_FREE char *copy = strdup(*text);
    AUTO(buf_done) struct buf out = BUF_INIT;
    if (!copy) return -1;
    buf_puts(&out, "");
    char *save = NULL;
    for (char *word = strtok_r(copy, " ", &save); word; word = strtok_r(NULL, " ", &save)) {
        if (out.len) buf_putc(&out, ' ');
        if (words) {
            if (spell_word(lexicon, rule, source, word, &out, signs)) return -1;
            continue;
        }
        buf_puts(&out, word);
        signs->words++;
        for (const char *c = word; *c; c++) signs->letters += isalnum((unsigned char)*c) != 0;
    }
    if (out.bad) return -1;
    free(*text);
    *text = buf_take(&out, NULL);
    signs->twin = rule == FORM_GRADE && has_twin(source, *text);
    return rule == FORM_SCHOOL ? look_for_kind(*text, signs) : 0;
}
