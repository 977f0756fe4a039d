#include "lib/base64.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

static const char standard[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char for_urls[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

static void encode(struct buf *out, const uint8_t *data, size_t len, const char *alphabet, bool pad)
{
    char block[4 * 1024];
    size_t n = 0;
    for (size_t i = 0; i < len; i += 3) {
        size_t left = len - i < 3 ? len - i : 3;
        uint32_t bits = (uint32_t)data[i] << 16;
        if (left > 1) bits |= (uint32_t)data[i + 1] << 8;
        if (left > 2) bits |= data[i + 2];
        for (size_t k = 0; k < 4; k++) {
            if (k <= left)
                block[n++] = alphabet[bits >> (18 - 6 * k) & 63];
            else if (pad)
                block[n++] = '=';
        }
        if (n + 4 <= sizeof block) continue;
        buf_add(out, block, n);
        n = 0;
    }
    buf_add(out, block, n);
}

void base64_add(struct buf *out, const void *data, size_t len)
{
    encode(out, data, len, standard, true);
}

void base64_url_add(struct buf *out, const void *data, size_t len)
{
    encode(out, data, len, for_urls, false);
}

static int value_of(char c)
{
    if (c >= 'A' && c <= 'Z') return c - 'A';
    if (c >= 'a' && c <= 'z') return c - 'a' + 26;
    if (c >= '0' && c <= '9') return c - '0' + 52;
    if (c == '+' || c == '-') return 62;
    if (c == '/' || c == '_') return 63;
    return -1;
}

int base64_decode(const char *text, size_t len, struct buf *out)
{
    uint32_t bits = 0;
    size_t digits = 0, padding = 0;
    buf_add(out, "", 0);
    for (size_t i = 0; i < len; i++) {
        if (strchr(" \t\r\n", text[i]) && text[i]) continue;
        if (text[i] == '=') {
            padding++;
            continue;
        }
        int value = value_of(text[i]);
        if (value < 0 || padding) return -1;
        bits = bits << 6 | (uint32_t)value;
        if (++digits % 4 != 0) continue;
        buf_add(out, (const uint8_t[]){(uint8_t)(bits >> 16), (uint8_t)(bits >> 8), (uint8_t)bits}, 3);
        bits = 0;
    }
    size_t rest = digits % 4;
    if (rest == 1 || padding > 2 || (padding && (rest + padding) % 4 != 0)) return -1;
    bits <<= 6 * ((4 - rest) % 4);
    if (rest) buf_add(out, (const uint8_t[]){(uint8_t)(bits >> 16), (uint8_t)(bits >> 8)}, rest - 1);
    return out->bad ? -1 : 0;
}
