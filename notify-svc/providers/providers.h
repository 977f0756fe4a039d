/* providers: what registry.c lists. Each is documented in channel.h. */
#ifndef SHEAF_NOTIFY_SVC_PROVIDERS_PROVIDERS_H
#define SHEAF_NOTIFY_SVC_PROVIDERS_PROVIDERS_H

#include "notify-svc/channel.h"

extern const struct channel channel_outbox, channel_smtp, channel_webhook, channel_null;

#endif
