#include "ocr-svc/triage.h"

/* Measured over 1,000 pieces of 20 pages: what a reading costs is its line brought to one height, then every pixel that
 * is looked for letters, which is what a piece costs that is a paragraph by mistake. */
#define EACH       10.0
#define SQUARE     6.0 /* so wide as high */
#define KILOPIXELS 1.0

double triage_cost(int width, int height)
{
    if (width < 1 || height < 1) return EACH;
    return EACH + SQUARE * width / height + KILOPIXELS * width * height / 1000;
}

/* The shortest line of more than `after` words. */
static bool next_length(const struct triage_piece *pieces, size_t n, size_t after, size_t *length)
{
    bool found = false;
    for (size_t i = 0; i < n; i++) {
        if (pieces[i].line_words <= after || (found && pieces[i].line_words >= *length)) continue;
        *length = pieces[i].line_words;
        found = true;
    }
    return found;
}

void triage(struct triage_piece *pieces, size_t n, double budget)
{
    for (size_t i = 0; i < n; i++) pieces[i].chosen = false;
    for (size_t length = 0; next_length(pieces, n, length, &length);)
        for (size_t i = 0; i < n; i++) {
            if (pieces[i].line_words != length || pieces[i].cost > budget) continue;
            pieces[i].chosen = true;
            budget -= pieces[i].cost;
        }
}
