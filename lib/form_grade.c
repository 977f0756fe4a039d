#include <ctype.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include "lib/auto.h"
#include "lib/form.h"
#include "lib/form_rule.h"

#define TOKENS_MAX 8

/* Words for a number, at its index; folded. Kindergarten is 0. */
static const char *const words[FORM_GRADE_MAX + 1][12] = {
    {"k", "kg", "pk", "tk", "prek", "kinder", "kindergarten", "kindergarden", "prekinder", "prekindergarten",
     "preescolar"},
    {"first", "one", "primero", "primer", "primera", "uno"},
    {"second", "two", "segundo", "segunda", "dos"},
    {"third", "three", "tercero", "tercer", "tercera", "tres"},
    {"fourth", "four", "cuarto", "cuarta", "cuatro"},
    {"fifth", "five", "quinto", "quinta", "cinco"},
    {"sixth", "six", "sexto", "sexta", "seis"},
    {"seventh", "seven", "septimo", "septima", "setimo", "siete"},
    {"eighth", "eight", "octavo", "octava", "ocho"},
    {"ninth", "nine", "noveno", "novena", "nueve"},
    {"tenth", "ten", "decimo", "decima", "diez"},
    {"eleventh", "eleven", "undecimo", "decimoprimero", "decimoprimer", "onceavo", "once"},
    {"twelfth", "twelve", "duodecimo", "decimosegundo", "doceavo", "doce"},
};

/* Words that may stand beside the number and say nothing more.  "secundaria" is not one of them: the third of
 * secundaria is not grade 3. */
static const char *const beside[] = {"grade", "grades", "gr",  "grado",    "grad",       "level",
                                     "nivel", "year",   "ano", "curso",    "the",        "de",
                                     "del",   "in",     "en",  "primaria", "elementary", "student"};

/* What an ordinal's ending says about its number: bit n set when the ending fits n.  OCR that misreads a
 * digit often breaks this agreement ("3th"), and then nothing is better than a wrong grade. */
#define BIT(n) (1u << (n))
#define ANY    0x1FFFu
static const struct {
    const char *text;
    unsigned fits;
} endings[] = {
    {"st", BIT(1)},
    {"nd", BIT(2)},
    {"rd", BIT(3)},
    {"th", BIT(4) | BIT(5) | BIT(6) | BIT(7) | BIT(8) | BIT(9) | BIT(10) | BIT(11) | BIT(12)},
    {"ro", BIT(1) | BIT(3)},
    {"er", BIT(1) | BIT(3)},
    {"ero", BIT(1) | BIT(3)},
    {"do", BIT(2)},
    {"to", BIT(4) | BIT(5) | BIT(6)},
    {"mo", BIT(7) | BIT(10) | BIT(11) | BIT(12)},
    {"vo", BIT(8) | BIT(11) | BIT(12)},
    {"avo", BIT(8) | BIT(11) | BIT(12)},
    {"no", BIT(9)},
    {"o", ANY},
    {"a", ANY},
    {"b", ANY}, /* a section: 5B */
    {"c", ANY},
    {"d", ANY},
};

static bool in_list(const char *word, const char *const *list, size_t n)
{
    for (size_t i = 0; i < n && list[i]; i++)
        if (!strcmp(word, list[i])) return true;
    return false;
}

static int word_number(const char *word)
{
    for (int n = 0; n <= FORM_GRADE_MAX; n++)
        if (in_list(word, words[n], COUNT_OF(words[n]))) return n;
    return -1;
}

/* Letters that recognition confuses with digits, as form_fold() leaves them. */
static char digit_of(char c)
{
    static const char from[] = "oilsbz", to[] = "011582";
    const char *at = c ? strchr(from, c) : NULL;
    return at ? to[at - from] : c;
}

static int digits_number(const char *digits, size_t len)
{
    if (len < 1 || len > 3) return -1;
    int n = 0;
    for (size_t i = 0; i < len; i++) {
        if (!isdigit((unsigned char)digits[i])) return -1;
        n = n * 10 + (digits[i] - '0');
    }
    return n;
}

/* "5", "5th", "05", "5to"; with `repair` also "sth" and "1oth".  -1 when it is no number or its ending does
 * not agree. */
static int ordinal_number(const char *word, bool repair)
{
    char stem[8];
    size_t len = strlen(word);
    if (len >= sizeof stem) return -1;
    int n = digits_number(word, len);
    if (n >= 0) return n;
    for (size_t i = 0; i < COUNT_OF(endings); i++) {
        size_t tail = strlen(endings[i].text);
        if (len <= tail || strcmp(word + len - tail, endings[i].text)) continue;
        if (repair && tail < 2) continue;
        for (size_t j = 0; j < len - tail; j++) stem[j] = repair ? digit_of(word[j]) : word[j];
        n = digits_number(stem, len - tail);
        if (n >= 1 && n <= FORM_GRADE_MAX && !(endings[i].fits & BIT(n))) return -1;
        if (n >= 0) return n;
    }
    return -1;
}

/* Cuts the folded text into words, in place. */
static int cut(char *text, char *tokens[TOKENS_MAX])
{
    int n = 0;
    char *save = NULL;
    for (char *t = strtok_r(text, " ", &save); t; t = strtok_r(NULL, " ", &save)) {
        if (n == TOKENS_MAX) return -1;
        tokens[n++] = t;
    }
    return n;
}

/* Joins what people write in two words: "pre k", "kinder garten", "5 th", "decimo primero". */
static void join_pairs(char *tokens[TOKENS_MAX], int *n, char room[][32])
{
    for (int i = 0; i + 1 < *n; i++) {
        size_t a = strlen(tokens[i]), b = strlen(tokens[i + 1]);
        if (a + b >= 32) continue;
        char joined[32];
        memcpy(joined, tokens[i], a);
        memcpy(joined + a, tokens[i + 1], b + 1);
        bool number = digits_number(tokens[i], a) >= 0 && !isdigit((unsigned char)tokens[i + 1][0]);
        if (word_number(joined) < 0 && !(number && ordinal_number(joined, false) >= 0)) continue;
        memcpy(room[i], joined, a + b + 1);
        tokens[i] = room[i];
        memmove(&tokens[i + 1], &tokens[i + 2], (size_t)(*n - i - 2) * sizeof *tokens);
        (*n)--;
    }
}

/* The grade that the words name, 0 for kindergarten; -1: none, or more than one. */
static int grade_of(char *tokens[TOKENS_MAX], int n)
{
    int found = -1;
    bool named = false; /* "grade" or "grado" stands there */
    for (int i = 0; i < n; i++) named = named || !strncmp(tokens[i], "gra", 3);
    for (int i = 0; i < n; i++) {
        if (in_list(tokens[i], beside, COUNT_OF(beside))) continue;
        int number = word_number(tokens[i]);
        bool spelled = number >= 0;
        if (number < 0) number = ordinal_number(tokens[i], false);
        if (number < 0) number = ordinal_number(tokens[i], true);
        /* The degree sign of "11° grado" is often read as a zero. */
        if (number > FORM_GRADE_MAX && number % 10 == 0 && named) number /= 10;
        bool same = found >= 0 && number == found; /* "5 (fifth)" */
        if (number < 0 || (found >= 0 && !same)) return -1;
        found = number;
        if (found == 0 && !spelled) return -1; /* "0" and "Oth" are not kindergarten */
    }
    return found > FORM_GRADE_MAX ? -1 : found;
}

char *form_grade(const char *text, struct err *err)
{
    AUTO_FREE char *folded = form_fold(text);
    if (!folded) {
        err_set(err, ERR_NOMEM, "grade");
        return NULL;
    }
    char *tokens[TOKENS_MAX], room[TOKENS_MAX][32], out[12];
    int n = cut(folded, tokens);
    if (n > 0) join_pairs(tokens, &n, room);
    int grade = n > 0 ? grade_of(tokens, n) : -1;
    if (grade < 0) {
        err_set(err, ERR_INPUT, "A grade is K or 1 to 12.");
        return NULL;
    }
    snprintf(out, sizeof out, "%d", grade);
    char *value = strdup(grade == 0 ? "K" : out);
    if (!value) err_set(err, ERR_NOMEM, "grade");
    return value;
}
