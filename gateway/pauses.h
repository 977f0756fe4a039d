/* pauses: stages that wait for a provider which asked for a pause, or whose breaker is open (lib/throttle.h).
 * Looked up in Redis at most once a second, however many ask. Any thread. */
#ifndef SHEAF_GATEWAY_PAUSES_H
#define SHEAF_GATEWAY_PAUSES_H

#include <jansson.h>
#include <stdbool.h>
#include "gateway/gateway.h"
#include "gateway/view.h"

struct pauses;

#define PAUSES_TEXT_MAX 192

struct pauses *pauses_new(void);
void pauses_destroy(struct pauses **p);

/* Gives the job its status_message when one of its open stages is paused and it says nothing of its own.  Redis away: leaves it. */
void pauses_explain(struct gateway *g, const char *const value[JOB_BRIEF], json_t *job);

/* What the stage waits for, as a sentence; false when for nobody. */
bool pauses_of(struct gateway *g, const char *stage, char text[PAUSES_TEXT_MAX]);

#endif
