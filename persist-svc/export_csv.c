#include "persist-svc/export_csv.h"

#include <stdio.h>
#include <string.h>
#include "lib/auto.h"

/* The order that other programs read by position: never changed, only added to at the end. */
const char *const export_columns[EXPORT_COLUMNS] = {
    "submission_id",      "student_name",        "school_name",  "grade",    "teacher_name",
    "city_or_location",   "father_figure_name",  "phone",        "email",    "word_count",
    "ocr_confidence_avg", "review_reason_codes", "artifact_dir", "filename", "pdf_url"};

/* Also by the wide forms of these signs, which spreadsheets set to an East Asian language take for the same. */
static bool begins_formula(const char *text)
{
    static const char *const wide[] = {"\uff1d", "\uff0b", "\uff0d", "\uff20"};
    for (size_t i = 0; i < COUNT_OF(wide); i++)
        if (strncmp(text, wide[i], strlen(wide[i])) == 0) return true;
    return *text && strchr("=+-@\t\r\n", *text);
}

void export_csv_cell(struct buf *out, const char *text)
{
    const char *apostrophe = begins_formula(text) ? "'" : "";
    if (!strpbrk(text, ",\"\r\n")) {
        buf_puts(out, apostrophe);
        buf_puts(out, text);
        return;
    }
    buf_putc(out, '"');
    buf_puts(out, apostrophe);
    for (; *text; text++) {
        if (*text == '"') buf_putc(out, '"');
        buf_putc(out, *text);
    }
    buf_putc(out, '"');
}

const char *export_cell(const json_t *record, int column, const char *address, char room[EXPORT_CELL_MAX], bool *number)
{
    const char *name = export_columns[column];
    const json_t *value = json_object_get(record, name);
    *number = json_is_number(value);
    if (json_is_string(value) && strcmp(name, "pdf_url") == 0 && *json_string_value(value) == '/')
        snprintf(room, EXPORT_CELL_MAX, "%s%s", address, json_string_value(value));
    else if (json_is_string(value))
        return json_string_value(value);
    else if (json_is_integer(value))
        snprintf(room, EXPORT_CELL_MAX, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
    else if (json_is_real(value))
        snprintf(room, EXPORT_CELL_MAX, "%.2f", json_real_value(value));
    else
        return "";
    return room;
}

void export_csv_header(struct buf *out)
{
    for (int i = 0; i < EXPORT_COLUMNS; i++) {
        if (i) buf_putc(out, ',');
        buf_puts(out, export_columns[i]);
    }
    buf_puts(out, "\r\n");
}

void export_csv_row(struct buf *out, const json_t *record, const char *address)
{
    char room[EXPORT_CELL_MAX];
    for (int i = 0; i < EXPORT_COLUMNS; i++) {
        if (i) buf_putc(out, ',');
        bool number;
        const char *text = export_cell(record, i, address, room, &number);
        if (number)
            buf_puts(out, text);
        else
            export_csv_cell(out, text);
    }
    buf_puts(out, "\r\n");
}

static void add_plain(struct buf *out, const char *text)
{
    for (size_t n = 0; *text && n < 60; text++, n++) {
        bool plain = (*text >= 'a' && *text <= 'z') || (*text >= 'A' && *text <= 'Z') ||
                     (*text >= '0' && *text <= '9') || *text == '-';
        buf_putc(out, plain ? *text : '_');
    }
}

void export_filename(struct buf *out, const char *school, const char *grade, int64_t n, const char *extension)
{
    if (school) {
        buf_puts(out, "school_");
        add_plain(out, school);
    }
    if (grade) {
        buf_puts(out, "_grade_");
        add_plain(out, grade);
    }
    buf_printf(out, "%s_export_%lld_records.%s", school ? "" : "clean_records", (long long)n, extension);
}
