#include "dispatcher/retry.h"

#define FIRST_MS 1000
#define MOST_MS  60000
#define HOUR_MS  3600000

int64_t retry_after_ms(uint32_t attempt, uint32_t random)
{
    int64_t span = FIRST_MS;
    for (uint32_t i = 1; i < attempt && span < MOST_MS; i++) span *= 2;
    if (span > MOST_MS) span = MOST_MS;
    return span / 2 + (int64_t)random % (span / 2 + 1);
}

int64_t throttle_after_ms(int64_t told_ms, uint32_t random)
{
    if (told_ms < 100) told_ms = 100;
    if (told_ms > HOUR_MS) told_ms = HOUR_MS;
    return told_ms + (int64_t)random % (told_ms / 10 + 1);
}
