#include "persist-svc/export_xlsx.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>
#include "lib/auto.h"
#include "lib/utf8.h"
#include "persist-svc/export_csv.h"

#define PARTS_MAX  8
#define PACK_BYTES 4096
#define DEFLATED   8
#define WITH_SIZES_BEHIND 0x0808 /* sizes follow the data; names are UTF-8 */

struct part {
    const char *name;
    uint32_t crc, packed, raw, offset;
};

struct xlsx {
    z_stream z;
    struct part part[PARTS_MAX];
    int n;
    uint32_t written; /* bytes of the whole file so far */
    struct buf row;
};

static const struct {
    const char *name, *text;
} small[] = {
    {"[Content_Types].xml",
     "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?>\n"
     "<Types xmlns=\"http://schemas.openxmlformats.org/package/2006/content-types\">"
     "<Default Extension=\"rels\" ContentType=\"application/vnd.openxmlformats-package.relationships+xml\"/>"
     "<Override PartName=\"/xl/workbook.xml\" "
     "ContentType=\"application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml\"/>"
     "<Override PartName=\"/xl/worksheets/sheet1.xml\" "
     "ContentType=\"application/vnd.openxmlformats-officedocument.spreadsheetml.worksheet+xml\"/></Types>"},
    {"_rels/.rels",
     "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?>\n"
     "<Relationships xmlns=\"http://schemas.openxmlformats.org/package/2006/relationships\"><Relationship Id=\"rId1\" "
     "Type=\"http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument\" "
     "Target=\"xl/workbook.xml\"/></Relationships>"},
    {"xl/workbook.xml",
     "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?>\n"
     "<workbook xmlns=\"http://schemas.openxmlformats.org/spreadsheetml/2006/main\" "
     "xmlns:r=\"http://schemas.openxmlformats.org/officeDocument/2006/relationships\">"
     "<sheets><sheet name=\"Records\" sheetId=\"1\" r:id=\"rId1\"/></sheets></workbook>"},
    {"xl/_rels/workbook.xml.rels",
     "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?>\n"
     "<Relationships xmlns=\"http://schemas.openxmlformats.org/package/2006/relationships\"><Relationship Id=\"rId1\" "
     "Type=\"http://schemas.openxmlformats.org/officeDocument/2006/relationships/worksheet\" "
     "Target=\"worksheets/sheet1.xml\"/></Relationships>"},
};

/* --- ZIP (APPNOTE 6.3.10: 4.3.7, 4.3.9, 4.3.12, 4.3.16) --- */

static void put(struct buf *out, uint32_t value, int bytes)
{
    for (int i = 0; i < bytes; i++) buf_putc(out, (char)(value >> 8 * i));
}

/* What the local header and the directory's entry share, from "version needed" to the length of the name. */
static void put_common(struct buf *out, const struct part *p, bool sizes)
{
    put(out, 20, 2);
    put(out, WITH_SIZES_BEHIND, 2);
    put(out, DEFLATED, 2);
    put(out, 0x21u << 16, 4); /* 1 January 1980: the same records make the same file */
    put(out, sizes ? p->crc : 0, 4);
    put(out, sizes ? p->packed : 0, 4);
    put(out, sizes ? p->raw : 0, 4);
    put(out, (uint32_t)strlen(p->name), 2);
    put(out, 0, 2);
}

static void part_begin(xlsx_t *x, struct buf *out, const char *name)
{
    struct part *p = &x->part[x->n];
    const size_t before = out->len;
    *p = (struct part){.name = name, .offset = x->written, .crc = (uint32_t)crc32(0, NULL, 0)};
    put(out, 0x04034b50, 4);
    put_common(out, p, false);
    buf_puts(out, name);
    x->written += (uint32_t)(out->len - before);
    (void)deflateReset(&x->z);
}

static void part_add(xlsx_t *x, struct buf *out, const void *data, size_t len, int flush)
{
    unsigned char packed[PACK_BYTES];
    struct part *p = &x->part[x->n];
    p->crc = (uint32_t)crc32(p->crc, data, (uInt)len);
    p->raw += (uint32_t)len;
    x->z.next_in = (z_const Bytef *)data;
    x->z.avail_in = (uInt)len;
    do {
        x->z.next_out = packed;
        x->z.avail_out = sizeof packed;
        (void)deflate(&x->z, flush); /* with room to write it has nothing to fail at */
        const size_t n = sizeof packed - x->z.avail_out;
        buf_add(out, packed, n);
        p->packed += (uint32_t)n;
        x->written += (uint32_t)n;
    } while (x->z.avail_out == 0);
}

static void part_end(xlsx_t *x, struct buf *out)
{
    struct part *p = &x->part[x->n++];
    put(out, 0x08074b50, 4);
    put(out, p->crc, 4);
    put(out, p->packed, 4);
    put(out, p->raw, 4);
    x->written += 16;
}

static void directory(xlsx_t *x, struct buf *out)
{
    const size_t before = out->len;
    for (int i = 0; i < x->n; i++) {
        const struct part *p = &x->part[i];
        put(out, 0x02014b50, 4);
        put(out, 20, 2); /* made by */
        put_common(out, p, true);
        put(out, 0, 4); /* comment, disk */
        put(out, 0, 2); /* internal */
        put(out, 0, 4); /* external */
        put(out, p->offset, 4);
        buf_puts(out, p->name);
    }
    const uint32_t size = (uint32_t)(out->len - before);
    put(out, 0x06054b50, 4);
    put(out, 0, 4);
    put(out, (uint32_t)x->n, 2);
    put(out, (uint32_t)x->n, 2);
    put(out, size, 4);
    put(out, x->written, 4);
    put(out, 0, 2);
}

/* --- the sheet --- */

/* "_x0041_" is how a workbook writes a character by its number (ECMA-376, 22.9.2.19). */
static bool is_number_of_character(const char *text)
{
    return text[0] == '_' && text[1] == 'x' && strspn(text + 2, "0123456789abcdefABCDEF") >= 4 && text[6] == '_';
}

/* XML 1.0 has no place for control characters and for U+FFFE and U+FFFF, even escaped. */
static void put_text(struct buf *out, const char *text)
{
    buf_puts(out, "<c t=\"inlineStr\"><is><t xml:space=\"preserve\">");
    for (const char *at = text; *at; at = text) {
        const uint32_t c = utf8_next(&text);
        if (is_number_of_character(at))
            buf_puts(out, "_x005F_"); /* the underscore itself */
        else if (c == '<' || c == '&' || c == '>')
            buf_puts(out, c == '<' ? "&lt;" : c == '&' ? "&amp;" : "&gt;");
        else if ((c >= 0x20 && c != 0xFFFE && c != 0xFFFF) || c == '\t' || c == '\n')
            buf_put_utf8(out, c);
    }
    buf_puts(out, "</t></is></c>");
}

static void send_row(xlsx_t *x, struct buf *out)
{
    buf_puts(&x->row, "</row>");
    if (x->row.bad)
        out->bad = true;
    else
        part_add(x, out, x->row.data, x->row.len, Z_NO_FLUSH);
    buf_clear(&x->row);
}

xlsx_t *export_xlsx_begin(struct buf *out)
{
    static const char head[] = "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?>\n<worksheet "
                               "xmlns=\"http://schemas.openxmlformats.org/spreadsheetml/2006/main\"><sheetData>";
    xlsx_t *x = calloc(1, sizeof *x);
    if (!x || deflateInit2(&x->z, 6, Z_DEFLATED, -MAX_WBITS, 8, Z_DEFAULT_STRATEGY) != Z_OK) {
        free(x);
        return NULL;
    }
    for (size_t i = 0; i < COUNT_OF(small); i++) {
        part_begin(x, out, small[i].name);
        part_add(x, out, small[i].text, strlen(small[i].text), Z_FINISH);
        part_end(x, out);
    }
    part_begin(x, out, "xl/worksheets/sheet1.xml");
    part_add(x, out, head, sizeof head - 1, Z_NO_FLUSH);
    buf_puts(&x->row, "<row>");
    for (int i = 0; i < EXPORT_COLUMNS; i++) put_text(&x->row, export_columns[i]);
    send_row(x, out);
    return x;
}

void export_xlsx_row(xlsx_t *x, struct buf *out, const json_t *record, const char *address)
{
    char room[EXPORT_CELL_MAX];
    buf_puts(&x->row, "<row>");
    for (int i = 0; i < EXPORT_COLUMNS; i++) {
        bool number;
        const char *text = export_cell(record, i, address, room, &number);
        if (number)
            buf_printf(&x->row, "<c><v>%s</v></c>", text);
        else if (*text)
            put_text(&x->row, text);
        else
            buf_puts(&x->row, "<c/>");
    }
    send_row(x, out);
}

void export_xlsx_end(xlsx_t *x, struct buf *out)
{
    static const char tail[] = "</sheetData></worksheet>";
    part_add(x, out, tail, sizeof tail - 1, Z_FINISH);
    part_end(x, out);
    directory(x, out);
}

void export_xlsx_destroy(xlsx_t **x)
{
    if (!*x) return;
    (void)deflateEnd(&(*x)->z);
    buf_done(&(*x)->row);
    free(*x);
    *x = NULL;
}
