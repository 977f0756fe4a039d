/* triage: which doubtful pieces of a page are read again when all of them would cost too much.
 *
 * Every page of a form that we saw costs less than a third of what is allowed, so this decides over pages that are
 * no forms: dense text that is read badly, noise, pictures of ten thousand words. Pure; any thread. */
#ifndef SHEAF_OCR_SVC_TRIAGE_H
#define SHEAF_OCR_SVC_TRIAGE_H

#include <stdbool.h>
#include <stddef.h>

struct triage_piece {
    double cost;       /* triage_cost() */
    size_t line_words; /* words of the line that it stands in */
    bool chosen;
};

/* What reading a piece of so many pixels in all its ways costs: about milliseconds of a core, but the same on every
 * machine, so that a page reads the same everywhere. */
double triage_cost(int width, int height);

/* Chooses as many as `budget` pays for, those in short lines first, since a label and its answer stand in such a line and an
 * essay in long ones; in lines of the same length the upper one. What does not fit any more is passed over for what does. */
void triage(struct triage_piece *pieces, size_t n, double budget);

#endif
