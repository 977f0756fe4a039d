/* choose: which of the letters that a vote has in each place make the likeliest line.
 *
 * Where readings differ a letter is chosen by its share of the votes and by how well it follows those before it (letters.h); a capital in
 * the middle of a word is unlikely, too.  Two places of which some readings fill only one ("rn", "m") are chosen together: what a reading has
 * there counts as one vote, not two.  Letters only: words with digits or an at sign, spaces and small marks stay as they were voted for.  Names
 * are no words, so the votes count much more.  Pure; any thread. */
#ifndef SHEAF_OCR_SVC_CHOOSE_H
#define SHEAF_OCR_SVC_CHOOSE_H

#include <stdint.h>

#define CHOOSE_LETTERS 16 /* of a place */

struct choose_place {
    uint32_t won;                  /* what has most votes: a letter, 0 for none */
    int n;                         /* it and the others that have some */
    uint32_t letter[CHOOSE_LETTERS];
    float share[CHOOSE_LETTERS]; /* of the votes, 0 to 1 */
    float pair[CHOOSE_LETTERS][CHOOSE_LETTERS]; /* … for letter k here by readings that have letter j in the place before */
};

/* Where a place has the letter; -1: nowhere. */
int choose_index_of(const struct choose_place *place, uint32_t letter);
/* The letter chosen in each of n places into `chosen`.  -1: no memory, nothing was written. */
int choose(const struct choose_place *places, int n, uint32_t *chosen);

#endif
