#include "ocr-svc/vote.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include "lib/auto.h"
#include "lib/utf8.h"
#include "ocr-svc/alike.h"
#include "ocr-svc/choose.h"
#include "ocr-svc/letters.h"

#define NONE 0 /* the letter of a reading that has none in a place */
/* Small marks and gaps between words are overlooked more often than imagined: one needs this much of the weight behind none. */
#define OVERLOOKED 0.3f
/* So much of a reading's weight goes to the other that it may stand for (alike.h). */
#define ALIKE 0.1

/* A place in the line, with what each reading heard so far has there. */
struct place {
    uint32_t letter[VOTE_READINGS];
};

struct tally {
    struct place places[VOTE_PLACES];
    int n_places, n_heard;
    double weight[VOTE_READINGS], total;
    int lender[VOTE_READINGS]; /* of an alike reading: whose weight it has some of; -1: it is none */
    float cost[VOTE_PLACES + 1][VOTE_LETTERS + 1]; /* of laying j letters beside i places */
};

/* Code points of `text`; -1: too many. Bytes that are no UTF-8 stand for themselves. */
static int letters_of(const char *text, uint32_t out[VOTE_LETTERS])
{
    int n = 0;
    while (*text) {
        if (n == VOTE_LETTERS) return -1;
        unsigned char byte = (unsigned char)*text;
        bool is_one = utf8_length(text) > 0;
        uint32_t c = utf8_next(&text);
        out[n++] = is_one ? c : byte;
    }
    return n;
}

/* Share of the weight heard so far that is for `letter` in a place. */
static float share(const struct tally *t, int place, uint32_t letter)
{
    double sum = 0;
    for (int r = 0; r < t->n_heard; r++)
        if (t->places[place].letter[r] == letter) sum += t->weight[r];
    return t->total > 0 ? (float)(sum / t->total) : 0;
}

/* What it costs to go one step on from where i places and j letters are used up: by a place that is used for
 * the letter, a place that has none of them, a letter that has no place. */
enum step { USED, LEFT_OUT, OPENED, STEPS };

static enum step cheapest(const struct tally *t, const uint32_t *letters, int i, int j, float *cost)
{
    float of[STEPS] = {INFINITY, INFINITY, INFINITY};
    if (i > 0 && j > 0) of[USED] = t->cost[i - 1][j - 1] + 1 - share(t, i - 1, letters[j - 1]);
    if (i > 0) of[LEFT_OUT] = t->cost[i - 1][j] + 1 - share(t, i - 1, NONE);
    if (j > 0) of[OPENED] = t->cost[i][j - 1] + 1;
    enum step best = USED;
    for (enum step s = LEFT_OUT; s < STEPS; s++)
        if (of[s] < of[best]) best = s;
    *cost = of[best];
    return best;
}

static void count_costs(struct tally *t, const uint32_t *letters, int n)
{
    t->cost[0][0] = 0;
    for (int i = 0; i <= t->n_places; i++)
        for (int j = i == 0; j <= n; j++) (void)cheapest(t, letters, i, j, &t->cost[i][j]);
}

/* A place between others that the readings heard so far have no letter for. */
static void open_place(struct tally *t, int at)
{
    memmove(t->places + at + 1, t->places + at, (size_t)(t->n_places - at) * sizeof *t->places);
    memset(&t->places[at], 0, sizeof *t->places);
    t->n_places++;
}

/* Lays the letters beside the places on the cheapest way, from its end. */
static void lay(struct tally *t, const uint32_t *letters, int n)
{
    count_costs(t, letters, n);
    for (int i = t->n_places, j = n; i > 0 || j > 0;) {
        float cost;
        enum step step = cheapest(t, letters, i, j, &cost);
        if (step == OPENED)
            open_place(t, i);
        else
            i--;
        t->places[i].letter[t->n_heard] = step == LEFT_OUT ? NONE : letters[--j];
    }
}

/* False: it is too long, or one too many. */
static bool hear(struct tally *t, const char *text, double weight)
{
    uint32_t letters[VOTE_LETTERS];
    int n = letters_of(text, letters);
    if (n < 0 || t->n_places + n > VOTE_PLACES || t->n_heard == VOTE_READINGS) return false;
    lay(t, letters, n);
    t->lender[t->n_heard] = -1;
    t->weight[t->n_heard++] = weight;
    t->total += weight;
    return true;
}

/* What the `lender`-th reading may stand for, too, gets some of its weight. */
static void hear_alike(struct tally *t, const char *text, int lender)
{
    char other[ALIKE_BYTES];
    double lent = ALIKE * t->weight[lender];
    if (!alike(text, other) || !hear(t, other, lent)) return;
    t->lender[t->n_heard - 1] = lender;
    t->weight[lender] -= lent;
    t->total -= lent;
}

static void give_back(struct tally *t)
{
    for (int r = 0; r < t->n_heard; r++) {
        if (t->lender[r] < 0) continue;
        t->weight[t->lender[r]] += t->weight[r];
        t->weight[r] = 0;
    }
}

static bool is_overlooked(uint32_t letter)
{
    return letters_is_mark(letter) || letter == ' ';
}

/* What has most votes in a place. */
static uint32_t most_voted(const struct tally *t, int place)
{
    uint32_t best = NONE;
    float most = share(t, place, NONE), none = most;
    for (int r = 0; r < t->n_heard; r++) {
        uint32_t c = t->places[place].letter[r];
        float of_letter = share(t, place, c);
        bool against_none = best == NONE && is_overlooked(c) && of_letter > OVERLOOKED * none;
        if (of_letter > most || against_none) most = of_letter, best = c;
    }
    return best;
}

static void put_to_choice(const struct tally *t, int place, struct choose_place *p)
{
    *p = (struct choose_place){.won = most_voted(t, place), .n = 1};
    p->letter[0] = p->won;
    p->share[0] = share(t, place, p->won);
    for (int r = 0; r < t->n_heard; r++) {
        uint32_t c = t->places[place].letter[r];
        if (choose_index_of(p, c) >= 0 || p->n == CHOOSE_LETTERS) continue;
        p->letter[p->n] = c;
        p->share[p->n++] = share(t, place, c);
    }
}

/* Which letters the readings have one behind the other. */
static void put_pairs(const struct tally *t, int place, const struct choose_place *before, struct choose_place *p)
{
    for (int r = 0; r < t->n_heard; r++) {
        int k = choose_index_of(p, t->places[place].letter[r]), j = choose_index_of(before, t->places[place - 1].letter[r]);
        if (k >= 0 && j >= 0) p->pair[k][j] += (float)(t->weight[r] / t->total);
    }
}

static int count(struct tally *t, struct vote_result *result)
{
    AUTO_FREE struct choose_place *places = calloc((size_t)t->n_places + 1, sizeof *places);
    if (!places) return -1;
    for (int i = 0; i < t->n_places; i++) {
        put_to_choice(t, i, &places[i]);
        if (i > 0) put_pairs(t, i, &places[i - 1], &places[i]);
    }
    if (choose(places, t->n_places, result->letter)) return -1;
    result->n = t->n_places;
    for (int i = 0; i < t->n_places; i++) result->share[i] = share(t, i, result->letter[i]);
    give_back(t); /* a letter that stood is as sure as if nobody had asked what else it may be */
    for (int i = 0; i < t->n_places; i++) result->share[i] = fmaxf(result->share[i], share(t, i, result->letter[i]));
    return 0;
}

int vote(const struct vote_reading *readings, int n, struct vote_result *result)
{
    struct tally *t = calloc(1, sizeof *t);
    if (!t) return -1;
    int heard[VOTE_READINGS], n_heard = 0; /* which of the readings */
    for (int r = 0; r < n; r++)
        if (hear(t, readings[r].text, readings[r].weight)) heard[n_heard++] = r;
    for (int i = 0; i < n_heard; i++) hear_alike(t, readings[heard[i]].text, i);
    int bad = count(t, result);
    free(t);
    return bad;
}
