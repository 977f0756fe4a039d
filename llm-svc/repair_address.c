/* repair_address: e-mail addresses, whose at sign, stops and digits recognition takes for other signs. */
#include <ctype.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include "lib/auto.h"
#include "lib/buf.h"
#include "lib/utf8.h"
#include "llm-svc/repair.h"
#include "lib/vocabulary.h"

/* Shorter names stand in an address by chance. */
#define NAME_LETTERS 4
/* A host has so many letters at least: "x.us". */
#define HOST_MIN 4

static const char *const top_levels[] = {"com", "org", "net", "edu", "gov", "us", "mx", "es"};
#define CODES_FROM 5 /* from here on they name a country, and are too short for a letter to be wrong */

/* -- signs that stand for others ------------------------------------------------------------------------ */

/* The top level that a word of three letters was, a letter wrong at most; NULL: none, or several. */
static const char *top_level_like(const char *word, size_t len)
{
    const char *found = NULL;
    char small[8];
    if (len < 2 || len >= sizeof small) return NULL;
    for (size_t i = 0; i < len; i++) small[i] = (char)tolower((unsigned char)word[i]);
    small[len] = '\0';
    for (size_t i = 0; i < COUNT_OF(top_levels); i++)
        if (!strcmp(small, top_levels[i])) return top_levels[i];
    for (size_t i = 0; i < CODES_FROM; i++) {
        if (len < 3 || edit_distance(small, (int)len, top_levels[i], 3, 1) > 1) continue;
        if (found) return NULL;
        found = top_levels[i];
    }
    return found;
}

/* A long dash was an underscore; letters bear no accents in an address.  Returns the bytes used, 0: a sign of
 * its own. */
static size_t plain_sign(const char *p, struct buf *out)
{
    const char *after = p;
    uint32_t c = utf8_next(&after);
    if (c == 0x2014 || c == 0x2013) {
        buf_putc(out, '_');
        return (size_t)(after - p);
    }
    if (c < 0xC0 || c > 0xFF) return 0;
    char letter[UTF8_BYTES + 1] = "";
    (void)utf8_put(letter, c);
    AUTO_FREE char *folded = form_fold(letter);
    if (!folded || !*folded) return 0;
    buf_puts(out, folded);
    return (size_t)(after - p);
}

/* Spaces out, commas and semicolons as stops; "example com" ends in a stop that was not seen. */
static char *tighten(const char *text)
{
    struct buf out = BUF_INIT;
    const char *last = strrchr(text, ' ');
    bool stop = last && top_level_like(last + 1, strcspn(last + 1, ".,;"));
    buf_puts(&out, "");
    for (const char *p = text; *p;) {
        bool dotted = out.len && out.data[out.len - 1] == '.';
        size_t used = plain_sign(p, &out);
        if (!used && (*p == ',' || *p == ';' || (*p == ' ' && p == last && stop))) {
            if (!dotted) buf_putc(&out, '.');
        } else if (!used && *p != ' ' && !(*p == '.' && dotted)) {
            buf_putc(&out, *p);
        }
        p += used ? used : 1;
    }
    char *tight = buf_take(&out, NULL);
    size_t n = tight ? strlen(tight) : 0;
    while (n > 0 && strchr(".-'\"", tight[n - 1])) tight[--n] = '\0';
    return tight;
}

/* -- the at sign ----------------------------------------------------------------------------------------- */

static bool has_small(const char *text)
{
    for (; *text; text++)
        if (islower((unsigned char)*text)) return true;
    return false;
}

/* Signs, and in an address of small letters the capitals that are round, are a misread at sign when there is
 * just one. */
static bool is_at_like(const char *p, bool small, size_t *len)
{
    static const char *const signs[] = {
        "(D",           "(Q",       "(A", "(G", "(O", "(a", "(d", "(e", "(o", "\xC2\xA9", "\xC2\xAE",
        "\xE2\x82\xAC", "\xC2\xA2", "(",  "&",  "C",  "Q",  "W",  "G",  "O",  "D",        "B"};
    for (size_t i = 0; i < COUNT_OF(signs); i++) {
        *len = strlen(signs[i]);
        if (!strncmp(p, signs[i], *len) && (small || !isalpha((unsigned char)*p))) return true;
    }
    return false;
}

/* May a host begin here? */
static bool is_host(const char *p)
{
    return isalpha((unsigned char)p[0]) && isalpha((unsigned char)p[1]) && strlen(p) >= HOST_MIN &&
           (strchr(p, '.') || top_level_like(p + strlen(p) - 3, 3));
}

static char *put_at(const char *text, size_t at, size_t len)
{
    struct buf out = BUF_INIT;
    buf_add(&out, text, at);
    buf_putc(&out, '@');
    buf_puts(&out, text + at + len);
    return buf_take(&out, NULL);
}

/* Where the address has its only capital or odd sign: "ana.ruizQmail.net". */
static char *find_odd(const char *text)
{
    const char *found = NULL;
    bool small = has_small(text);
    size_t found_len = 0, len;
    for (const char *p = text + 2; text[0] && text[1] && *p; p++) {
        if (!is_at_like(p, small, &len)) continue;
        if (found) return NULL;
        found = p;
        found_len = len;
        p += len - 1;
    }
    return found && is_host(found + found_len) ? put_at(text, (size_t)(found - text), found_len) : NULL;
}

/* Behind digits, or a name and digits, at `from`: a small round letter before a host, else the last of the
 * digits. */
static char *find_round(const char *text, size_t from)
{
    size_t digits = strspn(text + from, "0123456789");
    const char *p = text + from + digits;
    if (*p && strchr("eaocqgd", tolower((unsigned char)*p)) && is_host(p + 1))
        return put_at(text, (size_t)(p - text), 1);
    return digits > 1 && strchr("0268", p[-1]) && is_host(p) ? put_at(text, (size_t)(p - text) - 1, 1) : NULL;
}

/* Behind the last place where a name stands in the address: "beniciopazeexample.edu". */
static char *find_behind_name(const char *text, const char *const *names)
{
    AUTO_FREE char *small = strdup(text);
    size_t behind = 0;
    if (!small) return NULL;
    for (char *p = small; *p; p++) *p = (char)tolower((unsigned char)*p);
    for (; *names; names++) {
        for (const char *word = *names; *word;) {
            size_t len = strcspn(word, " ");
            for (const char *p = small; len >= NAME_LETTERS && *p; p++)
                if (!strncmp(p, word, len) && (size_t)(p - small) + len > behind)
                    behind = (size_t)(p - small) + len;
            word += len + (word[len] == ' ');
        }
    }
    return behind ? find_round(text, behind) : NULL;
}

static char *find_behind_digits(const char *text)
{
    size_t at = strcspn(text, "0123456789");
    return at > 1 && text[at] ? find_round(text, at) : NULL;
}

static char *find_at(const char *text, const char *const *names)
{
    if (strchr(text, '@')) return strdup(text);
    char *found = find_odd(text);
    if (!found) found = find_behind_name(text, names);
    return found ? found : find_behind_digits(text);
}

/* -- the rest -------------------------------------------------------------------------------------------- */

/* A capital beside a digit, or at the end of a name in small letters, was a digit: "felmS1@". */
static void mend_digits(char *text)
{
    static const char from[] = "SOIBZ", to[] = "50182";
    char *at = strchr(text, '@');
    for (char *p = text + 1; at && has_small(text) && p < at; p++) {
        const char *digit = strchr(from, *p);
        bool beside = isdigit((unsigned char)p[-1]) || isdigit((unsigned char)p[1]);
        if (digit && (beside || (p + 1 == at && islower((unsigned char)p[-1])))) *p = to[digit - from];
    }
}

/* The host's end as one that there is: "x.con", "x-com", "examplenet"; the caller frees. */
static char *mend_end(const char *address)
{
    const char *host = strchr(address, '@') + 1, *dot = strrchr(host, '.');
    size_t n = strlen(host);
    const char *tail = n > HOST_MIN ? host + n - 3 : NULL;
    const char *known = dot    ? top_level_like(dot + 1, strlen(dot + 1))
                        : tail ? top_level_like(tail, 3)
                               : NULL;
    struct buf out = BUF_INIT;
    if (dot && !known && strlen(dot + 1) == 4 && (!strcmp(dot + 1, "corn") || !strcmp(dot + 1, "comm")))
        known = "com";
    size_t kept = !known ? strlen(address) : dot ? (size_t)(dot - address) : (size_t)(tail - address);
    while (known && kept > 0 && strchr("!-", address[kept - 1])) kept--;
    buf_add(&out, address, kept);
    if (known) buf_printf(&out, ".%s", known);
    return buf_take(&out, NULL);
}

char *repair_address(const char *text, const char *const *names)
{
    AUTO_FREE char *tight = tighten(text);
    AUTO_FREE char *at = tight ? find_at(tight, names) : NULL;
    if (!at) return NULL;
    mend_digits(at);
    for (char *p = at; *p; p++) *p = (char)tolower((unsigned char)*p);
    return mend_end(at);
}
