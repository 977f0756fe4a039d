/* growth: a call made very often by several threads, and whether the process grew meanwhile.
 * Functions are here and not in a .c file because each program is one source. */
#ifndef SHEAF_TESTS_LOAD_GROWTH_H
#define SHEAF_TESTS_LOAD_GROWTH_H

#include <dirent.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include "lib/clock.h"

#define GROWTH_PARTS     10
#define GROWTH_WARM      2    /* parts after which everything has been used once */
#define GROWTH_ALLOW_KIB 2048 /* what the allocator may still do */
#define GROWTH_ALLOW_FDS 4    /* pools open their last connections when all threads meet */

struct growth {
    bool (*once)(void *user); /* false: a call failed */
    void *user;
    long calls;
    _Atomic long made, failed;
};

static inline long growth_rss_kib(void)
{
    long pages = 0;
    FILE *f = fopen("/proc/self/statm", "re");
    if (f && fscanf(f, "%*d %ld", &pages) != 1) pages = 0;
    if (f) fclose(f);
    return pages * sysconf(_SC_PAGESIZE) / 1024;
}

static inline int growth_fds(void)
{
    int n = 0;
    DIR *dir = opendir("/proc/self/fd");
    while (dir && readdir(dir)) n++;
    if (dir) closedir(dir);
    return n - 3;
}

static inline void *growth_work(void *arg)
{
    struct growth *g = arg;
    while (atomic_fetch_add(&g->made, 1) < g->calls)
        if (!g->once(g->user)) atomic_fetch_add(&g->failed, 1);
    return NULL;
}

/* Prints a line for each tenth; 0 when nothing failed and nothing grew, else 1. */
static inline int growth_measure(struct growth *g, int threads)
{
    pthread_t thread[64];
    long rss[GROWTH_PARTS + 1] = {0}, each = g->calls / GROWTH_PARTS;
    int fds[GROWTH_PARTS + 1] = {0};
    for (int part = 1; part <= GROWTH_PARTS; part++) {
        int64_t began_ms = clock_ms();
        g->calls = each * part;
        g->made = each * (part - 1);
        for (int i = 0; i < threads; i++)
            if (pthread_create(&thread[i], NULL, growth_work, g) != 0) abort();
        for (int i = 0; i < threads; i++) pthread_join(thread[i], NULL);
        rss[part] = growth_rss_kib();
        fds[part] = growth_fds();
        printf("%8ld calls  %6ld KiB resident  %3d descriptors  %3ld failed  %6.0f calls/s\n", g->calls, rss[part], fds[part],
               (long)g->failed, (double)each * 1000 / (double)(clock_ms() - began_ms + 1));
        fflush(stdout);
    }
    bool grew = rss[GROWTH_PARTS] > rss[GROWTH_WARM] + GROWTH_ALLOW_KIB || fds[GROWTH_PARTS] > fds[GROWTH_WARM] + GROWTH_ALLOW_FDS;
    printf("%s: %+ld KiB and %+d descriptors since the first fifth\n", grew ? "grew" : "no growth", rss[GROWTH_PARTS] - rss[GROWTH_WARM],
           fds[GROWTH_PARTS] - fds[GROWTH_WARM]);
    return grew || g->failed;
}

#endif
