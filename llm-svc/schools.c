#include "llm-svc/schools.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include "lib/auto.h"
#include "llm-svc/entry_json.h"
#include "llm-svc/trust.h"
#include "lib/vocabulary.h"

/* A reading this sure tells others, and is not changed by them: of those on forms with known truth 99 of 100
 * are right. */
#define SURE 0.87
/* One letter in so many may be wrong, and the next best school must be this much further. */
#define SHARE  5
#define MARGIN 2

static int count_one(struct schools *schools, const char *text, int times, double sure)
{
    AUTO_FREE char *folded = form_fold(text);
    if (!folded) return -1;
    for (int i = 0; i < schools->n; i++) {
        struct school *school = &schools->list[i];
        if (strcmp(school->folded, folded)) continue;
        school->times += times;
        if (sure <= school->sure) return 0;
        char *name = strdup(text); /* as it is spelled where it is read best */
        if (!name) return -1;
        free(school->name);
        school->name = name;
        school->sure = sure;
        return 0;
    }
    if (schools->n == SCHOOLS_MAX) return 0;
    struct school *grown = realloc(schools->list, (size_t)(schools->n + 1) * sizeof *grown);
    if (!grown) return -1;
    schools->list = grown;
    grown[schools->n] = (struct school){.name = strdup(text), .folded = folded, .times = times, .sure = sure};
    if (!grown[schools->n].name) return -1;
    folded = NULL;
    schools->n++;
    return 0;
}

int schools_hear(struct schools *schools, const struct value *value)
{
    return value->signs.odd ? 0 : count_one(schools, value->text, 1, trust_of(value));
}

int schools_add(struct schools *schools, const char *name, int times)
{
    return count_one(schools, name, times, 0);
}

void schools_keep_sure(struct schools *schools)
{
    int kept = 0;
    for (int i = 0; i < schools->n; i++) {
        if (schools->list[i].times > 1 || schools->list[i].sure >= SURE)
            schools->list[kept++] = schools->list[i];
        else
            school_done(&schools->list[i]);
    }
    schools->n = kept;
}

int schools_most_named(const struct schools *schools, int most, const char *names[])
{
    int n = 0, below = INT_MAX;
    while (n < most) { /* a few of a few hundred: once over them for each number of entries */
        int times = 0;
        for (int i = 0; i < schools->n; i++)
            if (schools->list[i].times < below && schools->list[i].times > times) times = schools->list[i].times;
        if (!times) break;
        for (int i = 0; i < schools->n && n < most; i++)
            if (schools->list[i].times == times && !strchr(schools->list[i].name, '\n')) names[n++] = schools->list[i].name;
        below = times;
    }
    return n;
}

/* Do two folded names, word by word, differ in a known one?  `numbers`: or in a number? */
static bool differ_in_word(const lexicon_t *lexicon, bool numbers, const char *read, const char *school)
{
    for (const char *p = read, *q = school; *p && *q;) {
        size_t n = strcspn(p, " "), m = strcspn(q, " ");
        char word[PHRASE_MAX + 1];
        memcpy(word, p, n);
        word[n] = '\0';
        bool differs = n != m || memcmp(p, q, n) != 0;
        bool number = strpbrk(word, "0123456789") != NULL;
        if (differs && (number ? numbers : lexicon_knows(lexicon, FORM_SCHOOL, word))) return true;
        p += n + (p[n] == ' ');
        q += m + (q[m] == ' ');
    }
    return false;
}

static int count_words(const char *folded)
{
    int n = 0;
    for (; *folded; folded++) n += *folded == ' ';
    return n + 1;
}

/* Do two folded names differ in a word that tells two schools apart? */
static bool are_two(const lexicon_t *lexicon, bool numbers, const char *read, const char *school)
{
    return count_words(read) == count_words(school) && differ_in_word(lexicon, numbers, read, school);
}

/* Names to look among, by number. */
typedef const char *folded_at(const void *names, int i);

static const char *heard_at(const void *names, int i)
{
    return ((const struct school *)names)[i].folded;
}

static const char *known_at(const void *names, int i)
{
    const char *folded;
    (void)lexicon_school(names, i, &folded);
    return folded;
}

/* The name that is just this one, -1: none. */
static int find_same(folded_at *at, const void *names, int n, const char *folded)
{
    for (int i = 0; i < n; i++)
        if (!strcmp(at(names, i), folded)) return i;
    return -1;
}

/* The one name that is as near as a misreading, -1: none, or several. */
static int find_near(const lexicon_t *lexicon, folded_at *at, const void *names, int n, const char *folded)
{
    int len = (int)strlen(folded), most = len / SHARE, best = most + 1, second = most + 1 + MARGIN,
        found = -1;
    for (int i = 0; i < n; i++) {
        const char *other = at(names, i);
        int edits = edit_distance(folded, len, other, (int)strlen(other), most + MARGIN);
        if (edits < best) {
            second = best;
            best = edits;
            found = i;
        } else if (edits < second && (found < 0 || strcmp(other, at(names, found)))) {
            second = edits;
        }
    }
    if (found < 0 || best > most || second - best < MARGIN) return -1;
    const char *school = at(names, found);
    return are_two(lexicon, true, folded, school) ? -1 : found;
}

/* Does another say nearly this name?  K-3 may be a misread K-8; East is no misread West. */
static bool is_beside(const struct schools *schools, const lexicon_t *lexicon, const char *folded)
{
    int len = (int)strlen(folded), most = len / SHARE;
    for (int i = 0; i < schools->n; i++) {
        const char *other = schools->list[i].folded;
        if (strcmp(folded, other) && edit_distance(folded, len, other, (int)strlen(other), most) <= most &&
            !are_two(lexicon, false, folded, other))
            return true;
    }
    return false;
}

static int rename_value(struct value *value, const char *name)
{
    char *text = strdup(name);
    if (!text) return -1;
    free(value->text);
    value->text = text;
    return 0;
}

/* NULL: it is no recognised school, or no memory (*rc -1). */
static char *fold_school(const struct value *value, int *rc)
{
    *rc = 0;
    if (value->field->rule != FORM_SCHOOL || strcmp(value->source, "ocr")) return NULL;
    char *folded = form_fold(value->text);
    if (!folded) *rc = -1;
    if (folded && *folded && strlen(folded) <= PHRASE_MAX) return folded;
    free(folded);
    return NULL;
}

int schools_look_up(const lexicon_t *lexicon, bool doubtful, struct value *value)
{
    int rc, n = lexicon_n_schools(lexicon);
    AUTO_FREE char *folded = n ? fold_school(value, &rc) : NULL;
    if (!folded) return n ? rc : 0;
    int i = find_same(known_at, lexicon, n, folded);
    if (i < 0 && doubtful) i = find_near(lexicon, known_at, lexicon, n, folded);
    if (i < 0) return 0;
    const char *unused;
    value->signs.agrees = true;
    return rename_value(value, lexicon_school(lexicon, i, &unused));
}

int schools_settle(const struct schools *schools, const lexicon_t *lexicon, struct value *value)
{
    int rc;
    AUTO_FREE char *folded = schools ? fold_school(value, &rc) : NULL;
    if (!folded) return schools ? rc : 0;
    int i = find_same(heard_at, schools->list, schools->n, folded);
    if (i >= 0) {
        value->signs.heard = schools->list[i].times > 1;
        value->signs.beside = !value->signs.heard && is_beside(schools, lexicon, folded);
        return 0;
    }
    if (trust_of(value) < SURE) i = find_near(lexicon, heard_at, schools->list, schools->n, folded);
    if (i < 0) {
        value->signs.beside = is_beside(schools, lexicon, folded);
        return 0;
    }
    value->signs.heard = true;
    return rename_value(value, schools->list[i].name);
}
