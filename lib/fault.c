#include "lib/fault.h"

#ifdef SHEAF_FAULTS

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define VARIABLE "SHEAF_FAULT"

static const char *const names[FAULT_POINTS] = {
#define P(service, name, what) [FAULT_##name] = #name,
#include "lib/fault.def"
#undef P
};

static pthread_once_t once = PTHREAD_ONCE_INIT;
static int chosen = -1; /* written once, before anybody reads it */
static atomic_int left;

static void read_variable(void)
{
    const char *text = getenv(VARIABLE);
    if (!text || !*text) return;
    const char *colon = strchr(text, ':');
    const size_t len = colon ? (size_t)(colon - text) : strlen(text);
    for (int i = 0; i < FAULT_POINTS; i++)
        if (strlen(names[i]) == len && memcmp(names[i], text, len) == 0) chosen = i;
    atomic_store(&left, colon ? atoi(colon + 1) : 1);
    if (chosen >= 0 && atomic_load(&left) > 0) return;
    fprintf(stderr, VARIABLE "=%s names no point of lib/fault.def and a number from 1\n", text);
    abort(); /* a test that would prove nothing */
}

bool fault_due(enum fault_point point)
{
    (void)pthread_once(&once, read_variable);
    return (int)point == chosen && atomic_load(&left) == 1;
}

void fault_pass(enum fault_point point)
{
    (void)pthread_once(&once, read_variable);
    if ((int)point == chosen && atomic_fetch_sub(&left, 1) == 1) (void)raise(SIGKILL);
}

bool fault_is_setting(const char *name, size_t len)
{
    return len == strlen(VARIABLE) && memcmp(name, VARIABLE, len) == 0;
}

#else
typedef int fault_nothing; /* a file may not be empty */
#endif
