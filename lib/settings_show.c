#include "lib/settings_row.h"

/* A choice or a range, in the words of the help. */
static void write_allowed(const struct setting_row *row, FILE *out)
{
    if (row->kind == SETTING_TEXT && row->min)
        (void)fprintf(out, " [%s%s]", row->min, row->max ? ", a list" : "");
    else if (row->kind == SETTING_BOOL)
        (void)fprintf(out, " [yes|no]");
    else if (row->min || row->max)
        (void)fprintf(out, " [%s to %s]", row->min ? row->min : "", row->max ? row->max : "");
}

void settings_help(FILE *out, unsigned who)
{
    (void)fprintf(out, "Settings (environment; NAME_FILE reads a value from a file):\n");
    for (size_t i = 0; i < setting_row_count; i++) {
        const struct setting_row *row = &setting_rows[i];
        if (!(row->who & who)) continue;
        (void)fprintf(out, "  %s%s%s", row->name, row->def ? "=" : "", row->def ? row->def : "");
        write_allowed(row, out);
        (void)fprintf(out, "\n      %s\n", row->help);
    }
}

void settings_print(const struct settings *s, FILE *out, unsigned who)
{
    for (size_t i = 0; i < setting_row_count; i++) {
        const struct setting_row *row = &setting_rows[i];
        if (!(row->who & who)) continue;
        (void)fprintf(out, "%s=", row->name);
        setting_write(row, (const char *)s + row->offset, out);
        (void)fputc('\n', out);
    }
}
