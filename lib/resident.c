#define _GNU_SOURCE /* MADV_DONTNEED, malloc_trim */
#include "lib/resident.h"

#include <inttypes.h>
#include <malloc.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/mman.h>

/* Relocated data is file-backed too, but the pages that the linker wrote to exist only in memory: it is the
 * missing right to execute that tells them from text. */
static void give_back(const char *line)
{
    uintptr_t from, to;
    char rights[5], path;
    if (sscanf(line, "%" SCNxPTR "-%" SCNxPTR " %4s %*s %*s %*s %c", &from, &to, rights, &path) != 4) return;
    if (path == '/' && rights[0] == 'r' && rights[1] == '-' && rights[2] == 'x')
        (void)madvise((void *)from, to - from, MADV_DONTNEED);
}

void resident_ease(void)
{
    malloc_trim(0);
}

void resident_trim(void)
{
    char line[512];
    FILE *maps = fopen("/proc/self/maps", "re");
    malloc_trim(0);
    if (!maps) return;
    while (fgets(line, sizeof line, maps)) give_back(line);
    fclose(maps);
}
