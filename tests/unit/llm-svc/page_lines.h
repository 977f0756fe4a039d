/* page_lines: the rules for a form, and pages of recognised words from lines of text for them to read. */
#ifndef SHEAF_TESTS_PAGE_LINES_H
#define SHEAF_TESTS_PAGE_LINES_H

#include <stdio.h>
#include <string.h>
#include "lib/buf.h"
#include "llm-svc/llm.h"
#include "llm-svc/pages.h"

static form_t *form;
static void *rules;

/* The rules by a form file; NULL: the built-in one. */
static inline int open_rules_of(const char *path)
{
    const struct settings settings = {0};
    form = form_load(path, NULL);
    return form && !llm_rules.open(&settings, form, &rules, NULL) ? 0 : -1;
}

static inline int open_rules(void **state)
{
    (void)state;
    return open_rules_of(NULL);
}

static inline int close_rules(void **state)
{
    (void)state;
    llm_rules.close(rules);
    form_destroy(&form);
    return 0;
}

/* Lines "x y text…" in 1/10000 of the page: words of 120 units a letter and 160 high, 60 apart; "~" stands
 * for no space at all before a word, "^" for a wide gap, "@" for one that was doubtful and read again, always alike. A word "[x]f:Name" is the ticked box of that form
 * field. `source` is 'o' or 't'. */
static inline void page_of_lines(const char *const *lines, int number, char source, struct page *page)
{
    struct buf json = BUF_INIT;
    buf_printf(&json, "{\"page\":%d,\"width\":612,\"height\":792,\"source\":\"%s\",\"ink\":0.03,\"words\":[",
               number, source == 'o' ? "ocr" : "text");
    for (int l = 0; lines[l]; l++) {
        int x, y, at;
        char text[256];
        sscanf(lines[l], "%d %d %n", &x, &y, &at);
        snprintf(text, sizeof text, "%s", lines[l] + at);
        char *save = NULL;
        for (char *word = strtok_r(text, " ", &save); word; word = strtok_r(NULL, " ", &save)) {
            if (*word == '^') x += 800;
            if (*word == '~') x -= 50;
            const char *confidence = source != 'o' ? "1.0" : *word == '@' ? "0.99" : "0.9";
            word += *word == '^' || *word == '~' || *word == '@';
            char *field = strstr(word, "f:");
            if (field) *field = '\0';
            int width = 120 * (int)strlen(word);
            buf_printf(&json, "%s{\"t\":", json.data[json.len - 1] == '[' ? "" : ",");
            buf_json_string(&json, word);
            buf_printf(&json, ",\"b\":[%d,%d,%d,%d],\"c\":%s,\"l\":%d,\"s\":\"%c\"", x, y, x + width, y + 160,
                       confidence, l, field ? 'f' : source);
            if (field) buf_printf(&json, ",\"f\":\"%s\"", field + 2);
            buf_putc(&json, '}');
            x += width + 60;
        }
    }
    buf_puts(&json, "]}");
    struct err err = {0};
    assert_int_equal(page_parse(json.data, json.len, page, &err), 0);
    buf_done(&json);
}

/* What the rules read from one such page; the caller's: entry_done(). */
static inline void entry_of_lines(const char *const *lines, char source, struct entry *entry)
{
    struct page page;
    struct err err = {0};
    page_of_lines(lines, 1, source, &page);
    memset(entry, 0, sizeof *entry);
    assert_int_equal(llm_rules.extract(rules, &page, 1, NULL, 0, entry, &err), 0);
    page_done(&page);
}

static inline const struct value *value_in(const struct entry *entry, const char *field)
{
    for (int i = 0; i < entry->n_values; i++)
        if (!strcmp(entry->values[i].field->name, field)) return &entry->values[i];
    return NULL;
}

/* "" where there is none. */
static inline const char *text_in(const struct entry *entry, const char *field)
{
    const struct value *value = value_in(entry, field);
    return value ? value->text : "";
}

#endif
