/* vote: several readings of the same piece of writing made one, letter by letter.
 *
 * Readings are aligned one after the other to what the earlier ones make, as ROVER does with speech; in each
 * place the letter with the most weight wins, "none" being one of the letters; a small mark (a stop, a
 * hyphen) and a gap need less than none does.  Between letters that have nearly as much, those before them tell (choose.h).  Pure; any thread.
 */
#ifndef SHEAF_OCR_SVC_VOTE_H
#define SHEAF_OCR_SVC_VOTE_H

#include <stdint.h>

#define VOTE_READINGS 16
#define VOTE_LETTERS  320 /* of a reading; a longer one is not heard */
#define VOTE_PLACES   (2 * VOTE_LETTERS)

struct vote_reading {
    const char *text; /* UTF-8 */
    double weight;    /* above 0 */
};

/* What won in each place: a letter, or 0 where most readings have none, and the share of all weight that is
 * behind it (0 to 1). */
struct vote_result {
    int n;
    uint32_t letter[VOTE_PLACES];
    float share[VOTE_PLACES];
};

/* The first reading is what the others are laid beside: give one that is trusted.  Readings above
 * VOTE_READINGS are not heard.  -1: no memory. */
int vote(const struct vote_reading *readings, int n, struct vote_result *result);

#endif
