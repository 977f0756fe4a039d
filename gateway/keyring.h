/* keyring: the keys that a Supabase project signs its tokens with, fetched from where it publishes them.
 *
 * They are kept for ten minutes.  A token that names a key we do not have makes us look again, at most every 30 s, so
 * a rotation is seen at once and a forger's names cost one request.  One thread fetches, the others wait for it, or
 * go on with the keys there are; a project that does not answer leaves the old ones standing.  A project that publishes none
 * signs with its secret: without that, it is asked itself (vouch.h). Any thread. */
#ifndef SHEAF_GATEWAY_KEYRING_H
#define SHEAF_GATEWAY_KEYRING_H

#include <stdbool.h>
#include "lib/err.h"
#include "lib/jwt.h"
#include "lib/settings.h"

#define KEYRING_SKEW_S 30 /* two clocks, each some seconds off */

typedef struct keyring keyring_t; /* struct keyring in gateway.h */

keyring_t *keyring_new(const struct settings *s, struct err *err);
void keyring_destroy(keyring_t **k);

/* As jwt_verify(). -1: the keys could not be had, or the project not asked, so nothing can be said (ERR_UNAVAILABLE, as vouch_ask()). */
int keyring_verify(keyring_t *k, const char *token, enum jwt_verdict *verdict, json_t **claims, struct err *err);

/* Looks now: how many published keys are of use; 0 without an address to ask; *asks: there are none, and the project answers when it
 * is asked whose a token is. -1: neither can be had. */
int keyring_look(keyring_t *k, bool *asks, struct err *err);

#endif
