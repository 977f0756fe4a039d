/* stage_names: where the dispatchers are.
 *
 * Turns SHEAF_DISPATCHERS ("tcp://host:port", comma-separated) into addresses.  A name stands for all its
 * addresses, and is looked up again and again by a thread of its own: libzmq would take only the first, and
 * block its I/O thread over it.  A look-up that fails or comes back empty changes nothing.  Without names
 * there is no thread.
 */
#ifndef SHEAF_STAGE_NAMES_H
#define SHEAF_STAGE_NAMES_H

#include <stdbool.h>
#include <stdint.h>
#include "lib/err.h"

#define STAGE_ADDRESSES_MAX 32
#define STAGE_ADDRESS       128 /* bytes of an address, NUL included */

struct stage_addresses {
    int n;
    char text[STAGE_ADDRESSES_MAX][STAGE_ADDRESS]; /* sorted as found, each once */
};

typedef struct stage_names stage_names_t;

/* `event_fd` is written when the addresses changed.  ERR_CONFIG when the list is not what it should be. */
stage_names_t *stage_names_start(const char *list, int64_t every_ms, int event_fd, struct err *err);
/* True and a copy when they changed since the last call. The loop's thread. */
bool stage_names_take(stage_names_t *names, struct stage_addresses *out);
void stage_names_stop(stage_names_t **names); /* does not wait for a look-up that hangs */

#endif
