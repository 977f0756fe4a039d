/* registry: name to channel, the one list. A new channel is one file, one line here, and its name in
 * settings.def. */
#include <string.h>
#include "lib/auto.h"
#include "notify-svc/providers/providers.h"

static const struct channel *const channels[] = {&channel_outbox, &channel_smtp, &channel_webhook, &channel_null};

const struct channel *channel_find(const char *name, size_t name_len, struct err *err)
{
    for (size_t i = 0; i < COUNT_OF(channels); i++)
        if (strlen(channels[i]->name) == name_len && strncmp(channels[i]->name, name, name_len) == 0)
            return channels[i];
    err_set(err, ERR_CONFIG, "SHEAF_NOTIFY: there is no channel \"%.*s\"",
            (int)(name_len < 40 ? name_len : 40), name);
    return NULL;
}
