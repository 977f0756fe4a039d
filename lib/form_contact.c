#include <ctype.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include "lib/buf.h"
#include "lib/auto.h"
#include "lib/form_rule.h"
#include "lib/form_text.h"
#include "lib/utf8.h"

#define PHONE_DIGITS_MAX 15 /* E.164 */

/* A digit, or the letter that recognition takes for one. 0: neither. */
static char phone_digit(uint32_t cp)
{
    switch (cp) {
    case 'O':
    case 'o':
        return '0';
    case 'l':
    case 'I':
    case '|':
        return '1';
    case 'Z':
        return '2';
    case 'S':
        return '5';
    case 'B':
        return '8';
    default:
        return cp >= '0' && cp <= '9' ? (char)cp : '\0';
    }
}

/* Collects the digits before an extension; -1 when other letters or too many digits stand there. */
static int phone_digits(const char *text, char digits[PHONE_DIGITS_MAX + 1], const char **rest)
{
    int n = 0, real = 0;
    *rest = "";
    while (*text) {
        const char *here = text;
        uint32_t cp = utf8_next(&text);
        if (n >= 7 && (cp == 'x' || cp == 'e' || cp == 'E')) {
            *rest = here;
            break;
        }
        char d = phone_digit(cp);
        if (!d && form_base(cp)) return -1;
        if (!d) continue;
        if (n == PHONE_DIGITS_MAX) return -1;
        if (cp >= '0' && cp <= '9') real++;
        digits[n++] = d;
    }
    digits[n] = '\0';
    /* A word of o, l and S is not a telephone number; most of one must be real digits. */
    return real * 3 >= n * 2 ? n : -1;
}

/* "x12", "ext. 12" -> 12; "" when there is none, NULL when it is something else. */
static const char *phone_extension(const char *rest, char out[8])
{
    if (!*rest) return "";
    size_t n = 0;
    for (; *rest; rest++) {
        if (isdigit((unsigned char)*rest)) {
            if (n == 6) return NULL;
            out[n++] = *rest;
        } else if (!strchr("extEXT. ", *rest)) {
            return NULL;
        }
    }
    out[n] = '\0';
    return n ? out : NULL;
}

char *form_phone(const char *text, struct err *err)
{
    char digits[PHONE_DIGITS_MAX + 1], room[8];
    const char *rest;
    int n = phone_digits(text, digits, &rest);
    const char *extension = n < 0 ? NULL : phone_extension(rest, room);
    bool abroad = text[0] == '+' && n >= 8 && digits[0] != '1';
    const char *d = n == 11 && digits[0] == '1' ? digits + 1 : digits;
    if (text[0] == '+' && digits[0] == '1' && n < 11) extension = NULL; /* a place was lost behind the country's */
    struct buf out = BUF_INIT;
    if (!extension || (!abroad && n != 7 && n != 10 && d == digits)) {
        err_set(err, ERR_INPUT, "A phone number has 10 digits, or begins with + and the country.");
        return NULL;
    }
    if (abroad)
        buf_printf(&out, "+%s", digits);
    else if (n == 7)
        buf_printf(&out, "%.3s-%s", d, d + 3);
    else
        buf_printf(&out, "(%.3s) %.3s-%s", d, d + 3, d + 6);
    if (*extension) buf_printf(&out, " x%s", extension);
    char *value = buf_take(&out, NULL);
    if (!value) err_set(err, ERR_NOMEM, "phone");
    return value;
}

static bool email_char(unsigned char c, bool local)
{
    return isalnum(c) || c == '-' || c == '.' || (local && strchr("_+%&'*/=?^`{|}~!#$", c));
}

/* local@domain.tld, each part neither empty nor beginning or ending with a dot. */
static bool email_ok(const char *address)
{
    const char *at = strchr(address, '@');
    if (!at || at == address || strchr(at + 1, '@')) return false;
    for (const char *p = address; *p; p++)
        if (p != at && !email_char((unsigned char)*p, p < at)) return false;
    const char *domain = at + 1, *dot = strrchr(domain, '.');
    if (address[0] == '.' || at[-1] == '.' || strstr(address, "..")) return false;
    if (!dot || dot == domain || domain[0] == '.' || domain[0] == '-') return false;
    if (strlen(dot + 1) < 2) return false;
    for (const char *p = dot + 1; *p; p++)
        if (!isalpha((unsigned char)*p)) return false;
    return true;
}

/* Recognition puts spaces around @ and dots, reads @ as a sign in a circle and the last dot as a comma. */
char *form_email(const char *text, struct err *err)
{
    struct buf out = BUF_INIT;
    bool signs = !strchr(text, '@'), behind = false;
    while (*text) {
        uint32_t cp = utf8_next(&text);
        if (cp == ' ') continue;
        if (signs && (cp == 0xA9 || cp == 0xAE)) cp = '@';
        if (behind && cp == ',') cp = '.';
        behind = behind || cp == '@';
        buf_putc(&out, cp < 0x80 ? (char)tolower((int)cp) : ' '); /* a space is refused below */
    }
    char *value = buf_take(&out, NULL);
    if (!value) {
        err_set(err, ERR_NOMEM, "e-mail");
        return NULL;
    }
    if (email_ok(value)) return value;
    free(value);
    err_set(err, ERR_INPUT, "An e-mail address looks like name@example.org.");
    return NULL;
}
