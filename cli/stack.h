/* stack: what a local Sheaf consists of: which processes, with which arguments, on which ports. */
#ifndef SHEAF_CLI_STACK_H
#define SHEAF_CLI_STACK_H

#include <stdbool.h>
#include <stddef.h>
#include "cli/supervisor.h"
#include "lib/settings.h"

#define STACK_SERVICES 6

struct stack {
    const struct settings *settings;
    const char *var;              /* absolute */
    char programs[4096];          /* the folder of the six programs: where this one lies */
    bool own_redis;               /* no REDIS_URL was given, so we run one */
    int replicas[STACK_SERVICES]; /* by stack_service() */
};

/* One replica of each, programs beside our own, a Redis if the environment names none. */
int stack_init(struct stack *stack, const struct settings *settings, const char *var, struct err *err);
/* Whether the environment names a Redis, so that we run none. */
bool stack_redis_is_given(void);
/* The address of the Redis that `sheaf up` runs in `var` (absolute): its socket, or its port where the path
 * is too long for one. */
void stack_redis_url(const struct settings *settings, const char *var, char *out, size_t room);
/* The position of a service by its name ("ocr-svc", or short "ocr"), -1: there is none. */
int stack_service(const char *name);
/* The name of the service at a position, NULL beyond the last. */
const char *stack_service_name(int position);
unsigned stack_service_who(int position);
/* -1 with ERR_CONFIG: that many of it cannot run on one machine. */
int stack_set_replicas(struct stack *stack, int position, const char *count, struct err *err);
/* The ports that all of it listens on, the gateway's first; how many. */
#define STACK_PORTS_MAX 24
int stack_ports(const struct stack *stack, int ports[STACK_PORTS_MAX]);
/* Gives the supervisor everything. -1: a program is missing, or no memory. */
int stack_add(const struct stack *stack, supervisor_t *supervisor, struct err *err);

#endif
