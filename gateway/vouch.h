/* vouch: whose a token is, by asking the project that gave it out (GoTrue, GET /auth/v1/user).
 *
 * For projects that sign with a secret which was not given to us: they publish no keys, so nobody but they can tell.
 * Each answer is kept by the token's digest, a yes for a minute and a no for half of one, so that a page that polls costs one
 * question a minute, and a session that was logged out is over as soon.  Many who ask about one token at once ask once.
 * Called with the manners of lib/provider.h; any thread, blocks five seconds at most. */
#ifndef SHEAF_GATEWAY_VOUCH_H
#define SHEAF_GATEWAY_VOUCH_H

#include "lib/err.h"
#include "lib/httpc.h"
#include "lib/settings.h"

typedef struct vouch vouch_t;

/* `issuer`: whose tokens they are, "https://…/auth/v1".  Needs one of the project's keys (SUPABASE_ANON_KEY, or the service's). NULL with *err. */
vouch_t *vouch_new(const struct settings *s, const char *issuer, struct err *err);
void vouch_destroy(vouch_t **v);

/* 1: the token is a session of `user`; 0: it is none, or somebody else's.  -1: the project could not be asked (ERR_UNAVAILABLE,
 * ERR_TIMEOUT, ERR_THROTTLED), or is asked in the wrong way (ERR_CONFIG). */
int vouch_ask(vouch_t *v, const char *token, const char *user, struct err *err);

/* For `sheaf doctor`: -1 with *err unless the project answers to our key. */
int vouch_look(vouch_t *v, struct err *err);

#define VOUCH_USER_MAX 40
/* What an answer means; pure, a provider_judge whose `user` is this. */
struct vouched {
    char user[VOUCH_USER_MAX]; /* "": nobody's session */
};
int vouch_judge(const struct httpc_answer *answer, void *user, struct err *err);

#endif
