/* identity: who is calling, and what is theirs.  The one place that decides both. */
#ifndef SHEAF_GATEWAY_IDENTITY_H
#define SHEAF_GATEWAY_IDENTITY_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct request;
struct settings;
struct err;

struct caller {
    char owner[37]; /* UUID: whose jobs and records */
    char user[128]; /* who, for the history of a record */
    char email[128]; /* from a verified token; "" not known */
    bool admin;     /* may do what concerns all: stages, buried tasks, logs */
    int64_t expires_s; /* when the token ends, since 1970; what goes on for long ends then */
};

/* At start: may this address be listened on with this SHEAF_AUTH. */
int identity_check_settings(const struct settings *s, struct err *err);
/* The address that people reach this at: APP_URL, else the loopback one. */
void identity_origin(const struct settings *s, char *out, size_t max);
/* Who may use a route. */
enum access {
    ACCESS_ANY,   /* nothing that belongs to anybody */
    ACCESS_OWNER, /* whoever is known; handlers show only what is theirs */
    ACCESS_SERVICE, /* likewise, for other services: with SHEAF_SERVICE_TOKEN set never without a token */
    ACCESS_ADMIN
};
/* Fills rq->caller.  -1: the refusal was answered. */
int identity_of(struct request *rq, enum access access);
/* Is what belongs to `owner` the caller's?  What is not answers exactly like what does not exist. */
bool identity_owns(const struct caller *caller, const char *owner);
/* How long the caller's token is good yet, at most a day; not above 0: it has ended. */
int64_t identity_left_ms(const struct caller *caller);
/* Pure: who a token's claims name.  False: nobody that could own anything. */
bool identity_from_claims(const json_t *claims, struct caller *out);

/* Pure: does the Host header name this machine only or the host of `origin`; does a page of `from` (an Origin
 * header) live on the same host and port as `host`. */
bool identity_host_allowed(const char *host, const char *origin);
bool identity_same_site(const char *from, const char *host, const char *origin);

#endif
