#include "ocr-svc/choose.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include "lib/auto.h"
#include "ocr-svc/letters.h"

#define NONE 0
/* What a letter's likelihood weighs beside its votes.  Each is counted from that of a letter in a common word, else lines
 * with fewer letters would win. */
#define WEIGHT 0.3f
#define COMMON 2.6f
/* All weigh as if so much of the votes had gone to each letter: one that few readings have is not impossible. */
#define SEEN_BY_NOBODY 0.02f
/* What has most votes is given up for something that is clearly likelier, not for something that is a little. */
#define KEPT 0.5f
/* … and less easily for no letter at all. */
#define LEFT_OUT 0.5f
/* A capital behind a small letter, a small letter behind two capitals. */
#define MIXED_CASE 4.0f
/* Of two places of which some readings fill only one, so much of a letter's share in the second is that among the readings that have the line's letter in
 * the first. */
#define TOGETHER 0.7f
/* Lines that are followed at the same time. */
#define LINES 16
/* A word's letters, its edge with them. */
#define SHORTEST_WORD 2

enum shape { BEGUN, SMALL, LARGE, LARGER };

/* A line up to some place. */
struct line {
    float score;
    uint8_t before[LETTERS_BEFORE]; /* signs of its last word, the edge where it began with them */
    uint8_t n_before, shape;
    uint8_t parent; /* which line of the place before it goes on */
    uint32_t letter;
};

struct lines {
    struct line line[LINES];
    int n;
};

/* Is what won in the places `from` to `to` a word that letters can say something about?  Not a number, an address, an initial. */
static bool is_word(const struct choose_place *places, int from, int to)
{
    int letters = 0, stops = 0;
    for (int i = from; i < to; i++) {
        uint32_t c = places[i].won;
        if ((c >= '0' && c <= '9') || c == '@' || c == '_' || c == '/' || c == '\\') return false;
        if (c != NONE && c != '.' && c != ',' && stops) return false; /* a stop within */
        stops += c == '.';
        letters += letters_sign(c) >= 0;
    }
    return letters >= SHORTEST_WORD;
}

/* ---- a line, longer by a letter ------------------------------------------------------------------ */

static void begin_word(struct line *line)
{
    line->before[0] = LETTERS_EDGE;
    line->n_before = 1;
    line->shape = BEGUN;
}

static float likely(const struct line *line, int next)
{
    return WEIGHT * (letters_follow(line->before, line->n_before, next) + COMMON);
}

static float end_of_word(const struct line *line)
{
    return line->n_before > 1 ? likely(line, LETTERS_EDGE) : 0;
}

/* Beginnings behind which names have a capital: McX, MacX, DeX, LaX, … */
static bool is_particle(const struct line *line)
{
    static const char *const particles[] = {"mc", "mac", "de", "di", "du", "la", "le", "o", "d"};
    for (size_t p = 0; p < COUNT_OF(particles); p++) {
        size_t len = strlen(particles[p]), same = 0;
        if (line->n_before != len + 1 || line->before[0] != LETTERS_EDGE) continue;
        while (same < len && line->before[same + 1] == particles[p][same] - 'a') same++;
        if (same == len) return true;
    }
    return false;
}

static void add_letter(struct line *line, uint32_t letter, int sign)
{
    bool large = letters_is_large(letter);
    line->score += likely(line, sign);
    if ((large && line->shape == SMALL && !is_particle(line)) || (!large && line->shape == LARGER)) line->score -= MIXED_CASE;
    line->shape = !large ? SMALL : line->shape == BEGUN || line->shape == SMALL ? LARGE : LARGER;
    if (line->n_before == LETTERS_BEFORE) memmove(line->before, line->before + 1, --line->n_before);
    line->before[line->n_before++] = (uint8_t)sign;
}

/* `line` with the letter; `word`: it is part of a word. */
static struct line longer(const struct line *line, uint32_t letter, float share, bool certain, bool word)
{
    struct line next = *line;
    int sign = letters_sign(letter);
    next.letter = letter;
    if (!certain) next.score += logf(share + SEEN_BY_NOBODY);
    if (letter == NONE) return next;
    if (letter == ' ') next.score += end_of_word(line);
    if (word && sign >= 0)
        add_letter(&next, letter, sign);
    else
        begin_word(&next);
    return next;
}

/* ---- the lines of a place ------------------------------------------------------------------------ */

static bool go_on_alike(const struct line *a, const struct line *b)
{
    return a->letter == b->letter && a->n_before == b->n_before && a->shape == b->shape && !memcmp(a->before, b->before, a->n_before);
}

/* Of lines that go on alike only the better is followed; of too many the worst is not. */
static void follow(struct lines *lines, const struct line *line)
{
    int at = -1, worst = 0;
    for (int i = 0; i < lines->n && at < 0; i++) {
        if (go_on_alike(&lines->line[i], line)) at = i;
        if (lines->line[i].score < lines->line[worst].score) worst = i;
    }
    if (at < 0 && lines->n < LINES)
        lines->line[lines->n++] = *line;
    else if (line->score > lines->line[at < 0 ? worst : at].score)
        lines->line[at < 0 ? worst : at] = *line;
}

/* May a letter stand in the place of what won? */
static bool may_be(const struct choose_place *place, uint32_t letter)
{
    return letter == place->won || letter == NONE || letters_sign(letter) >= 0 || letters_is_mark(letter);
}

int choose_index_of(const struct choose_place *place, uint32_t letter)
{
    for (int k = 0; k < place->n; k++)
        if (place->letter[k] == letter) return k;
    return -1;
}

static bool is_filled_by_some(const struct choose_place *place)
{
    return place->n > 1 && choose_index_of(place, NONE) >= 0;
}

/* What a place's letters count for a line, and which of them most of the votes are for. */
struct heard {
    float share[CHOOSE_LETTERS];
    uint32_t won;
};

/* `before`: the place before, NULL for the first. */
static void hear(const struct line *line, const struct choose_place *before, const struct choose_place *place, struct heard *heard)
{
    memcpy(heard->share, place->share, sizeof heard->share);
    heard->won = place->won;
    int j = before && (is_filled_by_some(before) || is_filled_by_some(place)) ? choose_index_of(before, line->letter) : -1;
    if (j < 0 || before->share[j] <= 0) return;
    float most = 0;
    for (int k = 0; k < place->n; k++) {
        heard->share[k] = TOGETHER * place->pair[k][j] / before->share[j] + (1 - TOGETHER) * place->share[k];
        if (line->letter == before->won || place->pair[k][j] <= most) continue;
        most = place->pair[k][j];
        heard->won = place->letter[k];
    }
}

/* An ñ before a vowel is seen, hardly ever imagined, and too rare for letters to speak for it. */
static bool is_sure(const struct choose_place *place, const struct choose_place *end)
{
    const struct choose_place *next = place + 1;
    if (letters_sign(place->won) != LETTERS_ENYE) return false;
    while (next < end && next->won == NONE) next++;
    int sign = next < end ? letters_sign(next->won) : -1;
    return sign >= 0 && sign < LETTERS_ENYE && strchr("aeiou", 'a' + sign);
}

/* `first` and `end`: of all places. */
static void go_on(const struct lines *from, const struct choose_place *first, const struct choose_place *place, const struct choose_place *end,
                  bool word, struct lines *to)
{
    bool certain = !word || place->won == ' ' || letters_is_mark(place->won), sure = certain || is_sure(place, end);
    to->n = 0;
    for (int i = 0; i < from->n; i++) {
        struct heard heard;
        hear(&from->line[i], place > first ? place - 1 : NULL, place, &heard);
        for (int k = 0; k < place->n; k++) {
            uint32_t c = place->letter[k];
            if (sure ? c != place->won : !may_be(place, c)) continue;
            struct line next = longer(&from->line[i], c, heard.share[k], certain, word);
            next.score += c == heard.won ? KEPT : c == NONE ? -LEFT_OUT : 0;
            next.parent = (uint8_t)i;
            follow(to, &next);
        }
    }
}

static void write_best(const struct lines *lines, int n, uint32_t *chosen)
{
    int best = 0;
    const struct lines *last = &lines[n];
    for (int i = 1; i < last->n; i++)
        if (last->line[i].score + end_of_word(&last->line[i]) > last->line[best].score + end_of_word(&last->line[best])) best = i;
    for (int i = n; i > 0; i--) {
        chosen[i - 1] = lines[i].line[best].letter;
        best = lines[i].line[best].parent;
    }
}

int choose(const struct choose_place *places, int n, uint32_t *chosen)
{
    AUTO_FREE struct lines *lines = malloc((size_t)(n + 1) * sizeof *lines); /* before each place, and behind the last */
    if (!lines) return -1;
    lines[0] = (struct lines){.n = 1};
    begin_word(&lines[0].line[0]);
    bool word = false;
    for (int i = 0, end = -1; i < n; i++) {
        if (i > end) {
            for (end = i; end < n && places[end].won != ' '; end++) {}
            word = is_word(places, i, end);
        }
        go_on(&lines[i], places, &places[i], places + n, word, &lines[i + 1]);
    }
    write_best(lines, n, chosen);
    return 0;
}
