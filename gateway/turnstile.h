/* turnstile: how many of the gateway's threads may be persist-svc's at once, and whether it answers.
 *
 * A call has a place from its beginning until its answer is taken: three eighths of the threads, of which two thirds for documents and
 * exports, whose takers may be slow. Who finds all taken waits in line while places change hands, as they do where all is well; when none has
 * for a moment there is no line, so that neither a persist-svc that hangs nor slow takers can have the other threads as well. Once it is
 * known to hang (what was asked is not answered, nor has anything been since) nobody is let in. Any thread. */
#ifndef SHEAF_GATEWAY_TURNSTILE_H
#define SHEAF_GATEWAY_TURNSTILE_H

#include <stdbool.h>
#include <stdint.h>
#include "lib/err.h"

#define TURNSTILE_STILL_MS  1000 /* so long places may not change hands, */
#define TURNSTILE_LINE_MS   3000 /* and so long in all, that one waits in line */
#define TURNSTILE_PROMPT_MS 200  /* who says no so soon keeps no thread */
#define TURNSTILE_DOUBT_MS  1000

struct turnstile *turnstile_new(int threads);
void turnstile_destroy(struct turnstile **t);

/* -1: no place; else it is to be left, as what it was entered. */
int turnstile_enter(struct turnstile *t, bool document, struct err *err);
void turnstile_leave(struct turnstile *t, bool document);

/* Each question, and that it begins to be answered, with this status; or what else ended its wait. */
#define TURNSTILE_SILENCE   0
#define TURNSTILE_OUR_FAULT (-1) /* says nothing about persist-svc */
int64_t turnstile_ask(struct turnstile *t); /* when that was */
void turnstile_heard(struct turnstile *t, int64_t asked_ms, int status);
/* Somebody waits, and nobody was answered for a while; or it is known to hang: so it is time to look. */
bool turnstile_in_doubt(struct turnstile *t);

#endif
