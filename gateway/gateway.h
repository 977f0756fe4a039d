/* gateway: what the parts of this process share.  Filled by main.c in the order of a start, constant while
 * requests are served; each member says for itself which threads may use it (all: any). */
#ifndef SHEAF_GATEWAY_GATEWAY_H
#define SHEAF_GATEWAY_GATEWAY_H

#include "lib/blob.h"
#include "lib/redis.h"
#include "lib/settings.h"

struct answers;
struct events;
struct keyring;
struct lobby;
struct memory;
struct pauses;
struct records;
struct streams;
struct totals;

struct gateway {
    const struct settings *settings;
    const char *origin; /* APP_URL or what it defaults to: "http://127.0.0.1:8080" */
    blob_store_t *blobs;
    redis_pool_t *redis;
    struct keyring *keyring; /* who signs callers' tokens; NULL where nobody does */
    struct memory *memory;   /* is Redis full */
    struct pauses *pauses;   /* which stages wait for a provider */
    struct totals *totals;   /* what was done so far */
    struct answers *answers; /* status texts, for a moment */
    struct streams *streams; /* open event streams */
    struct events *events;   /* what changed */
    struct records *records; /* the way to persist-svc */
    struct lobby *lobby;     /* bodies that are waited for */
    int threads;             /* that serve requests */
};

/* How long one question to Redis may take before the client gets 503. */
#define REDIS_ANSWER_MS 3000

#endif
