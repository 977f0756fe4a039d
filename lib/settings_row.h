/* settings_row: one row of settings.def as data, and values in the notation of the environment.
 * Shared by settings.c (reads), settings_value.c (parses) and settings_show.c (prints); nobody else. */
#ifndef SHEAF_LIB_SETTINGS_ROW_H
#define SHEAF_LIB_SETTINGS_ROW_H

#include <stddef.h>
#include <stdio.h>
#include "lib/err.h"
#include "lib/settings.h"

enum setting_kind {
    SETTING_TEXT,
    SETTING_SECRET,
    SETTING_INT,
    SETTING_MS,
    SETTING_BYTES,
    SETTING_REAL,
    SETTING_BOOL
};

struct setting_row {
    const char *name;
    enum setting_kind kind;
    size_t offset; /* of the field in struct settings */
    const char *def, *min, *max;
    unsigned who;
    const char *help;
};

/* All rows in the order of settings.def. */
extern const struct setting_row setting_rows[];
extern const size_t setting_row_count;

/* Parses `text` by the row's kind, range and choice into the field at `field` (whose type follows from
 * the kind; a TEXT is copied and the old one freed). -1 with ERR_CONFIG; a secret is never in the text. */
int setting_parse(const struct setting_row *row, const char *text, void *field, struct err *err);
/* Gives the field the value that stands for "not given". */
void setting_unset(const struct setting_row *row, void *field);
/* Writes the field's value in a notation that setting_parse() takes; nothing when not given. */
void setting_write(const struct setting_row *row, const void *field, FILE *out);

#endif
