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
#include <sys/resource.h>
#include <unistd.h>
#include "lib/clock.h"
#include "ocr-svc/decode.h"
#include "ocr-svc/reader.h"
#include "tests/bench/bench.h"

/* What the threads share. The clock runs from the moment that every engine is there. */
struct loop {
    const struct ocr *ocr;
    pthread_barrier_t ready;
    atomic_int next_page;
    int pages, fd;
};

/* An engine is opened by the thread that uses it, as in ocr-svc: what it asks of OpenMP holds for the calling thread. */
static reader_t *open_reader(const struct loop *loop)
{
    struct err err = {0};
    reader_t *reader = reader_new(loop->ocr, true, &err);
    if (!reader) bench_die("engine", err.text);
    return reader;
}

/* Ours and that of decoding children, which ended with their readers. */
static double cpu_s(void)
{
    double s = 0;
    for (int i = 0; i < 2; i++) {
        struct rusage u;
        getrusage(i ? RUSAGE_CHILDREN : RUSAGE_SELF, &u);
        s += (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) + (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
    }
    return s;
}

static void *read_pages(void *user)
{
    struct loop *loop = user;
    struct ocr_wait wait = {.deadline_ms = clock_ms() + 600000};
    struct err err = {0};
    reader_t *reader = open_reader(loop);
    pthread_barrier_wait(&loop->ready);
    for (int i; (i = atomic_fetch_add(&loop->next_page, 1)) < loop->pages;) {
        struct page page;
        page_init(&page, i + 1);
        if (reader_page(reader, loop->fd, i, &wait, &page, &err) || page.failed[0]) bench_die("page", page.failed[0] ? page.failed : err.text);
        page_done(&page);
    }
    reader_destroy(&reader);
    return NULL;
}

static int count_pages(const struct loop *loop)
{
    struct ocr_wait wait = {.deadline_ms = clock_ms() + 60000};
    struct decode_document document;
    struct err err = {0};
    reader_t *reader = open_reader(loop);
    if (reader_inspect(reader, loop->fd, &wait, &document, &err)) bench_die("inspect", err.text);
    reader_destroy(&reader);
    return document.pages;
}

int main(int argc, char **argv)
{
    if (argc == 2 && !strcmp(argv[1], DECODE_CHILD)) return decode_child_main();
    if (argc != 3) bench_die("usage", "bare-pages FILE THREADS");
    int threads = atoi(argv[2]);
    pthread_t thread[64];
    struct settings settings;
    struct ocr ocr;
    struct loop loop = {.ocr = &ocr};
    struct err err = {0};
    if (threads < 1 || threads > 64 || settings_load(&settings, &err) || ocr_open(&settings, &ocr, &err)) bench_die("start", err.text);
    if ((loop.fd = open(argv[1], O_RDONLY | O_CLOEXEC)) < 0) bench_die(argv[1], "not to be read");
    loop.pages = count_pages(&loop);
    if (pthread_barrier_init(&loop.ready, NULL, (unsigned)threads + 1)) bench_die("barrier", "not to be had");
    for (int i = 0; i < threads; i++)
        if (pthread_create(&thread[i], NULL, read_pages, &loop)) bench_die("thread", "not to be had");
    pthread_barrier_wait(&loop.ready);
    double cpu = cpu_s();
    int64_t began = bench_ns();
    for (int i = 0; i < threads; i++) pthread_join(thread[i], NULL);
    double s = (double)(bench_ns() - began) / 1e9;
    printf("{\"pages\":%d,\"s\":%.3f,\"per_s\":%.3f,\"cpu_s\":%.3f}\n", loop.pages, s, loop.pages / s, cpu_s() - cpu);
    ocr_close(&ocr);
    settings_done(&settings);
    return 0;
}
