#include "notify-svc/message.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include "lib/auto.h"
#include "lib/digest.h"
#include "lib/utf8.h"

#define LINE_MAX_CHARS  76 /* RFC 2045, 6.7 */
#define WORD_MAX_BYTES  45 /* 60 characters of base64 and 12 around them stay below the 75 of RFC 2047, 2 */
#define PLAIN_MAX_CHARS 60 /* a header line of at most 78 with its name */

static bool is_plain(const char *text)
{
    for (const char *c = text; *c; c++)
        if ((unsigned char)*c < 0x20 || (unsigned char)*c > 0x7e) return false;
    return true;
}

static bool has_control(const char *text)
{
    for (; *text; text++)
        if ((unsigned char)*text < 0x20 || *text == 0x7f) return true;
    return false;
}

static void add_base64(struct buf *out, const char *data, size_t len)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const unsigned char *in = (const unsigned char *)data;
    for (size_t i = 0; i < len; i += 3) {
        const size_t left = len - i;
        uint32_t v =
            (uint32_t)in[i] << 16 | (left > 1 ? (uint32_t)in[i + 1] << 8 : 0) | (left > 2 ? in[i + 2] : 0);
        buf_putc(out, digits[v >> 18]);
        buf_putc(out, digits[v >> 12 & 63]);
        buf_putc(out, left > 1 ? digits[v >> 6 & 63] : '=');
        buf_putc(out, left > 2 ? digits[v & 63] : '=');
    }
}

void message_encoded_words(struct buf *out, const char *text)
{
    if (is_plain(text) && strlen(text) <= PLAIN_MAX_CHARS && !strstr(text, "=?")) {
        buf_puts(out, text);
        return;
    }
    for (bool first = true; *text; first = false) {
        const size_t take = utf8_fit(text, WORD_MAX_BYTES); /* a character is not divided among words */
        buf_puts(out, first ? "=?UTF-8?B?" : "\r\n =?UTF-8?B?");
        add_base64(out, text, take);
        buf_puts(out, "?=");
        text += take;
    }
}

void message_quoted_printable(struct buf *out, const char *text)
{
    int column = 0;
    for (; *text; text++) {
        const unsigned char c = (unsigned char)*text;
        if (c == '\n') {
            buf_puts(out, "\r\n");
            column = 0;
            continue;
        }
        /* A space at a line's end would be lost on the way, a dot at its start is SMTP's. */
        const bool space = c == ' ' || c == '\t';
        const bool plain = space ? text[1] && text[1] != '\n'
                                 : c > 0x20 && c < 0x7f && c != '=' && !(c == '.' && column == 0);
        const int width = plain ? 1 : 3;
        if (column + width > LINE_MAX_CHARS - 1) {
            buf_puts(out, "=\r\n");
            column = 0;
        }
        if (plain)
            buf_putc(out, (char)c);
        else
            buf_printf(out, "=%02X", c);
        column += width;
    }
}

/* Without strftime, whose names follow the locale. */
static void add_date(struct buf *out, int64_t ms)
{
    static const char days[][4] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static const char months[][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    const time_t seconds = (time_t)(ms / 1000);
    struct tm tm = {0};
    (void)gmtime_r(&seconds, &tm);
    buf_printf(out, "Date: %s, %d %s %d %02d:%02d:%02d +0000\r\n", days[tm.tm_wday], tm.tm_mday,
               months[tm.tm_mon], tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec);
}

static void add_part(struct buf *out, const char *boundary, const char *type, const char *text)
{
    buf_printf(
        out, "--%s\r\nContent-Type: %s; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n",
        boundary, type);
    message_quoted_printable(out, text);
    buf_puts(out, "\r\n");
}

static int check(const struct message *m, struct err *err)
{
    const struct {
        const char *name, *value;
        bool utf8;
    } headers[] = {{"Message-ID", m->id, false},
                   {"Subject", m->subject, true}};
    for (size_t i = 0; i < COUNT_OF(headers); i++)
        if (headers[i].utf8 ? has_control(headers[i].value)
                            : !is_plain(headers[i].value) || !*headers[i].value)
            return err_set(err, ERR_INPUT, "a message's header %s has characters that do not belong there",
                           headers[i].name);
    return 0;
}

int message_render(const struct message *m, struct buf *out, struct err *err)
{
    char hex[DIGEST_HEX], boundary[48];
    if (check(m, err) == -1) return -1;
    /* "=_" never stands in a quoted-printable body, so no text can end its part. */
    digest_hex(m->id, strlen(m->id), hex);
    snprintf(boundary, sizeof boundary, "=_sheaf_%.24s", hex);
    buf_puts(out, "From: ");
    mailbox_header(out, m->from, 1);
    buf_puts(out, "\r\nTo: ");
    mailbox_header(out, m->to, m->n_to);
    buf_puts(out, "\r\nSubject: ");
    message_encoded_words(out, m->subject);
    buf_puts(out, "\r\n");
    add_date(out, m->date_ms);
    buf_printf(out, "Message-ID: <%s>\r\nMIME-Version: 1.0\r\nAuto-Submitted: auto-generated\r\n", m->id);
    buf_printf(out, "Content-Type: multipart/alternative; boundary=\"%s\"\r\n\r\n", boundary);
    add_part(out, boundary, "text/plain", m->text);
    add_part(out, boundary, "text/html", m->html);
    buf_printf(out, "--%s--\r\n", boundary);
    return out->bad ? err_set(err, ERR_NOMEM, "out of memory") : 0;
}
