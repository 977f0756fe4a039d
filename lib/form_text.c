#include "lib/form_text.h"

#include "lib/auto.h"
#include "lib/buf.h"
#include "lib/form.h"
#include "lib/utf8.h"

/* Base letters of U+00C0 to U+017F (Latin-1 letters and Latin Extended-A), 16 a row; a space separates words.
 */
static const char latin[] = "aaaaaaaceeeeiiii"
                            "dnooooo ouuuuyts"
                            "aaaaaaaceeeeiiii"
                            "dnooooo ouuuuyty"
                            "aaaaaaccccccccdd"
                            "ddeeeeeeeeeegggg"
                            "gggghhhhiiiiiiii"
                            "iiiijjkkklllllll"
                            "lllnnnnnnnnnoooo"
                            "oooorrrrrrssssss"
                            "ssttttttuuuuuuuu"
                            "uuuuwwyyyzzzzzzs";
#define LATIN_FIRST 0xC0u
#define LATIN_LAST  0x17Fu
_Static_assert(sizeof latin - 1 == LATIN_LAST - LATIN_FIRST + 1, "one base letter for each code point");

/* Blocks of symbols above Latin; what is not in them counts as a letter of some script. */
static bool separates(uint32_t cp)
{
    static const uint32_t ranges[][2] = {
        {0x02B0, 0x02FF}, {0x2000, 0x206F}, {0x20A0, 0x20CF}, {0x2100, 0x2BFF},
        {0x2E00, 0x2E7F}, {0x3000, 0x303F}, {0xE000, 0xF8FF}, {0xFE00, 0xFE6F},
        {0xFF00, 0xFF0F}, {0xFF1A, 0xFF20}, {0xFFF0, 0xFFFF}, {0x1F000, 0x1FAFF},
    };
    for (size_t i = 0; i < sizeof ranges / sizeof ranges[0]; i++)
        if (cp >= ranges[i][0] && cp <= ranges[i][1]) return true;
    return false;
}

uint32_t form_base(uint32_t cp)
{
    if (cp >= '0' && cp <= '9') return cp;
    if (cp >= 'a' && cp <= 'z') return cp;
    if (cp >= 'A' && cp <= 'Z') return cp - 'A' + 'a';
    if (cp == 0xAA) return 'a'; /* the ordinal signs of Spanish: 5a, 5o */
    if (cp == 0xBA) return 'o';
    if (cp < LATIN_FIRST) return 0;
    if (cp <= LATIN_LAST) return latin[cp - LATIN_FIRST] == ' ' ? 0 : (unsigned char)latin[cp - LATIN_FIRST];
    if (cp >= 0x300 && cp <= 0x36F) return FORM_MARK;
    return separates(cp) ? 0 : cp;
}

bool form_is_apostrophe(uint32_t cp)
{
    return cp == '\'' || cp == 0x2019 || cp == 0x2BC;
}

bool form_is_hyphen(uint32_t cp)
{
    return cp == '-' || cp == 0x2010 || cp == 0x2011;
}

static bool is_space(uint32_t cp)
{
    return cp <= ' ' || (cp >= 0x7F && cp <= 0xA0) || (cp >= 0x2000 && cp <= 0x200B) || cp == 0x202F ||
           cp == 0x3000;
}

char *form_squash(const char *text)
{
    AUTO(buf_done) struct buf out = BUF_INIT;
    bool gap = false;
    buf_puts(&out, "");
    for (uint32_t cp; (cp = utf8_next(&text));) {
        if (is_space(cp)) {
            gap = out.len > 0;
            continue;
        }
        if (gap) buf_putc(&out, ' ');
        gap = false;
        buf_put_utf8(&out, cp);
    }
    return buf_take(&out, NULL);
}

char *form_fold(const char *text)
{
    AUTO(buf_done) struct buf out = BUF_INIT;
    bool gap = false;
    buf_puts(&out, "");
    for (uint32_t cp; (cp = utf8_next(&text));) {
        uint32_t base = form_base(cp);
        if (base == FORM_MARK) continue;
        if (!base) {
            gap = out.len > 0;
            continue;
        }
        if (gap) buf_putc(&out, ' ');
        gap = false;
        buf_put_utf8(&out, base);
    }
    return buf_take(&out, NULL);
}

char *form_letters(const char *text)
{
    char *folded = form_fold(text), *to = folded;
    for (const char *from = folded; from && *from; from++)
        if (*from != ' ') *to++ = *from;
    if (to) *to = '\0';
    return folded;
}

int form_count_words(const char *text)
{
    int n = 0;
    bool inside = false;
    while (*text) {
        uint32_t cp = utf8_next(&text);
        uint32_t base = form_base(cp);
        if (base && base != FORM_MARK) {
            if (!inside) n++;
            inside = true;
        } else if (base != FORM_MARK) {
            /* ' and - belong to the word when letters stand on both sides: "can't", "well-known". */
            const char *after = text;
            uint32_t next = form_base(utf8_next(&after));
            bool joins = (form_is_apostrophe(cp) || form_is_hyphen(cp)) && next && next != FORM_MARK;
            inside = inside && joins;
        }
    }
    return n;
}
