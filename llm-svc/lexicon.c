#include "llm-svc/lexicon.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "lib/auto.h"
#include "lib/embed.h"
#include "lib/utf8.h"
#include "lib/vocabulary.h"

EMBED(words_names, "llm-svc/words/names.txt");
EMBED(words_places, "llm-svc/words/places.txt");

#define WORD_LETTERS 32
#define SCHOOLS_MAX  100000
#define LINE_MAX_    512
/* A word this long may have one letter wrong and still be taken for a known one.  Shorter words have too many
 * neighbours, and two letters make "Cottonwood" of "Buttonwood". */
#define NEAR_LETTERS 5

struct word_entry {
    char *folded; /* what it is compared by */
    char *usual;  /* as it is spelled */
};

struct list {
    struct word_entry *words; /* sorted by `folded` */
    int n;
};

#define SIGNS 28 /* a to z, what separates words, anything else */

struct lexicon {
    struct list names, places, schools;
    bool threes[SIGNS][SIGNS][SIGNS]; /* letters that follow one another in known words */
};

static int sign_of(char c)
{
    return c >= 'a' && c <= 'z' ? c - 'a' : c == ' ' || c == '\0' ? 26 : 27;
}

int lexicon_strange(const lexicon_t *lexicon, const char *folded)
{
    int strange = 0, a = 26, b = sign_of(*folded);
    for (const char *p = folded; *p; p++) {
        int c = sign_of(p[1]);
        strange += !lexicon->threes[a][b][c];
        a = b;
        b = c;
    }
    return strange;
}

static void learn_threes(lexicon_t *lexicon, const struct list *list)
{
    for (int i = 0; i < list->n; i++) {
        int a = 26, b = sign_of(*list->words[i].folded);
        for (const char *p = list->words[i].folded; *p; p++) {
            int c = sign_of(p[1]);
            lexicon->threes[a][b][c] = true;
            a = b;
            b = c;
        }
    }
}

static int by_folded(const void *a, const void *b)
{
    return strcmp(((const struct word_entry *)a)->folded, ((const struct word_entry *)b)->folded);
}

static int list_add(struct list *list, const char *text, size_t len, struct err *err)
{
    if ((list->n & (list->n - 1)) == 0) { /* full at each power of two */
        size_t room = list->n ? (size_t)list->n * 2 : 1;
        struct word_entry *grown = realloc(list->words, room * sizeof *grown);
        if (!grown) return err_set(err, ERR_NOMEM, "lexicon");
        list->words = grown;
    }
    char *usual = strndup(text, len);
    char *folded = usual ? form_fold(usual) : NULL;
    if (!folded) {
        free(usual);
        return err_set(err, ERR_NOMEM, "lexicon");
    }
    list->words[list->n++] = (struct word_entry){folded, usual};
    return 0;
}

static void list_done(struct list *list)
{
    for (int i = 0; i < list->n; i++) {
        free(list->words[i].folded);
        free(list->words[i].usual);
    }
    free(list->words);
}

static int load_words(struct list *list, const char *text, struct err *err)
{
    for (const char *p = text + strspn(text, " \n"); *p; p += strspn(p, " \n")) {
        size_t len = strcspn(p, " \n");
        if (list_add(list, p, len, err)) return -1;
        p += len;
    }
    qsort(list->words, (size_t)list->n, sizeof *list->words, by_folded);
    return 0;
}

/* The first cell of a line of CSV, quoted or not; a heading ("name", "school") is none. */
static char *first_cell(char *line)
{
    char *cell = line, *end;
    if (*cell == '"') {
        end = strchr(++cell, '"');
    } else {
        end = cell + strcspn(cell, ",;\t\r\n");
    }
    if (!end) return NULL;
    *end = '\0';
    static const char *const headings[] = {"name",        "school",  "school_name",
                                           "school name", "escuela", "nombre"};
    for (size_t i = 0; i < COUNT_OF(headings); i++)
        if (!strcasecmp(cell, headings[i])) return NULL;
    return *cell ? cell : NULL;
}

static int load_schools(struct list *list, const char *path, struct err *err)
{
    AUTO_FCLOSE FILE *file = fopen(path, "re");
    if (!file) return err_set(err, ERR_CONFIG, "SHEAF_SCHOOLS: %s cannot be opened", path);
    char line[LINE_MAX_];
    for (int number = 1; fgets(line, sizeof line, file); number++) {
        const char *name = first_cell(strncmp(line, "\xEF\xBB\xBF", 3) ? line : line + 3);
        if (!name) continue;
        /* It could stand in no record, which would show only with the first document that names such a school. */
        if (!utf8_is(name))
            return err_set(err, ERR_CONFIG, "SHEAF_SCHOOLS: line %d of %.100s is not UTF-8; save it as \"CSV UTF-8\"", number, path);
        if (list->n == SCHOOLS_MAX)
            return err_set(err, ERR_CONFIG, "SHEAF_SCHOOLS: more than %d schools", SCHOOLS_MAX);
        if (list_add(list, name, strlen(name), err)) return -1;
    }
    return 0;
}

lexicon_t *lexicon_new(const char *schools, struct err *err)
{
    lexicon_t *lexicon = calloc(1, sizeof *lexicon);
    if (!lexicon) {
        err_set(err, ERR_NOMEM, "lexicon");
        return NULL;
    }
    if (load_words(&lexicon->names, words_names, err) || load_words(&lexicon->places, words_places, err) ||
        (schools && load_schools(&lexicon->schools, schools, err)))
        lexicon_destroy(&lexicon);
    if (!lexicon) return NULL;
    learn_threes(lexicon, &lexicon->names);
    learn_threes(lexicon, &lexicon->places);
    return lexicon;
}

void lexicon_destroy(lexicon_t **lexicon)
{
    if (!*lexicon) return;
    list_done(&(*lexicon)->names);
    list_done(&(*lexicon)->places);
    list_done(&(*lexicon)->schools);
    free(*lexicon);
    *lexicon = NULL;
}

/* Schools and towns are named after people, too. */
static int lists_of(const lexicon_t *lexicon, enum form_rule rule, const struct list *lists[2])
{
    lists[0] = &lexicon->names;
    lists[1] = &lexicon->places;
    return rule == FORM_NAME ? 1 : rule == FORM_SCHOOL || rule == FORM_TEXT ? 2 : 0;
}

bool lexicon_knows(const lexicon_t *lexicon, enum form_rule rule, const char *folded)
{
    const struct list *lists[2];
    const struct word_entry wanted = {.folded = (char *)folded};
    for (int i = 0, n = lists_of(lexicon, rule, lists); i < n; i++)
        if (bsearch(&wanted, lists[i]->words, (size_t)lists[i]->n, sizeof wanted, by_folded)) return true;
    return false;
}

/* The known word one letter away from `folded`; *tie: there are several. */
static const struct word_entry *find_near(const lexicon_t *lexicon, enum form_rule rule, const char *folded,
                                          bool *tie)
{
    const struct list *lists[2];
    const struct word_entry *best = NULL;
    int len = (int)strlen(folded);
    *tie = false;
    for (int i = 0, n = lists_of(lexicon, rule, lists); i < n; i++) {
        for (int w = 0; w < lists[i]->n; w++) {
            const struct word_entry *entry = &lists[i]->words[w];
            if (edit_distance(folded, len, entry->folded, (int)strlen(entry->folded), 1) > 1) continue;
            if (best && strcmp(best->folded, entry->folded)) *tie = true;
            best = entry;
        }
    }
    return best;
}

bool lexicon_nears(const lexicon_t *lexicon, enum form_rule rule, const char *folded)
{
    bool tie;
    size_t len = strlen(folded);
    return len >= NEAR_LETTERS - 1 && len <= WORD_LETTERS && find_near(lexicon, rule, folded, &tie) != NULL;
}

const char *lexicon_nearest(const lexicon_t *lexicon, enum form_rule rule, const char *folded)
{
    bool tie;
    size_t len = strlen(folded);
    if (rule == FORM_NAME || len < NEAR_LETTERS || len > WORD_LETTERS) return NULL;
    const struct word_entry *near = find_near(lexicon, rule, folded, &tie);
    return near && !tie ? near->usual : NULL;
}

int lexicon_n_schools(const lexicon_t *lexicon)
{
    return lexicon->schools.n;
}

const char *lexicon_school(const lexicon_t *lexicon, int i, const char **folded)
{
    *folded = lexicon->schools.words[i].folded;
    return lexicon->schools.words[i].usual;
}
