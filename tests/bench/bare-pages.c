/* bare-pages: every page of one document, by the same decode and recognise functions as ocr-svc, in as many threads, with
 * nothing around them: no Redis, no ZeroMQ, no outputs.  Prints one line of JSON.
 *
 *   bare-pages FILE THREADS [decoding child's argument, which is passed on] */
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "lib/clock.h"
#include "ocr-svc/decode.h"
#include "ocr-svc/reader.h"
#include "tests/bench/bench.h"

static atomic_int next_page;
static int pages, fd;

static void *read_pages(void *reader)
{
    struct ocr_wait wait = {.deadline_ms = clock_ms() + 600000};
    struct err err = {0};
    for (int i; (i = atomic_fetch_add(&next_page, 1)) < pages;) {
        struct page page;
        page_init(&page, i + 1);
        if (reader_page(reader, fd, i, &wait, &page, &err) || page.failed[0]) bench_die("page", page.failed[0] ? page.failed : err.text);
        page_done(&page);
    }
    return NULL;
}

int main(int argc, char **argv)
{
    if (argc == 2 && !strcmp(argv[1], DECODE_CHILD)) return decode_child_main();
    if (argc != 3) bench_die("usage", "bare-pages FILE THREADS");
    setenv("OMP_THREAD_LIMIT", "1", 1); /* as ocr-svc does */
    int threads = atoi(argv[2]);
    pthread_t thread[64];
    reader_t *reader[64];
    struct settings settings;
    struct ocr ocr;
    struct err err = {0};
    if (threads < 1 || threads > 64 || settings_load(&settings, &err) || ocr_open(&settings, &ocr, &err)) bench_die("start", err.text);
    if ((fd = open(argv[1], O_RDONLY | O_CLOEXEC)) < 0) bench_die(argv[1], "not to be read");
    for (int i = 0; i < threads; i++)
        if (!(reader[i] = reader_new(&ocr, true, &err))) bench_die("engine", err.text);
    struct ocr_wait wait = {.deadline_ms = clock_ms() + 60000};
    struct decode_document document;
    if (reader_inspect(reader[0], fd, &wait, &document, &err)) bench_die("inspect", err.text);
    pages = document.pages;
    int64_t began = bench_ns();
    for (int i = 0; i < threads; i++)
        if (pthread_create(&thread[i], NULL, read_pages, reader[i])) bench_die("thread", "not to be had");
    for (int i = 0; i < threads; i++) pthread_join(thread[i], NULL);
    double s = (double)(bench_ns() - began) / 1e9;
    printf("{\"pages\":%d,\"s\":%.3f,\"per_s\":%.3f}\n", pages, s, pages / s);
    for (int i = 0; i < threads; i++) reader_destroy(&reader[i]);
    ocr_close(&ocr);
    settings_done(&settings);
    return 0;
}
