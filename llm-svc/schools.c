#include "llm-svc/schools.h"

#include <stdlib.h>
#include <string.h>
#include "lib/auto.h"
#include "llm-svc/entry_json.h"
#include "llm-svc/trust.h"
#include "llm-svc/vocabulary.h"

/* A reading this sure tells others, and is not changed by them: of those on forms with known truth 97 of 100
 * are right. */
#define SURE 0.95
/* One letter in so many may be wrong, and the next best school must be this much further. */
#define SHARE  5
#define MARGIN 2

int schools_hear(struct schools *schools, const struct value *value)
{
    AUTO_FREE char *folded = form_fold(value->text);
    double sure = trust_of(value);
    if (!folded) return -1;
    for (int i = 0; i < schools->n; i++) {
        struct school *school = &schools->list[i];
        if (strcmp(school->folded, folded)) continue;
        school->times++;
        if (sure <= school->sure) return 0;
        char *name = strdup(value->text); /* as it is spelled where it is read best */
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
    grown[schools->n] =
        (struct school){.name = strdup(value->text), .folded = folded, .times = 1, .sure = sure};
    if (!grown[schools->n].name) return -1;
    folded = NULL;
    schools->n++;
    return 0;
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

/* Do two folded names differ in a word that tells two schools apart: a number, or a word of its own? */
static bool are_two(const lexicon_t *lexicon, const char *read, const char *school)
{
    for (const char *p = read, *q = school; *p && *q;) {
        size_t n = strcspn(p, " "), m = strcspn(q, " ");
        char word[PHRASE_MAX + 1];
        memcpy(word, p, n);
        word[n] = '\0';
        bool differs = n != m || memcmp(p, q, n) != 0;
        if (differs && (strpbrk(word, "0123456789") || lexicon_knows(lexicon, FORM_SCHOOL, word)))
            return true;
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

/* The one school that is as near as a misreading; NULL: none, or several. */
static const struct school *nearest(const struct schools *schools, const lexicon_t *lexicon,
                                    const char *folded)
{
    int len = (int)strlen(folded), most = len / SHARE, best = most + 1, second = most + 1 + MARGIN;
    const struct school *found = NULL;
    for (int i = 0; i < schools->n; i++) {
        const char *other = schools->list[i].folded;
        int edits = edit_distance(folded, len, other, (int)strlen(other), most + MARGIN);
        if (edits < best) {
            second = best;
            best = edits;
            found = &schools->list[i];
        } else if (edits < second) {
            second = edits;
        }
    }
    if (!found || best > most || second - best < MARGIN) return NULL;
    bool aligned = count_words(folded) == count_words(found->folded);
    return aligned && are_two(lexicon, folded, found->folded) ? NULL : found;
}

int schools_settle(const struct schools *schools, const lexicon_t *lexicon, struct value *value)
{
    if (!schools || value->field->rule != FORM_SCHOOL || strcmp(value->source, "ocr")) return 0;
    AUTO_FREE char *folded = form_fold(value->text);
    if (!folded) return -1;
    if (!*folded || strlen(folded) > PHRASE_MAX) return 0;
    for (int i = 0; i < schools->n; i++) {
        if (strcmp(schools->list[i].folded, folded)) continue;
        value->signs.heard = schools->list[i].times > 1;
        return 0;
    }
    const struct school *school = trust_of(value) < SURE ? nearest(schools, lexicon, folded) : NULL;
    if (!school) return 0;
    char *text = strdup(school->name);
    if (!text) return -1;
    free(value->text);
    value->text = text;
    value->signs.heard = true;
    return 0;
}
