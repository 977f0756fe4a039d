#include "lib/stage_room.h"

#include "proto/wire.h"

static unsigned live_links(const struct stage_room_link *links, int n)
{
    unsigned live = 0;
    for (int i = 0; i < n; i++) live += links[i].live;
    return live;
}

static void even_parts(unsigned places, const struct stage_room_link *links, int n, unsigned live,
                       uint32_t spread, uint16_t *rooms)
{
    unsigned each = places / live, odd = places % live, nth = live - spread % live;
    for (int i = 0; i < n; i++) {
        rooms[i] = 0;
        if (!links[i].live) continue;
        rooms[i] = (uint16_t)(each + (nth++ % live < odd));
    }
}

/* Takes one place off the link with the most free ones; false when none has any. */
static bool take_one(const struct stage_room_link *links, int n, uint16_t *rooms)
{
    int most = -1;
    unsigned most_free = 0;
    for (int i = 0; i < n; i++) {
        if (!links[i].live || rooms[i] <= links[i].held || rooms[i] - links[i].held <= most_free) continue;
        most = i;
        most_free = rooms[i] - links[i].held;
    }
    if (most >= 0) rooms[most]--;
    return most >= 0;
}

void stage_room_divide(unsigned places, const struct stage_room_link *links, int n, uint32_t spread,
                       uint16_t *rooms)
{
    unsigned live = live_links(links, n);
    if (places > WIRE_ROOM_MAX) places = WIRE_ROOM_MAX;
    if (live == 0) {
        for (int i = 0; i < n; i++) rooms[i] = 0;
        return;
    }
    even_parts(places, links, n, live, spread, rooms);

    unsigned over = 0;
    for (int i = 0; i < n; i++) {
        if (links[i].live && links[i].held > rooms[i]) over += links[i].held - rooms[i];
    }
    while (over && take_one(links, n, rooms)) over--;
}

uint32_t stage_room_spread(const char *instance, const char *type)
{
    uint32_t h = 2166136261u; /* FNV-1a */
    for (; *instance; instance++) h = (h ^ (uint8_t)*instance) * 16777619u;
    for (; *type; type++) h = (h ^ (uint8_t)*type) * 16777619u;
    return h ^ h >> 15; /* its low bits alone are poor, and few links look at nothing else */
}
