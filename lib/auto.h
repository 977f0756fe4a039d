/* auto: scope cleanup.  AUTO(free) char *p = ...; is freed on every return; set p to NULL to give
 * it away.  One function uses either AUTO or a single forward `goto out`, never both. */
#ifndef SHEAF_AUTO_H
#define SHEAF_AUTO_H

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static inline void auto_free_(void *p)
{
    free(*(void **)p);
}
static inline void auto_close_(int *fd)
{
    if (*fd >= 0) close(*fd);
}
static inline void auto_fclose_(FILE **f)
{
    if (*f) fclose(*f);
}

#define AUTO_FREE   __attribute__((cleanup(auto_free_)))
#define AUTO_CLOSE  __attribute__((cleanup(auto_close_)))
#define AUTO_FCLOSE __attribute__((cleanup(auto_fclose_)))
/* For our own types: AUTO(buf_done) struct buf b = ...;  calls buf_done(&b). */
#define AUTO(done) __attribute__((cleanup(done)))

#define COUNT_OF(a) (sizeof(a) / sizeof((a)[0]))

#endif
