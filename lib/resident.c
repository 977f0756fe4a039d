#define _GNU_SOURCE /* MADV_DONTNEED, malloc_trim, dl_iterate_phdr */
#include "lib/resident.h"

#include <link.h>
#include <malloc.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

#define SEGMENTS_MOST 8 /* of one object that cannot be written; linkers make two or three */

/* Has the linker written into what is otherwise only read? No library of a distribution asks for that, but the format allows it. */
static bool written_at_load(const struct dl_phdr_info *object)
{
    for (int i = 0; i < object->dlpi_phnum; i++) {
        if (object->dlpi_phdr[i].p_type != PT_DYNAMIC) continue;
        for (const ElfW(Dyn) *d = (const ElfW(Dyn) *)(object->dlpi_addr + object->dlpi_phdr[i].p_vaddr); d->d_tag != DT_NULL; d++)
            if (d->d_tag == DT_TEXTREL || (d->d_tag == DT_FLAGS && d->d_un.d_val & DF_TEXTREL)) return true;
    }
    return false;
}

/* Segments without the right to write are the file's own pages. What the linker relocated and then made read-only lies in a segment
 * that has it, so the headers tell the two apart where /proc/self/maps does not.  They lie in such a segment themselves: all are
 * read before the first goes, or each would come back with its neighbours. */
static int give_back(struct dl_phdr_info *object, size_t size, void *user)
{
    const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    struct { uintptr_t from, to; } segments[SEGMENTS_MOST];
    int n = 0;
    (void)size, (void)user;
    if (written_at_load(object)) return 0;
    for (int i = 0; i < object->dlpi_phnum && n < SEGMENTS_MOST; i++) {
        const ElfW(Phdr) *segment = &object->dlpi_phdr[i];
        const uintptr_t at = object->dlpi_addr + segment->p_vaddr;
        if (segment->p_type != PT_LOAD || segment->p_flags & PF_W) continue;
        segments[n].from = at & ~(page - 1);
        segments[n++].to = at + segment->p_memsz;
    }
    while (n--) (void)madvise((void *)segments[n].from, segments[n].to - segments[n].from, MADV_DONTNEED);
    return 0;
}

void resident_ease(void)
{
    malloc_trim(0);
}

void resident_trim(void)
{
    malloc_trim(0);
    (void)dl_iterate_phdr(give_back, NULL);
}
