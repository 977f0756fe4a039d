#include "proto/ids.h"

#include <string.h>

#define ID_BYTES   16
#define ID_VERSION 8

/* Where the text form has its dashes: 8-4-4-4-12. */
static bool dash_at(int i)
{
    return i == 8 || i == 13 || i == 18 || i == 23;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    return -1;
}

void id_make(char out[ID_TEXT], unsigned shard, int64_t wall_ms, const uint8_t random[10])
{
    uint8_t b[ID_BYTES];
    b[0] = (uint8_t)shard;
    for (int i = 0; i < 5; i++) b[1 + i] = (uint8_t)((uint64_t)wall_ms >> (8 * (4 - i)));
    memcpy(b + 6, random, 10);
    b[6] = (uint8_t)((b[6] & 0x0f) | ID_VERSION << 4);
    b[8] = (uint8_t)((b[8] & 0x3f) | 0x80);
    id_from_bytes(b, out);
}

bool id_valid(const char *text)
{
    if (!text || strnlen(text, ID_TEXT) != ID_TEXT - 1) return false;
    for (int i = 0; i < ID_TEXT - 1; i++) {
        if (dash_at(i) ? text[i] != '-' : hex_digit(text[i]) < 0) return false;
    }
    return text[14] == '0' + ID_VERSION && (hex_digit(text[19]) & 0xc) == 0x8;
}

unsigned id_shard(const char *text)
{
    int high = hex_digit(text[0]), low = high < 0 ? -1 : hex_digit(text[1]);
    return low < 0 ? 0 : (unsigned)(high << 4 | low);
}

void id_to_bytes(const char *text, uint8_t out[16])
{
    memset(out, 0, ID_BYTES);
    for (int i = 0, nibble = 0; nibble < 2 * ID_BYTES && text[i]; i++) {
        int digit = hex_digit(text[i]);
        if (digit < 0) continue;
        out[nibble / 2] |= (uint8_t)(nibble % 2 ? digit : digit << 4);
        nibble++;
    }
}

void id_from_bytes(const uint8_t in[16], char out[ID_TEXT])
{
    static const char digits[] = "0123456789abcdef";
    int at = 0;
    for (int i = 0; i < ID_BYTES; i++) {
        if (dash_at(at)) out[at++] = '-';
        out[at++] = digits[in[i] >> 4];
        out[at++] = digits[in[i] & 0xf];
    }
    out[at] = '\0';
}

/* A decimal number as printf writes it: no sign, no blank, no leading zero, so that every value has
 * one text and texts may be compared.  Returns the first character after it, or NULL. */
static const char *take_number(const char *p, uint64_t max, uint64_t *value)
{
    if (!p || *p < '0' || *p > '9') return NULL;
    if (*p == '0' && p[1] >= '0' && p[1] <= '9') return NULL;
    uint64_t v = 0;
    for (; *p >= '0' && *p <= '9'; p++) {
        uint64_t digit = (uint64_t)(*p - '0');
        if (v > (max - digit) / 10) return NULL;
        v = v * 10 + digit;
    }
    *value = v;
    return p;
}

/* Not by printf: it took a seventh of a dispatcher's instructions for the five numbers of a result. */
static char *put_number(char *at, uint64_t n)
{
    char digits[NUMBER_TEXT];
    int len = 0;
    do digits[len++] = (char)('0' + n % 10);
    while (n /= 10);
    while (len) *at++ = digits[--len];
    *at = '\0';
    return at;
}

char *number_format(uint64_t n, char out[NUMBER_TEXT])
{
    put_number(out, n);
    return out;
}

static const char *take_char(const char *p, char c)
{
    return p && *p == c ? p + 1 : NULL;
}

static int compare_u64(uint64_t a, uint64_t b)
{
    return (a > b) - (a < b);
}

int token_compare(const struct token *a, const struct token *b)
{
    if (a->run != b->run) return compare_u64(a->run, b->run);
    if (a->attempt != b->attempt) return compare_u64(a->attempt, b->attempt);
    return compare_u64(a->delivery, b->delivery);
}

char *token_format(const struct token *t, char out[TOKEN_TEXT])
{
    char *at = put_number(out, t->run);
    *at++ = '.';
    at = put_number(at, t->attempt);
    *at++ = '.';
    put_number(at, t->delivery);
    return out;
}

bool token_parse(const char *text, struct token *t)
{
    uint64_t run, attempt, delivery;
    const char *p = take_number(text, UINT64_MAX, &run);
    p = take_number(take_char(p, '.'), UINT32_MAX, &attempt);
    p = take_number(take_char(p, '.'), UINT32_MAX, &delivery);
    if (!p || *p) return false;
    *t = (struct token){.run = run, .attempt = (uint32_t)attempt, .delivery = (uint32_t)delivery};
    return true;
}

char *entry_format(const struct entry_id *e, char out[ENTRY_TEXT])
{
    char *at = put_number(out, e->ms);
    *at++ = '-';
    put_number(at, e->seq);
    return out;
}

bool entry_parse(const char *text, struct entry_id *e)
{
    uint64_t ms, seq;
    const char *p = take_number(text, UINT64_MAX, &ms);
    p = take_number(take_char(p, '-'), UINT64_MAX, &seq);
    if (!p || *p) return false;
    *e = (struct entry_id){.ms = ms, .seq = seq};
    return true;
}
