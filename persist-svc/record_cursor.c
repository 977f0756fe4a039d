#include "persist-svc/record_cursor.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "lib/auto.h"
#include "lib/base64.h"
#include "persist-svc/object_path.h"
#include "persist-svc/record.h"

struct record_place record_place_of(const json_t *record)
{
    return (struct record_place){record_text(record, "school_name"), record_text(record, "grade"), record_text(record, "student_name")};
}

void record_cursor_write(struct buf *out, const json_t *record)
{
    const struct record_place place = record_place_of(record);
    json_t *texts = json_pack("[s?, s?, s?]", place.school, place.grade, place.student);
    AUTO_FREE char *text = texts ? json_dumps(texts, JSON_COMPACT) : NULL;
    json_decref(texts);
    buf_puts(out, record_text(record, "submission_id"));
    if (!text || BASE_ID + (strlen(text) + 2) / 3 * 4 >= RECORD_CURSOR_MAX) return;
    buf_putc(out, '.');
    base64_url_add(out, text, strlen(text));
}

static int read_texts(const char *text, struct record_cursor *out)
{
    AUTO(buf_done) struct buf raw = BUF_INIT;
    if (base64_decode(text, strlen(text), &raw) == -1) return -1;
    out->texts = json_loadb(raw.data, raw.len, 0, NULL);
    if (json_array_size(out->texts) != 3) return -1;
    for (size_t i = 0; i < 3; i++)
        if (!json_is_string(json_array_get(out->texts, i)) && !json_is_null(json_array_get(out->texts, i))) return -1;
    out->place = (struct record_place){json_string_value(json_array_get(out->texts, 0)), json_string_value(json_array_get(out->texts, 1)),
                                       json_string_value(json_array_get(out->texts, 2))};
    return 0;
}

int record_cursor_read(const char *text, struct record_cursor *out)
{
    const size_t len = strcspn(text, ".");
    *out = (struct record_cursor){0};
    if (len != BASE_ID - 1) return -1;
    memcpy(out->id, text, len);
    if (!is_hex(out->id, BASE_ID - 1)) return -1;
    return text[len] ? read_texts(text + len + 1, out) : 0;
}

void record_cursor_done(struct record_cursor *cursor)
{
    json_decref(cursor->texts);
    *cursor = (struct record_cursor){0};
}
