/* identity: who is calling, and what is theirs.  The one place that decides both. */
#ifndef SHEAF_GATEWAY_IDENTITY_H
#define SHEAF_GATEWAY_IDENTITY_H

#include <stdbool.h>
#include <stddef.h>

struct request;
struct settings;
struct err;

struct caller {
    char owner[37]; /* UUID: whose jobs and records */
    char user[128]; /* who, for the history of a record */
    bool admin;     /* may do what concerns all: stages, buried tasks, logs */
};

/* At start: may this address be listened on with this SHEAF_AUTH. */
int identity_check_settings(const struct settings *s, struct err *err);
/* The address that people reach this at: APP_URL, else the loopback one. */
void identity_origin(const struct settings *s, char *out, size_t max);
/* Who may use a route. */
enum access {
    ACCESS_ANY,   /* nothing that belongs to anybody */
    ACCESS_OWNER, /* whoever is known; handlers show only what is theirs */
    ACCESS_ADMIN
};
/* Fills rq->caller.  -1: the refusal was answered. */
int identity_of(struct request *rq, enum access access);
/* Is what belongs to `owner` the caller's?  What is not answers exactly like what does not exist. */
bool identity_owns(const struct request *rq, const char *owner);

/* Pure: does the Host header name this machine only or the host of `origin`; does a page of `from` (an Origin
 * header) live on the same host and port as `host`. */
bool identity_host_allowed(const char *host, const char *origin);
bool identity_same_site(const char *from, const char *host, const char *origin);

#endif
