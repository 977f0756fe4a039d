/* lexicon: words that answers are often made of (given and family names, what schools and towns are called),
 * and the schools that are known here, to tell a misread word from a rare one.  Constant after lexicon_new():
 * any thread.
 *
 * The words are general (words/names.txt, words/places.txt: common names of English and Spanish speakers,
 * common parts of school and town names); the schools come from a file of the operator's (SHEAF_SCHOOLS). */
#ifndef SHEAF_LLM_SVC_LEXICON_H
#define SHEAF_LLM_SVC_LEXICON_H

#include "lib/err.h"
#include "lib/form.h"

typedef struct lexicon lexicon_t;

/* `schools`: path of a CSV file in UTF-8 with a school's name in the first column of each line, or NULL. */
lexicon_t *lexicon_new(const char *schools, struct err *err);
void lexicon_destroy(lexicon_t **lexicon);

/* Is the folded word one that answers of this rule are made of? */
bool lexicon_knows(const lexicon_t *lexicon, enum form_rule rule, const char *folded);
/* How strange a folded word looks beside the known ones: its letters in threes (with its beginning and end)
 * that stand in none of them. */
int lexicon_strange(const lexicon_t *lexicon, const char *folded);
/* Is the word, itself unknown, one letter away from a known one? */
bool lexicon_nears(const lexicon_t *lexicon, enum form_rule rule, const char *folded);
/* For schools and towns (a person may well be called like nobody else): the one known word that is so near
 * that `folded` may be a misreading of it, spelled as usual; NULL: none, or several.  Belongs to the lexicon.
 */
const char *lexicon_nearest(const lexicon_t *lexicon, enum form_rule rule, const char *folded);
/* The schools that are known here, by number from 0: as spelled, and folded.  Belong to the lexicon. */
int lexicon_n_schools(const lexicon_t *lexicon);
const char *lexicon_school(const lexicon_t *lexicon, int i, const char **folded);

#endif
