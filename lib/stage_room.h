/* stage_room: how a worker's places of one task type are divided over the dispatchers it is linked to.
 *
 * Pure.  `rooms` are what PROTOCOL.md section 6 calls room: how many tasks of the type each dispatcher may
 * have in flight here at once.  Together with what the others hold above their part they never pass `places`.
 */
#ifndef SHEAF_STAGE_ROOM_H
#define SHEAF_STAGE_ROOM_H

#include <stdbool.h>
#include <stdint.h>

struct stage_room_link {
    bool live;     /* welcomed, and neither silent nor draining */
    unsigned held; /* tasks of the type in work here that its dispatcher counts as in flight */
};

/* places: the type's room without what no living dispatcher counts.  Each living link gets an even part;
 * where there are fewer places than that needs, those get one more that `spread` points at.  A link that
 * still holds more than its part is given nothing new, and what it holds too much is taken off the others
 * until it is done. */
void stage_room_divide(unsigned places, const struct stage_room_link *links, int n, uint32_t spread,
                       uint16_t *rooms);

/* Different for every instance and type, so that the odd places of many workers meet at different
 * dispatchers. */
uint32_t stage_room_spread(const char *instance, const char *type);

#endif
