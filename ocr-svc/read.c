#include "ocr-svc/read.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "lib/auto.h"
#include "lib/clock.h"
#include "lib/svc.h"
#include "ocr-svc/office.h"
#include "ocr-svc/reader.h"

static int complain(const struct err *err)
{
    fprintf(stderr, "%s%s%s\n", err->code, err->code[0] ? ": " : "", err->text);
    return err->kind == ERR_INPUT || err->kind == ERR_LIMIT || err->kind == ERR_TIMEOUT ? 1 : SVC_EXIT_SYSTEM;
}

static int read_one(reader_t *r, int fd, int index, int64_t page_time_ms, struct err *err)
{
    AUTO(page_done) struct page page;
    AUTO(buf_done) struct buf json = BUF_INIT;
    struct ocr_wait wait = {.deadline_ms = clock_ms() + page_time_ms};
    page_init(&page, index + 1);
    if (reader_page(r, fd, index, &wait, &page, err) != 0) return -1;
    if (page_write_json(&page, &json, err) != 0) return -1;
    puts(json.data);
    return 0;
}

static int read_document(const struct ocr *ocr, int fd, int only)
{
    const struct settings *settings = ocr->settings;
    struct err err = {0};
    struct decode_document document;
    struct ocr_wait wait = {.deadline_ms = clock_ms() + settings->page_time_ms};
    int code = 0;
    AUTO_CLOSE int pdf = -1;
    reader_t *r = reader_new(ocr, true, &err);
    if (!r) return complain(&err);
    if (reader_as_pdf(r, fd, &wait, &pdf, &err) != 0) code = complain(&err);
    if (pdf >= 0) fd = pdf;
    if (code == 0 && reader_inspect(r, fd, &wait, &document, &err) != 0) code = complain(&err);
    int first = only > 0 ? only - 1 : 0, last = only > 0 ? only : document.pages;
    if (code == 0 && last > document.pages) {
        fprintf(stderr, "the document has %d pages\n", document.pages);
        code = 2;
    }
    for (int i = first; code == 0 && i < last; i++)
        if (read_one(r, fd, i, settings->page_time_ms, &err) != 0) code = complain(&err);
    reader_destroy(&r);
    return code;
}

int read_main(int argc, char **argv)
{
    struct settings settings;
    struct err err = {0};
    int page = argc == 4 ? atoi(argv[3]) : 0;
    if (argc < 3 || argc > 4 || (argc == 4 && page < 1)) {
        fprintf(stderr, "usage: ocr-svc " READ_ARG " FILE [PAGE]\n");
        return 2;
    }
    if (settings_load(&settings, &err) != 0) {
        complain(&err);
        return SVC_EXIT_MISTAKE;
    }
    AUTO_CLOSE int fd = open(argv[2], O_RDONLY | O_CLOEXEC);
    struct office office;
    struct ocr ocr = {0};
    int code = 2;
    if (fd < 0) {
        fprintf(stderr, "%s: %s\n", argv[2], strerror(errno));
    } else if (office_start(&office, &settings, &err) == 0 && ocr_open(&settings, &ocr, &err) == 0) {
        ocr.office = &office;
        code = read_document(&ocr, fd, page);
    } else {
        code = complain(&err);
    }
    ocr_close(&ocr);
    settings_done(&settings);
    return code;
}
