/* health: the admin port of every service: GET /livez /readyz /metrics, answered from a thread of
 * its own, so that a hung loop is seen from outside.
 *
 * Liveness means progress: the service's loop calls health_beat() each turn, and /livez answers 503
 * when the last beat is older than `stall_ms`.  Readiness is "my loop turned over and what I need
 * answered": 503 with the reason until health_ready(h, NULL), and again after health_ready(h, "why").
 * A small HTTP/1.1 answerer on one thread (poll, at most 16 connections, 4 KiB requests, 5 s each):
 * civetweb's pool of threads would cost more memory than the rest of a small service.
 */
#ifndef SHEAF_HEALTH_H
#define SHEAF_HEALTH_H

#include <stdint.h>
#include "lib/err.h"

typedef struct health health_t;

/* Listens on address:port (0: any free one) and starts the thread. NULL with *err on failure. */
health_t *health_start(const char *address, int port, int64_t stall_ms, struct err *err);
int health_port(const health_t *h);
void health_beat(health_t *h);                         /* any thread */
void health_ready(health_t *h, const char *why_not);   /* any thread; NULL: ready; the text is copied */
void health_stop(health_t **h);

#endif
