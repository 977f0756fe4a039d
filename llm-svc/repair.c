#include "llm-svc/repair.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "lib/auto.h"
#include "lib/buf.h"
#include "lib/vocabulary.h"

#define GRADE_TEXT   48
#define PHONE_DIGITS 10
/* Of a telephone number's ten places so many must have been read as digits. */
#define PHONE_REAL 4

/* -- grades -------------------------------------------------------------------------------------------- */

/* Signs that recognition makes of handwritten digits, for each digit; upper and lower case apart, since an
 * upper-case letter looks like another digit than its small form. */
static const char *const looks_like[10] = {
    "oODQ", "lIi|!][/", "zZ", "", "AayYuUHqg", "sS$", "GbCc", "T?Z", "B&s", "qgap",
};

/* More of them, which only count where an ordinal's ending leaves one. */
static const char *const may_look_like[10] = {"", "A", "", "BEz$", "", "", "O", ">", "3", ""};

/* The digits that a sign may have been, as bits. */
static unsigned digits_in(const char *const table[10], char c)
{
    unsigned bits = isdigit((unsigned char)c) ? 1u << (c - '0') : 0;
    for (int d = 0; d < 10 && c; d++)
        if (strchr(table[d], c)) bits |= 1u << d;
    return bits;
}

static unsigned digits_like(char c)
{
    return digits_in(looks_like, c);
}

/* Endings of ordinals with what each of their letters is misread as, and the grades that they fit: "74h" is
 * 7th, "Ind" can only be 2nd. */
static const struct {
    const char *first, *second;
    unsigned fits;
} endings[] = {
    {"s5S8", "tft+lT", 1u << 1},
    {"nhmN", "dD", 1u << 2},
    {"rnvfR1", "dD", 1u << 3},
    {"t+fl4T", "hnbkH", 0x1FF0u},
    {"rRYy", "o0OaQe", 1u << 1 | 1u << 3},
    {"dD", "o0OaQ", 1u << 2},
    {"tT+", "o0OaQ", 1u << 4 | 1u << 5 | 1u << 6},
    {"mM", "o0OaQ", 1u << 7 | 1u << 10},
    {"vVu", "o0OaQs", 1u << 8},
    {"nN", "o0OaQ", 1u << 9},
};

/* 10, 11 and 12 by their second sign; there is no grade 17, and a stroke is what a 7 is taken for. */
static unsigned tens_like(char second)
{
    return (digits_like(second) & 7u) << 10 | (second == '7' ? 1u << 11 : 0);
}

/* The grades that one or two signs may mean, as bits. */
static unsigned grades_like(const char *stem, size_t len)
{
    if (len == 1) return digits_like(stem[0]) & 0x3FEu;
    return len == 2 && digits_like(stem[0]) & 1u << 1 ? tens_like(stem[1]) : 0;
}

/* The one grade in a set of bits; -1: none, or several. */
static int only_one(unsigned grades)
{
    for (int n = 1; n <= FORM_GRADE_MAX; n++)
        if (grades == 1u << n) return n;
    return -1;
}

/* The grade of an ordinal's signs before an ending that fits some. */
static int stem_like(const char *stem, size_t len, unsigned fits)
{
    int n = only_one(grades_like(stem, len) & fits);
    /* Of two signs the second tells, whatever the first was read as. */
    if (n < 0 && len == 2) n = only_one(tens_like(stem[1]) & fits);
    if (n > 0 || len != 1) return n;
    /* A digit that does not fit its ending: one of them is wrong, and mostly nobody knows which; a 3 before "th" is half an 8. */
    n = only_one(digits_in(may_look_like, stem[0]) & fits);
    if (isdigit((unsigned char)stem[0])) return n;
    /* A single stroke before "th", which no 1 has, was two. */
    if (n < 0 && digits_like(stem[0]) & 1u << 1) n = only_one(fits & 1u << 11);
    return n > 0 ? n : only_one(fits);
}

/* "10th" -> 10, "2do" -> 2 where nothing is misread; -1: no. */
static int ordinal_of(const char *word, size_t len)
{
    size_t digits = strspn(word, "0123456789");
    int n = digits == 1 || digits == 2 ? atoi(word) : 0;
    if (n < 1 || n > FORM_GRADE_MAX || len != digits + 2) return -1;
    for (size_t i = 0; i < COUNT_OF(endings); i++)
        if (word[digits] == endings[i].first[0] && word[digits + 1] == endings[i].second[0] && endings[i].fits & 1u << n) return n;
    return -1;
}

/* The same with one sign more behind it: "3rdt". */
static int ordinal_before_sign(const char *word)
{
    size_t len = strlen(word);
    return len > 3 ? ordinal_of(word, len - 1) : -1;
}

/* A cell's border, read before a grade. */
static bool is_stroke(const char *word)
{
    return strlen(word) == 1 && strchr("1I|!]", *word);
}

/* "74h" -> 7, "Ind" -> 2, "Sth" -> 5, "4oth" -> 10; -1: no. */
static int ordinal_like(const char *word)
{
    size_t len = strlen(word);
    if (len < 3 || len > 4) return -1;
    for (size_t i = 0; i < COUNT_OF(endings); i++) {
        if (!strchr(endings[i].first, word[len - 2]) || !strchr(endings[i].second, word[len - 1])) continue;
        int n = stem_like(word, len - 2, endings[i].fits);
        if (n > 0) return n;
    }
    return -1;
}

/* A degree sign behind a number is often read as another digit: "102", "70"; -1: no. */
static int degree_like(const char *word)
{
    if (strlen(word) == 2 && isdigit((unsigned char)word[0]) && word[0] >= '2' && word[1] == '0') return word[0] - '0';
    bool tens = strlen(word) == 3 && word[0] == '1' && strchr("012", word[1]) && strchr("0269", word[2]);
    return tens ? 10 + word[1] - '0' : -1;
}

/* What a degree sign before "grade" or "grado" is read as: "72 grado", "7s grade"; a letter may be a section's, too; -1: no. */
static int degree_before_word(const char *word)
{
    bool degree = strlen(word) == 2 && (strchr("269", word[1]) || isalpha((unsigned char)word[1]));
    return degree && word[0] >= '2' && word[0] <= '9' ? word[0] - '0' : -1;
}

/* A grade in words of which letters were misread, or that fell into pieces ("Seg unde"): as it is spelled; NULL: none. */
static const char *spelled_like(const char *text)
{
    static const char *const words[] = {"first",   "second",  "third",  "fourth", "fifth",   "sixth",    "seventh",  "eighth",  "ninth",  "tenth",
                                        "eleventh", "twelfth", "primero", "segundo", "tercero", "cuarto", "quinto", "sexto", "septimo", "octavo",
                                        "noveno",  "decimo",  "kinder", "kindergarten"};
    char letters[GRADE_TEXT];
    const char *best = NULL;
    int n = 0;
    for (; *text; text++)
        if (*text != ' ') letters[n++] = (char)tolower((unsigned char)*text);
    for (size_t i = 0; i < COUNT_OF(words); i++) {
        int len = (int)strlen(words[i]), most = edits_allowed(len);
        if (edit_distance(letters, n, words[i], len, most) > most) continue;
        if (best) return NULL;
        best = words[i];
    }
    return best;
}

/* Is it "grade" or "grado", with up to two letters wrong ("arado", "gr0d€")? */
static bool is_grade_word(const char *word)
{
    char letters[16];
    size_t n = 0;
    for (; *word && n < sizeof letters - 1; word++)
        if (*word != ' ') letters[n++] = (char)(*word == '0' ? 'o' : tolower((unsigned char)*word));
    letters[n] = '\0';
    if (n < 4 || n > 6) return false;
    return edit_distance(letters, (int)n, "grade", 5, 2) <= 2 ||
           edit_distance(letters, (int)n, "grado", 5, 2) <= 2;
}

/* ASCII of what matters in a grade; other signs (the degree sign, quotes) separate nothing and are left out.
 */
static void plain_signs(const char *text, char out[GRADE_TEXT])
{
    size_t n = 0;
    for (; *text && n < GRADE_TEXT - 1; text++) {
        if (!strncmp(text, "\xE2\x82\xAC", 3)) out[n++] = 'e'; /* a euro sign was an e */
        if (!strncmp(text, "\xC2\xA1", 2)) out[n++] = '!';
        if (isalnum((unsigned char)*text) || strchr(" +$|!]&?", *text)) out[n++] = *text;
    }
    while (n > 0 && out[n - 1] == ' ') n--;
    out[n] = '\0';
}

static char *grade_text(int n)
{
    char text[12];
    snprintf(text, sizeof text, "%d", n);
    return strdup(text);
}

static char *repair_grade(const char *text)
{
    char all[GRADE_TEXT];
    plain_signs(text, all);
    const char *spelled = spelled_like(all);
    if (spelled) return strdup(spelled);
    char *word = all + strspn(all, " "), *rest = word + strcspn(word, " ");
    bool named = false;
    if (*rest) *rest++ = '\0';
    int behind = is_stroke(word) ? ordinal_of(rest, strcspn(rest, " ")) : -1;
    if (behind > 0) return grade_text(behind);
    if (*rest && is_grade_word(word)) { /* "Grade G" */
        word = rest;
        rest = word + strcspn(word, " ");
        if (*rest) return NULL;
    } else if (*rest && !(named = is_grade_word(rest))) {
        return NULL;
    }
    int n = ordinal_like(word);
    if (n < 0) n = ordinal_before_sign(word);
    if (n < 0) n = only_one(grades_like(word, strlen(word)));
    if (n < 0) n = degree_like(word);
    if (n < 0 && named) n = degree_before_word(word);
    return n > 0 ? grade_text(n) : NULL;
}

/* -- telephone numbers --------------------------------------------------------------------------------- */

/* The digit that a sign in a number was; 0: it is none, as a bracket or a hyphen. */
static char phone_digit(char c)
{
    static const char from[] = "oODQlI|!][iZzEAySs$GbTBqg", to[] = "0000111111122344555667899";
    _Static_assert(sizeof from == sizeof to, "one digit for each sign");
    if (isdigit((unsigned char)c)) return c;
    const char *at = c ? strchr(from, c) : NULL;
    return at ? to[at - from] : '\0';
}

/* "(217) SSS-0] q]" has ten places, whatever stands between them. */
static char *repair_phone(const char *text)
{
    char digits[PHONE_DIGITS + 2];
    int n = 0, real = 0;
    for (const char *p = text; *p; p++) {
        char d = phone_digit(*p);
        if (!d && isalpha((unsigned char)*p)) return NULL;
        if (!d) continue;
        if (n > PHONE_DIGITS) return NULL;
        digits[n++] = d;
        real += d == *p;
    }
    bool plus = text[strspn(text, " ")] == '+', country = n == PHONE_DIGITS + 1 && (digits[0] == '1' || plus);
    if (plus && n == PHONE_DIGITS) return NULL; /* a place was lost */
    if ((n != PHONE_DIGITS && !country) || real < PHONE_REAL) return NULL;
    return strndup(digits + country, PHONE_DIGITS);
}

char *repair_text(enum form_rule rule, const char *text)
{
    switch (rule) {
    case FORM_GRADE:
        return repair_grade(text);
    case FORM_PHONE:
        return repair_phone(text);
    default:
        return NULL;
    }
}
