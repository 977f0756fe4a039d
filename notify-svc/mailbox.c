#include "notify-svc/mailbox.h"

#include <stdbool.h>
#include <string.h>

#include "notify-svc/message.h"

#define LOCAL_MAX 64 /* RFC 5321, 4.5.3.1.1 */

struct cursor {
    const char *what, *at;
    struct err *err;
};

static int refuse(const struct cursor *c, const char *why)
{
    return err_set(c->err, ERR_CONFIG, "%s: %s", c->what, why);
}

static bool is_control(char c)
{
    return (unsigned char)c < 0x20 || c == 0x7f;
}

static void skip_blanks(struct cursor *c)
{
    c->at += strspn(c->at, " \t");
}

/* What may stand in an address without quotes; a quoted local part nobody has. */
static bool is_address_char(char c)
{
    return (unsigned char)c > 0x20 && (unsigned char)c < 0x7f && !strchr("<>()[],;:\\\"@", c);
}

static int take_address(struct cursor *c, const char *ends, struct mailbox *out)
{
    size_t local = 0, len = strcspn(c->at, ends);
    const char *text = c->at;
    while (len > 0 && (text[len - 1] == ' ' || text[len - 1] == '\t')) len--;
    while (local < len && is_address_char(text[local])) local++;
    for (size_t i = 0; i < len; i++)
        if ((unsigned char)text[i] > 0x7e)
            return refuse(c, "an address with letters beyond ASCII needs SMTPUTF8, which mail servers rarely have");
    size_t domain = local + 1, end = domain;
    while (end < len && is_address_char(text[end])) end++;
    if (local == 0 || local >= len || text[local] != '@' || end != len || end == domain || local > LOCAL_MAX ||
        len >= MAILBOX_ADDRESS_MAX)
        return refuse(c, "that is not an e-mail address (name@example.org, or A Name <name@example.org>)");
    memcpy(out->address, text, len);
    out->address[len] = '\0';
    c->at += strcspn(c->at, ends);
    return 0;
}

static int take_quoted(struct cursor *c, struct mailbox *out)
{
    size_t n = 0;
    for (c->at++; *c->at && *c->at != '"'; c->at++) {
        if (*c->at == '\\' && c->at[1]) c->at++;
        if (n == MAILBOX_NAME_MAX - 1) return refuse(c, "a name is too long");
        out->name[n++] = *c->at;
    }
    if (!*c->at) return refuse(c, "a quoted name does not end");
    out->name[n] = '\0';
    c->at++;
    skip_blanks(c);
    return *c->at == '<' ? 0 : refuse(c, "a name is followed by its address in < >");
}

static int take_name(struct cursor *c, struct mailbox *out)
{
    size_t len = strcspn(c->at, "<");
    const char *text = c->at;
    c->at += len;
    while (len > 0 && (text[len - 1] == ' ' || text[len - 1] == '\t')) len--;
    if (len >= MAILBOX_NAME_MAX) return refuse(c, "a name is too long");
    memcpy(out->name, text, len);
    out->name[len] = '\0';
    return 0;
}

static int take_one(struct cursor *c, struct mailbox *out)
{
    *out = (struct mailbox){0};
    const size_t to_comma = strcspn(c->at, ","), to_bracket = strcspn(c->at, "<");
    if (*c->at == '"') {
        if (take_quoted(c, out) == -1) return -1;
    } else if (to_bracket < to_comma && take_name(c, out) == -1)
        return -1;
    if (*c->at != '<') return take_address(c, ",", out);
    c->at++;
    if (take_address(c, ">", out) == -1) return -1;
    if (*c->at != '>') return refuse(c, "an address in < does not end with >");
    c->at++;
    skip_blanks(c);
    return *c->at && *c->at != ',' ? refuse(c, "several addresses are separated by commas") : 0;
}

int mailbox_list(const char *what, const char *text, struct mailbox *out, int most, struct err *err)
{
    struct cursor c = {.what = what, .at = text, .err = err};
    int n = 0;
    for (const char *at = text; *at; at++)
        if (is_control(*at)) return refuse(&c, "it has a line break or another control character");
    for (skip_blanks(&c); *c.at || n == 0; skip_blanks(&c)) {
        if (n == most) return refuse(&c, "too many addresses");
        if (take_one(&c, &out[n]) == -1) return -1;
        n++;
        if (*c.at == ',') c.at++;
    }
    return n;
}

/* Words of letters and digits stand for themselves, other ASCII in quotes, the rest as encoded words. */
static void add_name(struct buf *out, const char *name)
{
    bool ascii = true, atoms = true;
    for (const char *c = name; *c; c++) {
        if ((unsigned char)*c > 0x7e) ascii = false;
        if (!(*c == ' ' || (*c >= '0' && *c <= '9') || (*c >= 'A' && *c <= 'Z') || (*c >= 'a' && *c <= 'z'))) atoms = false;
    }
    if (!ascii || atoms || strstr(name, "=?")) {
        message_encoded_words(out, name);
        return;
    }
    buf_putc(out, '"');
    for (const char *c = name; *c; c++) {
        if (*c == '"' || *c == '\\') buf_putc(out, '\\');
        buf_putc(out, *c);
    }
    buf_putc(out, '"');
}

void mailbox_header(struct buf *out, const struct mailbox *list, int n)
{
    for (int i = 0; i < n; i++) {
        if (i) buf_puts(out, ",\r\n ");
        if (!*list[i].name) {
            buf_puts(out, list[i].address);
            continue;
        }
        add_name(out, list[i].name);
        buf_printf(out, "%s<%s>", strlen(list[i].name) + strlen(list[i].address) > 60 ? "\r\n " : " ", list[i].address);
    }
}
