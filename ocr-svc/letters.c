#include "ocr-svc/letters.h"

#include <stddef.h>
#include <string.h>
#include "lib/embed.h"

EMBED(letters_model, "ocr-svc/letters/letters.model");

/* As letters/make.py writes it. */
#define STEP       0.5f /* of a natural logarithm */
#define EVERY      16   /* words of bits between two sums */
#define SIGNS_BITS ((1u << LETTERS_SIGNS) - 1)
#define ALL_BITS   0xFFFFFFFFu
#define HEAD       2 /* words before the first bits */

int letters_sign(uint32_t letter)
{
    /* U+00C0 to U+00DD and, 0x20 further on, the small ones */
    static const char plain[] = "aaaaaa-ceeeeiiii-~ooooo--uuuuy";
    uint32_t small = letter | 0x20;
    if (small >= 'a' && small <= 'z' && letter < 0x80) return (int)small - 'a';
    if (letter < 0xC0 || letter > 0xFD || small - 0xE0 >= sizeof plain - 1) return -1;
    char c = plain[small - 0xE0];
    return c == '~' ? LETTERS_ENYE : c == '-' ? -1 : c - 'a';
}

bool letters_is_large(uint32_t letter)
{
    return letters_sign(letter) >= 0 && !(letter & 0x20);
}

bool letters_is_mark(uint32_t letter)
{
    return letter == '.' || letter == ',' || letter == '-' || letter == '\'' || letter == 0xB0 || letter == 0xBA; /* … degree, ordinal */
}

static uint32_t word_at(size_t i)
{
    uint32_t word;
    memcpy(&word, letters_model + i * sizeof word, sizeof word);
    return word;
}

/* Words of bits, and behind them the sums of the bits before every EVERYth. */
struct bits {
    size_t at, n;
    uint32_t counted; /* which bits of a word */
};

static size_t behind(const struct bits *b)
{
    return b->at + b->n + (b->n + EVERY - 1) / EVERY;
}

/* How many bits the words before the i-th have, and the lowest `more` bits of that. */
static size_t count_before(const struct bits *b, size_t i, int more)
{
    size_t sum = word_at(b->at + b->n + i / EVERY);
    for (size_t w = i - i % EVERY; w < i; w++) sum += (size_t)__builtin_popcount(word_at(b->at + w) & b->counted);
    return sum + (size_t)__builtin_popcount(word_at(b->at + i) & ((1u << more) - 1));
}

static struct bits followers(void)
{
    return (struct bits){HEAD, word_at(1), SIGNS_BITS};
}

static struct bits flags(void)
{
    struct bits before = followers();
    return (struct bits){behind(&before), (word_at(0) + 31) / 32, ALL_BITS};
}

static unsigned value_of(size_t string)
{
    struct bits before = flags();
    unsigned two = (unsigned char)letters_model[behind(&before) * sizeof(uint32_t) + string / 2];
    return string % 2 ? two >> 4 : two & 15;
}

/* Where the string's followers stand among `followers`; false: it has none. */
static bool inner_of(size_t string, size_t *inner)
{
    struct bits f = flags();
    if (!(word_at(f.at + string / 32) >> string % 32 & 1)) return false;
    *inner = count_before(&f, string / 32, (int)(string % 32));
    return true;
}

/* The string that a sign makes longer; 0: the words do not have it, or too seldom. */
static size_t longer(size_t string, int sign)
{
    struct bits f = followers();
    size_t inner;
    if (!inner_of(string, &inner) || !(word_at(f.at + inner) >> sign & 1)) return 0;
    return 1 + count_before(&f, inner, sign);
}

/* The string of these signs; -1: the words do not have it. */
static int string_of(const uint8_t *signs, int n)
{
    size_t string = 0;
    for (int i = 0; i < n; i++)
        if ((string = longer(string, signs[i])) == 0) return -1;
    return (int)string;
}

float letters_follow(const uint8_t *before, int n, int next)
{
    float sum = 0;
    for (int from = n > LETTERS_BEFORE ? n - LETTERS_BEFORE : 0; from <= n; from++) {
        int string = string_of(before + from, n - from);
        size_t inner, found = string < 0 ? 0 : longer((size_t)string, next);
        if (found) return sum - STEP * (float)value_of(found);
        if (string >= 0 && inner_of((size_t)string, &inner)) sum -= STEP * (float)(word_at(HEAD + inner) >> LETTERS_SIGNS);
    }
    return sum; /* each sign follows nothing at all */
}
