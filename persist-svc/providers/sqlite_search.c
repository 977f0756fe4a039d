/* sqlite_search: sheaf_found(wanted, text, …): is `wanted` in one of the texts, whatever their case, in any alphabet.  SQLite's LIKE knows only ASCII's;
 * this is what PostgreSQL's ILIKE finds. */
#include "persist-svc/providers/sqlite_search.h"

#include <locale.h>
#include <stdlib.h>
#include <wctype.h>
#include "lib/utf8.h"

/* NULL where the machine has no such locale: then only ASCII's letters have a case. */
static uint32_t fold(uint32_t c, locale_t unicode)
{
    if (c < 0x80) return c - 'A' < 26 ? c + 32 : c;
    return unicode ? towlower_l((wint_t)c, unicode) : c;
}

/* The folded characters of what is looked for, and 0 behind them. */
static uint32_t *folded(const char *text, int bytes, locale_t unicode)
{
    uint32_t *out = malloc(((size_t)bytes + 1) * sizeof *out), *at = out;
    while (out && (*at = fold(utf8_next(&text), unicode))) at++;
    return out;
}

static bool begins(const char *text, const uint32_t *wanted, locale_t unicode)
{
    while (*wanted && fold(utf8_next(&text), unicode) == *wanted) wanted++;
    return !*wanted;
}

static bool is_in(const char *text, const uint32_t *wanted, locale_t unicode)
{
    for (; *text; utf8_next(&text))
        if (begins(text, wanted, unicode)) return true;
    return false;
}

/* Folded once for a statement: SQLite keeps it beside the parameter. */
static const uint32_t *wanted_of(sqlite3_context *context, sqlite3_value *value, locale_t unicode)
{
    if (!sqlite3_get_auxdata(context, 0))
        sqlite3_set_auxdata(context, 0, folded((const char *)sqlite3_value_text(value), sqlite3_value_bytes(value), unicode), free);
    return sqlite3_get_auxdata(context, 0);
}

static void found(sqlite3_context *context, int n, sqlite3_value **values)
{
    const locale_t unicode = sqlite3_user_data(context);
    const uint32_t *wanted = wanted_of(context, values[0], unicode);
    int in = 0;
    if (!wanted) {
        sqlite3_result_error_nomem(context);
        return;
    }
    for (int i = 1; i < n && !in; i++) {
        const char *text = (const char *)sqlite3_value_text(values[i]);
        in = text && is_in(text, wanted, unicode);
    }
    sqlite3_result_int(context, in);
}

static void forget(void *unicode)
{
    if (unicode) freelocale(unicode);
}

int sqlite_search_add(struct db *db, struct err *err)
{
    const locale_t unicode = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
    if (sqlite3_create_function_v2(db->handle, "sheaf_found", -1, SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_DIRECTONLY, unicode, found, NULL, NULL,
                                   forget) == SQLITE_OK)
        return 0;
    return db_error(db, "function", err);
}
